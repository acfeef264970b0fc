// SPDX-License-Identifier: BSD-3-Clause
// An operator that the library does not know: LRP refuses it by name, until its composite has an entry for its kind.
#include <cstdio>
#include <string>

#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>

namespace lm = lumen;
namespace rule = lumen::rule;

int main() {
  const at::Tensor weight = at::tensor({1.0, 2.0, 1.0, 0.5}).reshape({2, 2});
  const auto net = [&](const at::Tensor& x) { return at::logcumsumexp(at::linear(x, weight), 1); };
  const at::Tensor x = at::tensor({1.0, 2.0}).reshape({1, 2});
  const lm::target::Class question{.index = 1};
  std::string refusal;
  try {
    (void)lm::Lrp{}(net, x, question);
  } catch (const lm::Error& error) {
    refusal = error.what();
  }
  std::printf("%s\n", refusal.c_str());

  //! [operator]
  // The kind is the operator's name without "aten::" and the underscore of its in-place form; `lumen inspect` prints it.
  rule::Composite composite = rule::lrp::EpsilonPlus{};
  composite.use({"logcumsumexp"}, [](const rule::Record& record, const lm::Tensors& gradients) {
    // y_j = log of the sum over i <= j of exp(x_i): each x_i has the share exp(x_i - y_j) of y_j's relevance
    const lm::Tensor& values = record.inputs[record.data()];
    const lm::Tensor shares = at::exp(values.unsqueeze(-2) - record.outputs[0].unsqueeze(-1)).tril();
    return rule::only(record, record.data(), (shares * gradients[0].unsqueeze(-1)).sum(-2));
  });
  const auto why = lm::Lrp{.composite = composite}(net, x, question);
  //! [operator]
  std::printf("F(x) = %g, relevance %g and %g\n", why.score.item<double>(), why.map[0][0].item<double>(),
              why.map[0][1].item<double>());
  const bool conserved = at::allclose(why.map.sum(), why.score.sum(), 1e-4);
  return conserved && refusal.find("logcumsumexp") != std::string::npos ? 0 : 1;
}
