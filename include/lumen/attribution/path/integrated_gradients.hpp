// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/quadrature.hpp>

namespace lumen {

namespace detail {

/// The integral over t of dF/dx at x' + t (x - x') for one target, and its product with x - x'.
struct PathIntegral {
  Tensors gradient, product;
};

/// For each target, its integral by the rule `q`.
inline std::vector<PathIntegral> path_integrals(const engine::Function& model, const Tensors& x,
                                                const Tensors& origin, const engine::Start& start,
                                                const Quadrature& q, const Run& run) {
  const Targets& targets = start.targets;
  const std::int64_t n = x.front().size(0), steps = static_cast<std::int64_t>(q.nodes.size());
  const auto each_row = [&](const std::vector<double>& of_step) {
    return at::tensor(of_step, at::kDouble).unsqueeze(1).expand({steps, n}).reshape({steps * n});
  };
  const Tensor nodes = each_row(q.nodes), weights = each_row(q.weights);
  Tensors path;
  std::vector<PathIntegral> integrals(targets.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    path.push_back(x[i].detach() - origin[i]);
    for (PathIntegral& integral : integrals) integral.gradient.push_back(at::zeros_like(path.back()));
  }
  const auto rows_of = [](const Tensor& values, std::int64_t first, const Tensor& samples,
                          const Tensor& like) {
    return engine::per_row(values.narrow(0, first, samples.size(0)), like)
        .to(like.device(), like.scalar_type());
  };
  engine::differentiate_rows(
      model, n, steps, targets, run, "integrated gradients",
      [&](std::int64_t first, const Tensor& samples) {
        Tensors points;
        for (std::size_t i = 0; i < x.size(); ++i) {
          const Tensor t = rows_of(nodes, first, samples, x[i]), index = samples.to(x[i].device());
          points.push_back(
              n == 1 ? at::addcmul(origin[i], path[i], t)
                     : at::addcmul(origin[i].index_select(0, index), path[i].index_select(0, index), t));
        }
        return points;
      },
      [&](const engine::Derivatives& derivatives, std::int64_t first, const Tensor& samples) {
        for (std::size_t t = 0; t < targets.size(); ++t) {
          for (std::size_t i = 0; i < x.size(); ++i) {
            const Tensor& gradient = derivatives.gradients[t][i];
            const Tensor weight = rows_of(weights, first, samples, gradient);
            Tensor& total = integrals[t].gradient[i];
            if (n == 1)  // the weighted sum in one operator
              total += at::mv(gradient.reshape({gradient.size(0), -1}).t(), weight.flatten())
                           .reshape(total.sizes());
            else
              engine::add_rows(total, samples, gradient * weight);
          }
        }
      },
      start.row_bytes);
  for (PathIntegral& integral : integrals) {
    for (std::size_t i = 0; i < x.size(); ++i) integral.product.push_back(integral.gradient[i] * path[i]);
  }
  return integrals;
}

}  // namespace detail

/// Integrated gradients: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017,
/// arXiv:1703.01365, equation 1.
///
///     a = (x - x') * integral over t in [0, 1] of dF/dx at x' + t (x - x')
///
/// Completeness: a sums to F(x) - F(x') up to the quadrature's error, which is returned.
/// Cost: `steps` forward and backward passes and two forward passes; an adaptive run (tolerance > 0) doubles
/// the steps until the error is small enough, at most twice the cost of the last round.
template <Baseline B = baseline::Zero, QuadratureRule Q = quadrature::GaussLegendre>
struct IntegratedGradients {
  B baseline{};  ///< x', the input that carries no evidence; a random one is drawn once for each sample
  std::int64_t steps = 50;         ///< points on the path (of the first round when adaptive); at least 1
  Q rule{};                        ///< where on the path, and with what weights
  bool multiply_by_inputs = true;  ///< false leaves the factor (x - x') out: the averaged gradient
  double tolerance = 0.0;  ///< > 0: double the steps until |completeness error| <= tolerance |F(x) - F(x')|
  std::int64_t max_steps = 1024;  ///< the most steps that an adaptive run takes
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] IntegratedGradients<Other, Q> with_baseline(Other other) const {
    return {std::move(other), steps, rule, multiply_by_inputs, tolerance, max_steps, run};
  }

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score (per unit of input without multiply_by_inputs), `score`,
  ///         `completeness_error` (of the map with its factor (x - x'), whether multiplied or not)
  /// @throws Error  bad input, options or baseline; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    require(steps >= 1,
            [&] { return text("IntegratedGradients: steps is ", steps, ", expected at least 1"); });
    require(tolerance >= 0 && (tolerance == 0 || max_steps >= steps), [&] {
      return text("IntegratedGradients: tolerance ", tolerance, " must be >= 0 and max_steps ", max_steps,
                  " at least steps, ", steps);
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind<X>(model);
      const Tensors parts = parts_of(x);
      const engine::Start start = engine::start(function, parts, targets, run);
      const Tensors origin =
          detail::baselines(baseline, parts, detail::first_draws(run, parts.front().size(0)));
      const std::vector<Tensor> baseline_scores = engine::scores_of(function, origin, start.targets, run);

      std::vector<Attribution<X>> results;
      std::int64_t passes = 0;
      for (std::int64_t points = steps;; points = std::min(2 * points, max_steps)) {
        const std::vector<detail::PathIntegral> integrals =
            detail::path_integrals(function, parts, origin, start, rule(points), run);
        passes += points;
        results.clear();
        bool close = true;
        for (std::size_t t = 0; t < targets.size(); ++t) {
          const Tensor difference = start.scores[t] - baseline_scores[t];
          const Tensor error = engine::sum_of(integrals[t].product) - difference;
          close = close && tolerance > 0 &&
                  at::all(error.abs() <= difference.abs() * tolerance).template item<bool>();
          results.push_back(
              {.map = input_of<X>(multiply_by_inputs ? integrals[t].product : integrals[t].gradient),
               .score = start.scores[t],
               .completeness_error = error,
               .forward_passes = passes + 2,
               .backward_passes = passes});
        }
        if (tolerance == 0 || close || points == max_steps) return results;
      }
    });
  }
};

}  // namespace lumen
