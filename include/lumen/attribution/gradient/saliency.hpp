// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

namespace detail {

/// The gradient of each target at `x`, as attributions: one forward and one backward pass of N samples.
inline std::vector<engine::Derivatives> gradients_at(const engine::Function& model, const Tensors& x,
                                                     const Targets& targets, const Run& run) {
  engine::check_input(x);
  const std::int64_t n = x.front().size(0);
  std::vector<engine::Derivatives> chunks;
  sweep(n, engine::granule(targets, n), run, "gradient", [&](std::int64_t first, std::int64_t count) {
    if (count == n) {
      chunks.push_back(engine::differentiate(model, x, targets, true));
      return;
    }
    const Tensor samples = engine::samples_of(first, count, n);
    chunks.push_back(engine::differentiate_owned(first == 0 ? engine::checked(model, targets, n) : model,
                                                 engine::select_rows(x, samples),
                                                 engine::target_rows(targets, samples, n), true));
  });
  return chunks;
}

/// One target's share of `chunks`, joined: its scores and its gradients.
inline std::pair<Tensor, Tensors> join(const std::vector<engine::Derivatives>& chunks, std::size_t target) {
  if (chunks.size() == 1) return {chunks.front().scores[target], chunks.front().gradients[target]};
  Tensors scores, gradients;
  for (const engine::Derivatives& chunk : chunks) scores.push_back(chunk.scores[target]);
  for (std::size_t part = 0; part < chunks.front().gradients[target].size(); ++part) {
    Tensors pieces;
    for (const engine::Derivatives& chunk : chunks) pieces.push_back(chunk.gradients[target][part]);
    gradients.push_back(at::cat(pieces));
  }
  return {at::cat(scores), std::move(gradients)};
}

/// Gradient attributions whose map is `shape(gradient, x)` for each part.
template <Input X, class M, class T, class Shape>
auto gradient_attribution(M& model, const X& x, const T& target, const Run& run, const Shape& shape) {
  return engine::answer(target, [&](const Targets& targets) {
    const Tensors parts = parts_of(x);
    const std::vector<engine::Derivatives> chunks = gradients_at(engine::bind<X>(model), parts, targets, run);
    std::vector<Attribution<X>> results;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      auto [scores, gradients] = join(chunks, t);
      engine::check_scores(scores);
      for (std::size_t i = 0; i < parts.size(); ++i) gradients[i] = shape(gradients[i], parts[i]);
      results.push_back(
          {.map = input_of<X>(gradients), .score = scores, .forward_passes = 1, .backward_passes = 1});
    }
    return results;
  });
}

}  // namespace detail

/// Saliency: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014,
/// arXiv:1312.6034, section 3.
///
///     a = |dF/dx|, or dF/dx with `absolute = false`
///
/// Cost: one forward and one backward pass.
struct Saliency {
  bool absolute = true;  ///< the magnitude of the gradient, as in the paper; false keeps its sign
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return a in units of the score per unit of input, `score`; no completeness
  /// @throws Error  bad input; a score that is not finite, not one a sample, or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    return detail::gradient_attribution(model, x, target, run, [this](const Tensor& gradient, const Tensor&) {
      return absolute ? gradient.abs() : gradient;
    });
  }
};

}  // namespace lumen
