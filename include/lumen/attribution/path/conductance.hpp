// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/detail/layer_path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/quadrature.hpp>

namespace lumen {

/// How `Conductance` sums g dh over the intervals of a path: from its first point to its last, each with the mean of the
/// gradients at its ends.
struct StieltjesSum {
  template <QuadratureRule Q>
  [[nodiscard]] std::vector<double> nodes(const Q& rule, std::int64_t steps) const {
    std::vector<double> nodes = rule(steps).nodes;
    if (nodes.front() > 0.0) nodes.insert(nodes.begin(), 0.0);
    if (nodes.back() < 1.0) nodes.push_back(1.0);
    return nodes;
  }
  [[nodiscard]] Tensor slope(const Tensor& before, const Tensor& after) const {
    return (before + after) * 0.5;
  }
};

/// Captum's sum (`LayerConductance`), only for comparing numbers with it: the rule's points for a step more, without the
/// path's ends, and each interval's first gradient.
struct CaptumLeftSum {
  template <QuadratureRule Q>
  [[nodiscard]] std::vector<double> nodes(const Q& rule, std::int64_t steps) const {
    return rule(steps + 1).nodes;
  }
  [[nodiscard]] Tensor slope(const Tensor& before, const Tensor&) const { return before; }
};

/// Where on a path gradients are looked at, and which of an interval counts.
template <class S>
concept PathSum = std::copy_constructible<S> && requires(const S& sum, const Tensor& gradient) {
  { sum.nodes(quadrature::Trapezoid{}, std::int64_t{}) } -> std::same_as<std::vector<double>>;
  { sum.slope(gradient, gradient) } -> std::same_as<Tensor>;
};

namespace detail {

/// Sums g dh over consecutive points of each sample's path, whatever chunks they come in.
template <PathSum S>
class RunningSum {
 public:
  RunningSum(std::int64_t n, S rule) : n_(n), rule_(std::move(rule)) {}

  /// Takes the rows that follow: `value` h and `gradient` g; `samples` tells whose they are.
  void add(const Tensor& value, const Tensor& gradient, const Tensor& samples) {
    if (!sum_.defined()) {
      std::vector<std::int64_t> shape = value.sizes().vec();
      shape.front() = n_;
      sum_ = at::zeros(shape, value.options());
    }
    values_ = values_.defined() ? at::cat({values_, value}) : value;
    gradients_ = gradients_.defined() ? at::cat({gradients_, gradient}) : gradient;
    const std::int64_t rows = values_.size(0), pieces = rows - n_;
    if (pieces > 0) {
      const Tensor step = values_.narrow(0, n_, pieces) - values_.narrow(0, 0, pieces);
      const Tensor slope = rule_.slope(gradients_.narrow(0, 0, pieces), gradients_.narrow(0, n_, pieces));
      engine::add_rows(sum_, samples.narrow(0, samples.size(0) - pieces, pieces), slope * step);
    }
    const std::int64_t kept = std::min(rows, n_);
    values_ = values_.narrow(0, rows - kept, kept);
    gradients_ = gradients_.narrow(0, rows - kept, kept);
  }

  [[nodiscard]] const Tensor& sum() const { return sum_; }

 private:
  std::int64_t n_;
  S rule_;
  Tensor values_, gradients_, sum_;
};

}  // namespace detail

/// Conductance of the units of a layer: Dhamdhere, Sundararajan and Yan, "How Important Is a Neuron?", ICLR 2019,
/// arXiv:1805.12233, equation 3.
///
///     a = integral over t in [0, 1] of dF/dh * dh/dt along x' + t (x - x'),  h the layer's value
///
/// taken as a Stieltjes sum: gradients at the rule's points and at both ends, each interval's mean gradient times
/// the change of h over it. No derivative of h is needed, so nothing before the layer is differentiated.
///
/// Completeness: over a layer that all paths cross, a sums to F(x) - F(x') up to an error O(steps^-2) where F and h
/// are smooth; of another layer `completeness_error` also holds what passes it by.
/// Cost: `steps` (and up to 2 more) forward passes and backward passes down to the layer, and two forward passes.
template <Baseline B = baseline::Zero, QuadratureRule Q = quadrature::Trapezoid, PathSum S = StieltjesSum>
struct Conductance {
  trace::Layer layer{};     ///< layer::nth, layer::of, layer::tap; layer::input of these
  B baseline{};             ///< x', of the model's input; a random one is drawn once for each sample
  std::int64_t steps = 50;  ///< points on the path, at least 2
  Q rule{};                 ///< where on the path; its weights are not used
  S sum{};                  ///< how its intervals are summed
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Conductance<Other, Q, S> with_baseline(Other other) const {
    return {layer, std::move(other), steps, rule, sum, run};
  }

  /// @param model   F, differentiable behind the layer; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in the shape of the layer's value, in units of the score; `score`, `completeness_error`
  /// @throws Error  bad input, options, layer or baseline; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    engine::check_count("Conductance", "steps", steps, 2);
    return engine::answer(target, [&](const Targets& targets) {
      const detail::LayerPath path = detail::layer_path(model, layer, x, baseline, targets, run);
      const std::vector<double> nodes = sum.nodes(rule, steps);
      std::vector<detail::RunningSum<S>> sums(targets.size(), {path.size(), sum});
      path.visit(nodes, run, "conductance",
                 [&](const trace::LayerDerivatives& at, std::int64_t, const Tensor& samples) {
                   for (std::size_t t = 0; t < targets.size(); ++t) {
                     sums[t].add(at.values.front(), at.gradients[t].front(), samples);
                   }
                 });
      std::vector<Attribution<Tensor>> results;
      const auto passes = static_cast<std::int64_t>(nodes.size());
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensor& map = sums[t].sum();
        results.push_back(
            {.map = map,
             .score = path.start.scores[t],
             .completeness_error = engine::sum_of({map}) - (path.start.scores[t] - path.baseline_scores[t]),
             .forward_passes = passes + 2,
             .backward_passes = passes});
      }
      return results;
    });
  }
};

}  // namespace lumen
