// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/ablation/detail/ablate.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/output.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/perturb/features.hpp>

namespace lumen {

/// Ablation of features, one element or one group of elements at a time: Zeiler and Fergus, "Visualizing and
/// Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901, section 4.1, for groups of any shape.
///
///     a_g = F(x) - F(x with the elements of group g replaced by x'),  the same for each element of g
///
/// The model need not be differentiable. On a model linear in x, with each element by itself, a sums to
/// F(x) - F(x'). Cost: one forward pass for each group, batched, and one more.
template <Baseline B = baseline::Zero>
struct FeatureAblation {
  B baseline{};  ///< x', what takes an absent group's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or a function of the input that makes them; none: each element by itself.
  perturb::Features groups{};
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] FeatureAblation<Other> with_baseline(Other other) const {
    return {std::move(other), groups, run};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] FeatureAblation rows(const Tensor& index) const {
    FeatureAblation other{*this};
    other.groups = groups.rows(index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`; no completeness in general
  /// @throws Error  bad input, groups or baseline; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) part = part.detach();
      const engine::Start start = engine::start(function, parts, targets, run);
      const Tensors absent =
          detail::baselines(baseline, parts, detail::first_draws(run, parts.front().size(0)));
      const perturb::FeatureRegions all = groups.regions(
          engine::explained_of(parts), [&] { return engine::output_of(function, parts, run); });
      const std::vector<Tensors> maps = detail::ablate(function, parts, absent, start, all, run);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back({.map = input_of<X>(maps[t]),
                           .score = start.scores[t],
                           .forward_passes = all.count() + all.passes() + 1});
      }
      return results;
    });
  }
};

}  // namespace lumen
