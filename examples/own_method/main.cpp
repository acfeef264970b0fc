// SPDX-License-Identifier: BSD-3-Clause
// A method of one's own: the mean gradient on the way from black to the input; with noise by Smooth, and a step behind.
#include <lumen/lumen.hpp>

namespace lm = lumen;

//! [method]
/// The mean gradient at `steps` even points between black and the input.
struct MeanGradient {
  std::int64_t steps = 8;
  lm::Run run{};  // combinators put their budget, progress and sample numbers here

  template <lm::Input X, lm::Model<X> M, lm::TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    return lm::engine::answer(
        target, [&](const lm::Targets& targets) {  // one target or several, answered in kind
          lm::require(steps >= 1,
                      [&] { return lm::text("MeanGradient: steps is ", steps, ", expected at least 1"); });
          const lm::engine::Function function = lm::engine::bind<X>(model);
          const lm::Tensors parts = lm::parts_of(x);
          const auto start =
              lm::engine::start(function, parts, targets, run);  // checks; F(x); targets fixed there
          const std::int64_t n = parts.front().size(0);
          std::vector<lm::Tensors> sums(targets.size());
          for (lm::Tensors& sum : sums)
            for (const lm::Tensor& part : parts) sum.push_back(at::zeros_like(part));
          // rows of work are numbered draw * n + sample, and come in chunks that fit run.memory
          lm::engine::differentiate_rows(
              function, n, steps, start.targets, run, "mean gradient",
              [&](std::int64_t first, const lm::Tensor& samples) {
                lm::Tensors points = lm::engine::select_rows(parts, samples);
                const lm::Tensor draw = at::arange(first, first + samples.size(0)).div(n, "floor") + 1;
                for (lm::Tensor& part : points)
                  part = part * lm::engine::per_row(draw / steps, part).to(part.options());
                return points;
              },
              [&](const lm::engine::Derivatives& found, std::int64_t, const lm::Tensor& samples) {
                for (std::size_t t = 0; t < targets.size(); ++t)
                  for (std::size_t i = 0; i < parts.size(); ++i)
                    lm::engine::add_rows(sums[t][i], samples, found.gradients[t][i] / steps);
              });
          std::vector<lm::Attribution<X>> answers;
          for (std::size_t t = 0; t < targets.size(); ++t)
            answers.push_back(
                {.map = lm::input_of<X>(sums[t]), .score = start.scores[t], .backward_passes = steps});
          return answers;
        });
  }
};
//! [method]

int main() {
  const auto net = [](const at::Tensor& x) { return x.square().flatten(1).cumsum(1); };
  const at::Tensor x = at::tensor({1.0, 2.0, 3.0}).reshape({1, 3});
  const auto method =
      lm::Smooth{.method = MeanGradient{.steps = 4}, .samples = 2, .stdev = 0} | lm::PositivePart{};
  const at::Tensor map = method(net, x, lm::target::Class{.index = 1}).map;
  // the gradient at t x is 2 t x, of which t is 5/8 on average; class 1 does not see the third
  return at::allclose(map, at::tensor({1.25, 2.5, 0.0}).reshape({1, 3})) ? 0 : 1;
}
