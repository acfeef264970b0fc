// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/gradients_at.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/rule/deep_lift/reveal_cancel.hpp>
#include <lumen/rule/deep_lift/rules.hpp>

namespace lumen {

namespace detail {

/// What DeepLIFT tells of one target.
struct Lifted {
  Tensors multipliers;           ///< for each part of the input
  Tensor score, baseline_score;  ///< F(x), F(x'), [N]

  /// Of each part: multiplier times difference.
  [[nodiscard]] Tensors contributions(const Tensors& x, const Tensors& origin) const {
    Tensors result;
    for (std::size_t i = 0; i < x.size(); ++i) {
      result.push_back(engine::explained(x[i]) ? engine::times(x[i].detach() - origin[i], multipliers[i])
                                               : multipliers[i]);
    }
    return result;
  }
};

/// DeepLIFT of a function of parts against `origin`, parts of the same shapes: two forward and one backward pass.
/// A part that is its own origin is held fixed.
template <rule::DeepLiftRule R>
std::vector<Lifted> deep_lift(const engine::Function& function, const Tensors& x, const Tensors& origin,
                              const Targets& targets, const R& rule, double epsilon, const Run& run) {
  require(epsilon >= 0, [&] { return text("DeepLift: epsilon is ", epsilon, ", expected at least 0"); });
  engine::check_input(x);
  rule::DeepLiftPasses passes(rule::deep_lift_chooser(rule), epsilon);
  Tensors both = x;
  both.insert(both.end(), origin.begin(), origin.end());
  const engine::GradientsAt found(passes.bind(function), both,
                                  passes.bind(targets, rule::needs_whole_batches<R>()), run);
  std::vector<Lifted> results;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    auto [scores, gradients] = found.of(t);
    gradients.resize(x.size());
    Tensors before;
    for (std::size_t i = t; i < passes.origin_scores.size(); i += targets.size()) {
      before.push_back(passes.origin_scores[i]);
    }
    results.push_back({std::move(gradients), scores, before.size() == 1 ? before.front() : at::cat(before)});
    engine::check_scores(results.back().baseline_score);
  }
  return results;
}

}  // namespace detail

/// DeepLIFT: Shrikumar, Greenside and Kundaje, "Learning Important Features Through Propagating Activation
/// Differences", ICML 2017, arXiv:1704.02685.
///
///     a = m * (x - x'),  m the product along all paths of each operator's multiplier Dy / Dx between x' and x
///
/// Completeness: a sums to F(x) - F(x'), exactly but for rounding. Every operator on the path either has a multiplier
/// for which that holds (elementwise functions, maxima, softmax, normalisations, products of two values) or is
/// refused by name. The rows of a batch do not influence each other.
/// Cost: two forward passes and one backward pass.
template <Baseline B = baseline::Zero, rule::DeepLiftRule R = rule::Rescale>
struct DeepLift {
  B baseline{};  ///< x', the input that carries no evidence; a random one is drawn once for each sample
  R rule{};      ///< rule::Rescale or rule::RevealCancel, for elementwise nonlinearities
  bool multiply_by_inputs = true;  ///< false leaves the factor (x - x') out: the multipliers
  double epsilon = 1e-10;          ///< differences below it count as none, >= 0; there the gradient is taken
  Run run{};

  /// The same with another baseline.
  template <Baseline New>
  [[nodiscard]] DeepLift<New, R> with_baseline(New other) const {
    return {std::move(other), rule, multiply_by_inputs, epsilon, run};
  }

  /// @param model   F; runs the same operators for x and for x'
  /// @param x       floating point, [N, ...], or a tuple or list of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score (per unit of input without multiply_by_inputs), `score`,
  ///         `completeness_error` (of the map with its factor (x - x'), whether multiplied or not)
  /// @throws Error  bad input, options or baseline; an operator on the path that no rule is known for; a score that
  ///         is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const Tensors origin =
          detail::baselines(baseline, parts, detail::first_draws(run, parts.front().size(0)));
      const std::vector<detail::Lifted> lifted =
          detail::deep_lift(engine::bind(model, x), parts, origin, targets, rule, epsilon, run);
      std::vector<Attribution<X>> results;
      for (const detail::Lifted& one : lifted) {
        const Tensors map = one.contributions(parts, origin);
        results.push_back({.map = input_of<X>(multiply_by_inputs ? map : one.multipliers),
                           .score = one.score,
                           .completeness_error = engine::sum_of(map) - (one.score - one.baseline_score),
                           .forward_passes = 2,
                           .backward_passes = 1});
      }
      return results;
    });
  }
};

}  // namespace lumen
