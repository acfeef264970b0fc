// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/attribution/path/guided_path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Guided integrated gradients: Kapishnikov, Venugopalan, Avci, Wedin, Terry and Bolukbasi, "Guided
/// Integrated Gradients: an Adaptive Path Method for Removing Noise", CVPR 2021, arXiv:2106.09788, section 4.
///
/// The path from x' to x moves, at each step, the features whose partial derivatives are smallest, none
/// further than `max_distance` from the straight line:  a = sum over steps of dF/dx * (the step's move).
///
/// Completeness: a sums to F(x) - F(x') up to an error O(1 / steps) where F is smooth, which is returned.
/// Cost: `steps` forward and backward passes of N samples, one after the other, and one forward pass; for
/// each target anew, as its path is its own.
template <Baseline B = baseline::Zero>
struct GuidedIntegratedGradients {
  B baseline{};                ///< x'; a random one is drawn once for each sample
  std::int64_t steps = 200;    ///< moves along the path, at least 1
  double fraction = 0.25;      ///< of the features, those of the smallest derivatives, moved first, in (0, 1]
  double max_distance = 0.02;  ///< how far ahead of or behind the straight line a feature may be, in [0, 1]
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] GuidedIntegratedGradients<Other> with_baseline(Other other) const {
    return {std::move(other), steps, fraction, max_distance, run};
  }

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return a in units of the score, `score`, `completeness_error`
  /// @throws Error  bad input, options or baseline; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    require(steps >= 1 && fraction > 0 && fraction <= 1 && max_distance >= 0 && max_distance <= 1, [&] {
      return text("GuidedIntegratedGradients: steps ", steps, ", fraction ", fraction, ", max_distance ",
                  max_distance, "; expected at least 1, in (0, 1], and in [0, 1]");
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) part = part.detach();
      const engine::Start start = engine::start(function, parts, targets, run);
      const std::int64_t n = parts.front().size(0);
      const Tensors origin = detail::baselines(baseline, parts, detail::first_draws(run, n));
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        path::Guided path{path::flat(origin), path::flat(parts), fraction, max_distance};
        Tensors before;  // F(x'), where the path begins
        Run silent{run};
        silent.progress = {};
        for (std::int64_t step = 0; step < steps; ++step) {
          const Tensors points = path::unflat(path.at, parts);
          Tensors gradients;
          engine::differentiate_rows(
              function, n, 1, {start.targets[t]}, silent, "",
              [&](std::int64_t, const Tensor& samples) { return engine::select_rows(points, samples); },
              [&](const engine::Derivatives& derivatives, std::int64_t, const Tensor&) {
                gradients.push_back(path::flat(derivatives.gradients.front()));
                if (step == 0) before.push_back(derivatives.scores.front());
              });
          path.advance(at::cat(gradients), static_cast<double>(step + 1) / static_cast<double>(steps));
          engine::tell(run, "guided integrated gradients", step + 1, steps);
        }
        const Tensors map = path::unflat(path.map, parts);
        results.push_back({.map = input_of<X>(map),
                           .score = start.scores[t],
                           .completeness_error = engine::sum_of(map) - (start.scores[t] - at::cat(before)),
                           .forward_passes = steps + 1,
                           .backward_passes = steps});
      }
      return results;
    });
  }
};

}  // namespace lumen
