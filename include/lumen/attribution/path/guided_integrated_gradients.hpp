// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

namespace detail {

/// The parts of an input as one matrix [N, D], and back.
inline Tensor flat(const Tensors& parts) {
  Tensors rows;
  for (const Tensor& part : parts) rows.push_back(part.reshape({part.size(0), -1}));
  return rows.size() == 1 ? rows.front() : at::cat(rows, 1);
}
inline Tensors unflat(const Tensor& rows, const Tensors& like) {
  Tensors parts;
  std::int64_t first = 0;
  for (const Tensor& part : like) {
    const std::int64_t size = part[0].numel();
    std::vector<std::int64_t> shape = part.sizes().vec();
    shape.front() = rows.size(0);
    parts.push_back(rows.narrow(1, first, size).reshape(shape));
    first += size;
  }
  return parts;
}

/// One guided path for each row from `origin` to `goal`, both [N, D].
struct GuidedPath {
  Tensor origin, goal;
  double fraction, max_distance;
  Tensor at = origin.clone();                          ///< where the path is, [N, D]
  Tensor map = at::zeros_like(origin);                 ///< attributions so far, [N, D]
  Tensor length = (goal - origin).abs().sum(1, true);  ///< L1 length of the path, [N, 1]

  [[nodiscard]] Tensor along(double t) const { return origin + (goal - origin) * t; }

  /// Walks on until a share `t` of the L1 distance is covered, the features of the smallest |gradient| first.
  /// @return rounds that it took; each exhausts `fraction` of the features of every row that is not there
  std::int64_t advance(const Tensor& gradient, double t) {
    const double infinity = std::numeric_limits<double>::infinity();
    const Tensor low = along(std::max(t - max_distance, 0.0)), high = along(std::min(t + max_distance, 1.0));
    const Tensor wanted = length * (1.0 - t), away = (goal - origin).abs();
    const auto rank = static_cast<std::int64_t>(fraction * static_cast<double>(origin.size(1) - 1)) + 1;
    Tensor before = at.clone();
    at = at::where((at - origin).abs() < (low - origin).abs(), low, at);  // no feature lags behind
    Tensor magnitude = gradient.abs();
    Tensor left = (goal - at).abs().sum(1, true);
    Tensor active = left > wanted;
    std::int64_t rounds = 0;
    for (; active.any().item<bool>(); ++rounds) {
      const Tensor full = (at == high).logical_or(away == 0);
      magnitude = magnitude.masked_fill(full, infinity);
      const Tensor threshold = std::get<0>(magnitude.kthvalue(rank, 1, true));
      const Tensor chosen = (magnitude <= threshold).logical_and(full.logical_not());
      const Tensor reach = (high - at).abs().mul(chosen).sum(1, true);
      // the whole way for the features chosen, or as much of it as is still wanted
      const Tensor share =
          at::where(reach > 0, ((left - wanted) / reach).clamp_max(1.0), at::zeros_like(reach));
      const Tensor moved = at::where(share >= 1.0, high, at + (high - at) * share);
      at = at::where(chosen.logical_and(active), moved, at);
      left = (goal - at).abs().sum(1, true);
      // A row that went a part of the way has arrived, whatever rounding says of what is left.
      active = active.logical_and(share >= 1.0).logical_and(left > wanted);
    }
    map += (at - before) * gradient;
    return rounds;
  }
};

}  // namespace detail

/// Guided integrated gradients: Kapishnikov, Venugopalan, Avci, Wedin, Terry and Bolukbasi, "Guided
/// Integrated Gradients: an Adaptive Path Method for Removing Noise", CVPR 2021, arXiv:2106.09788, section 4.
///
/// The path from x' to x moves, at each step, the features whose partial derivatives are smallest, none
/// further than `max_distance` from the straight line:  a = sum over steps of dF/dx * (the step's move).
///
/// Completeness: a sums to F(x) - F(x') up to an error O(1 / steps) where F is smooth, which is returned.
/// Cost: `steps` forward and backward passes of N samples, one after the other, and two forward passes; for
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
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    require(steps >= 1 && fraction > 0 && fraction <= 1 && max_distance >= 0 && max_distance <= 1, [&] {
      return text("GuidedIntegratedGradients: steps ", steps, ", fraction ", fraction, ", max_distance ",
                  max_distance, "; expected at least 1, in (0, 1], and in [0, 1]");
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind<X>(model);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) part = part.detach();
      const engine::Start start = engine::start(function, parts, targets, run);
      const std::int64_t n = parts.front().size(0);
      const Tensors origin = detail::baselines(baseline, parts, detail::first_draws(run, n));
      const std::vector<Tensor> before = engine::scores_of(function, origin, start.targets, run);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        detail::GuidedPath path{detail::flat(origin), detail::flat(parts), fraction, max_distance};
        Run silent{run};
        silent.progress = {};
        for (std::int64_t step = 0; step < steps; ++step) {
          const Tensors points = detail::unflat(path.at, parts);
          Tensors gradients;
          engine::differentiate_rows(
              function, n, 1, {start.targets[t]}, silent, "",
              [&](std::int64_t, const Tensor& samples) { return engine::select_rows(points, samples); },
              [&](const engine::Derivatives& derivatives, std::int64_t, const Tensor&) {
                gradients.push_back(detail::flat(derivatives.gradients.front()));
              });
          path.advance(at::cat(gradients), static_cast<double>(step + 1) / static_cast<double>(steps));
          if (run.progress) run.progress("guided integrated gradients", step + 1, steps);
        }
        const Tensors map = detail::unflat(path.map, parts);
        results.push_back({.map = input_of<X>(map),
                           .score = start.scores[t],
                           .completeness_error = engine::sum_of(map) - (start.scores[t] - before[t]),
                           .forward_passes = steps + 2,
                           .backward_passes = steps});
      }
      return results;
    });
  }
};

}  // namespace lumen
