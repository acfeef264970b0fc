// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/detail/integral.hpp>
#include <lumen/attribution/path/path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/quadrature.hpp>
#include <lumen/engine/start.hpp>

namespace lumen {

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
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    engine::check_count("IntegratedGradients", "steps", steps);
    require(tolerance >= 0 && (tolerance == 0 || max_steps >= steps), [&] {
      return text("IntegratedGradients: tolerance ", tolerance, " must be >= 0 and max_steps ", max_steps,
                  " at least steps, ", steps);
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      const Tensors parts = parts_of(x);
      const engine::Start start = engine::start(function, parts, targets, run);
      path::Straight line{detail::baselines(baseline, parts, detail::first_draws(run, parts.front().size(0))),
                          {}};
      for (const Tensor& part : parts) line.to.push_back(part.detach());

      std::vector<Attribution<X>> results;
      std::int64_t forwards = 1, backwards = 0;
      for (std::int64_t points = steps;; points = std::min(2 * points, max_steps)) {
        Quadrature q = rule(points);
        const auto integrals =
            detail::path_integrals(function, line, parts, start, q, run, "integrated gradients");
        forwards += static_cast<std::int64_t>(q.nodes.size());
        backwards += points;
        results.clear();
        bool close = true;
        for (std::size_t t = 0; t < targets.size(); ++t) {
          const Tensor difference = start.scores[t] - integrals[t].baseline_score;
          const Tensor error = engine::sum_of(integrals[t].product) - difference;
          close = close && tolerance > 0 &&
                  at::all(error.abs() <= difference.abs() * tolerance).template item<bool>();
          results.push_back(
              {.map = input_of<X>(multiply_by_inputs ? integrals[t].product : integrals[t].gradient),
               .score = start.scores[t],
               .completeness_error = error,
               .forward_passes = forwards,
               .backward_passes = backwards});
        }
        if (tolerance == 0 || close || points == max_steps) return results;
      }
    });
  }
};

}  // namespace lumen
