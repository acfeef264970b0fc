// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/detail/layer_path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

namespace detail {

/// Sums g dh over consecutive points of each sample's path, whatever chunks they come in.
class PathSum {
 public:
  /// @param left  the gradient at the first end of each piece, instead of the mean of both ends
  PathSum(std::int64_t n, bool left) : n_(n), left_(left) {}

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
      const Tensor before = gradients_.narrow(0, 0, pieces);
      const Tensor slope = left_ ? before : (before + gradients_.narrow(0, n_, pieces)) * 0.5;
      engine::add_rows(sum_, samples.narrow(0, samples.size(0) - pieces, pieces), slope * step);
    }
    const std::int64_t kept = std::min(rows, n_);
    values_ = values_.narrow(0, rows - kept, kept);
    gradients_ = gradients_.narrow(0, rows - kept, kept);
  }

  [[nodiscard]] const Tensor& sum() const { return sum_; }

 private:
  std::int64_t n_;
  bool left_;
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
template <Baseline B = baseline::Zero, QuadratureRule Q = quadrature::Trapezoid>
struct Conductance {
  trace::Layer layer{};     ///< layer::nth, layer::of, layer::tap; layer::input of these
  B baseline{};             ///< x', of the model's input; a random one is drawn once for each sample
  std::int64_t steps = 50;  ///< points on the path, at least 2
  Q rule{};                 ///< where on the path; its weights are not used
  /// Captum's sum, only for comparing numbers with it: the rule's points for steps + 1, no ends added, and each
  /// interval's first gradient in place of the mean.
  bool captum_left_sum = false;
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Conductance<Other, Q> with_baseline(Other other) const {
    return {layer, std::move(other), steps, rule, captum_left_sum, run};
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
      std::vector<double> nodes = rule(captum_left_sum ? steps + 1 : steps).nodes;
      if (!captum_left_sum) {
        if (nodes.front() > 0.0) nodes.insert(nodes.begin(), 0.0);
        if (nodes.back() < 1.0) nodes.push_back(1.0);
      }
      std::vector<detail::PathSum> sums(targets.size(), {path.size(), captum_left_sum});
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
