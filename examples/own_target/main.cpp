// SPDX-License-Identifier: BSD-3-Clause
// A target of one's own: how much brighter a network's answer is on a path of pixels than beside it.
#include <cstdio>

#include <lumen/lumen.hpp>

namespace lm = lumen;

//! [target]
/// The mean of a channel where it is predicted, less its mean elsewhere: one number a sample, [N].
struct Contrast {
  std::int64_t channel = 0;
  lm::Tensor inside{};  ///< [N, H, W], as it was predicted; set by `freeze`

  lm::Tensor operator()(const lm::Tensor& output) const {
    lm::require(output.dim() == 4 && channel < output.size(1), [&] {
      return lm::text("Contrast needs a dense output with channel ", channel, ", got ", output.sizes());
    });
    const lm::Tensor values = output.select(1, channel);
    const lm::Tensor in = inside.defined() ? inside : output.argmax(1).eq(channel).to(values.scalar_type());
    const lm::Tensor out = 1 - in;
    return (values * in).flatten(1).sum(1) / in.flatten(1).sum(1).clamp_min(1) -
           (values * out).flatten(1).sum(1) / out.flatten(1).sum(1).clamp_min(1);
  }
  /// The region is that of the unperturbed output: methods ask for this once, before they change the input.
  [[nodiscard]] Contrast freeze(const lm::Tensor& output) const {
    return {channel, output.argmax(1).eq(channel).to(output.scalar_type())};
  }
  /// The question for the samples that `index` lists, so that passes may hold any selection of them.
  [[nodiscard]] Contrast rows(const lm::Tensor& index) const {
    return {channel, inside.defined() ? inside.index_select(0, index.to(inside.device())) : inside};
  }
};
//! [target]

int main() {
  const at::Tensor x = at::arange(24.0).reshape({2, 1, 3, 4}) / 24;
  const auto net = [](const at::Tensor& at) { return at::cat({1 - at, at.square()}, 1); };
  const Contrast question{.channel = 1};
  const lm::Targets both{question,
                         lm::target::Softmax{lm::target::Pixel{.channel = 1, .row = 2, .column = 3}}};
  const auto answers =
      lm::IntegratedGradients{.steps = 32}(net, x, both);  // it stands beside the library's targets
  const at::Tensor score = question.freeze(net(x))(net(x));
  std::printf("contrast %g and %g\n", score[0].item<double>(), score[1].item<double>());
  const bool same = at::allclose(answers[0].score, score);
  const bool complete = answers[0].completeness_error.abs().max().item<double>() < 1e-5;
  return same && complete ? 0 : 1;
}
