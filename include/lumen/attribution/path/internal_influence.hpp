// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/detail/layer_path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Internal influence, distributional influence over a segment: Leino, Sen, Datta, Fredrikson and Li,
/// "Influence-Directed Explanations for Deep Convolutional Networks", ITC 2018, arXiv:1802.03788, section 2.
///
///     a = integral over t in [0, 1] of dF/dh at x' + t (x - x'),  h the layer's value
///
/// The average gradient of the score at the layer: no completeness.
/// Cost: `steps` forward passes, backward passes down to the layer, and two forward passes.
template <Baseline B = baseline::Zero, QuadratureRule Q = quadrature::GaussLegendre>
struct InternalInfluence {
  trace::Layer layer{};     ///< layer::nth, layer::of, layer::tap; layer::input of these
  B baseline{};             ///< x', of the model's input; a random one is drawn once for each sample
  std::int64_t steps = 50;  ///< points on the path, at least 1
  Q rule{};                 ///< where on the path, and with what weights
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] InternalInfluence<Other, Q> with_baseline(Other other) const {
    return {layer, std::move(other), steps, rule, run};
  }

  /// @param model   F, differentiable behind the layer; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in the shape of the layer's value, in units of the score per unit of h; `score`
  /// @throws Error  bad input, options, layer or baseline; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    engine::check_count("InternalInfluence", "steps", steps);
    return engine::answer(target, [&](const Targets& targets) {
      const detail::LayerPath path = detail::layer_path(model, layer, x, baseline, targets, run);
      const Quadrature q = rule(steps);
      const Tensor weights = at::tensor(q.weights, at::kDouble).repeat_interleave(path.size());
      Tensors sums(targets.size());
      path.visit(q.nodes, run, "internal influence",
                 [&](const trace::LayerDerivatives& at, std::int64_t first, const Tensor& samples) {
                   for (std::size_t t = 0; t < targets.size(); ++t) {
                     const Tensor& gradient = at.gradients[t].front();
                     if (!sums[t].defined()) {
                       std::vector<std::int64_t> shape = gradient.sizes().vec();
                       shape.front() = path.size();
                       sums[t] = at::zeros(shape, gradient.options());
                     }
                     const Tensor w = engine::per_row(weights.narrow(0, first, samples.size(0)), gradient);
                     engine::add_rows(sums[t], samples,
                                      gradient * w.to(gradient.device(), gradient.scalar_type()));
                   }
                 });
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back({.map = sums[t],
                           .score = path.start.scores[t],
                           .forward_passes = static_cast<std::int64_t>(q.nodes.size()) + 2,
                           .backward_passes = static_cast<std::int64_t>(q.nodes.size())});
      }
      return results;
    });
  }
};

}  // namespace lumen
