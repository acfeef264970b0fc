// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/baseline/set.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/moments.hpp>

namespace lumen {

namespace detail {

/// The origins of rows: `origins(first, samples, rows)` for rows numbered from `first`, copies of `samples`.
using Origins = std::function<Tensors(std::int64_t first, const Tensor& samples, const Tensors& rows)>;

/// What the draws of one target tell.
struct MeanLifted {
  std::vector<engine::Moments> multipliers, contributions;  ///< for each part of the input
  Tensor score, baseline_score;                             ///< F(x), mean F(x'), [N]
};

/// DeepLIFT of a function of parts against several origins of each row, averaged: `draws` times two forward and one
/// backward pass, and one forward pass.
template <rule::DeepLiftRule R>
std::vector<MeanLifted> deep_lift_shap(const engine::Function& function, const Tensors& x,
                                       const Origins& origins, std::int64_t draws, const Targets& targets,
                                       const R& rule, double epsilon, const Run& run) {
  engine::check_count("DeepLiftShap", "samples", draws);
  require(epsilon >= 0, [&] { return text("DeepLiftShap: epsilon is ", epsilon, ", expected at least 0"); });
  const engine::Start start = engine::start(function, x, targets, run);
  const std::int64_t n = x.front().size(0);
  const std::size_t parts = x.size();
  rule::DeepLiftPasses passes(rule::deep_lift_chooser(rule), epsilon);
  std::vector<MeanLifted> results;
  for (const Tensor& score : start.scores) {
    const std::vector<engine::Moments> none(parts, engine::Moments(n));
    results.push_back({none, none, score, at::zeros({n}, score.options().dtype(at::kDouble))});
  }
  const std::int64_t together = rule::needs_whole_batches<R>() ? n : engine::granule(targets, n);
  const engine::Function ruled = passes.bind(function),
                         bound = draws > 1 && together == 1 ? engine::independent(ruled) : ruled;
  const auto visit = [&](std::int64_t first, std::int64_t count) {
    const Tensor samples = engine::samples_of(first, count, n);
    Tensors both = engine::detached(engine::select_rows(x, samples));
    const Tensors here = both, there = origins(first, samples, here);
    both.insert(both.end(), there.begin(), there.end());
    passes.origin_scores.clear();
    const engine::Derivatives found = engine::differentiate(
        bound, both, passes.bind(engine::target_rows(start.targets, samples, n)), false);
    for (std::size_t t = 0; t < targets.size(); ++t) {
      engine::add_rows(results[t].baseline_score, samples, passes.origin_scores[t].to(at::kDouble));
      for (std::size_t p = 0; p < parts; ++p) {
        if (!engine::explained(x[p])) continue;
        const Tensor& multiplier = found.gradients[t][p];
        results[t].multipliers[p].add(first, samples, multiplier);
        results[t].contributions[p].add(first, samples, engine::times(here[p] - there[p], multiplier));
      }
    }
  };
  sweep(draws * n, together, run, "DeepLIFT-SHAP", visit);

  for (MeanLifted& result : results) {
    result.baseline_score /= static_cast<double>(draws);
    engine::check_scores(result.baseline_score);
  }
  return results;
}

/// A baseline's draws.
template <Baseline B>
Origins drawn_rows(const B& baseline, const Tensors& x, const Run& run) {
  const std::int64_t n = x.front().size(0);
  if constexpr (!is_random<B>()) {
    return [fixed = baselines(baseline, x, first_draws(run, n))](std::int64_t, const Tensor& samples,
                                                                 const Tensors&) {
      return engine::select_rows(fixed, samples);
    };
  } else {
    return [baseline, n, numbers = sample_numbers(run, n)](std::int64_t first, const Tensor& samples,
                                                           const Tensors& rows) {
      Draws draws;
      for (std::int64_t row = first; row < first + samples.size(0); ++row) {
        draws.sample.push_back(numbers[static_cast<std::size_t>(row % n)]);
        draws.draw.push_back(row / n);
      }
      return baselines(baseline, rows, draws);
    };
  }
}

/// Where the draws of a baseline stand, and how many there are: `samples` draws, or each row of a set once if 0.
template <Baseline B>
std::pair<Origins, std::int64_t> draws_of(const B& baseline, std::int64_t samples, const Tensors& x,
                                          const Run& run) {
  if (samples > 0) return {drawn_rows(baseline, x, run), samples};
  const auto set = set_of(baseline, engine::explained_of(x));
  require(samples == 0 && set.has_value(), [&] {
    return text("DeepLiftShap: samples is ", samples,
                ", expected at least 1, or 0 for every row of a baseline::Samples once");
  });
  return {drawn_rows(*set, x, run), set->size()};
}

}  // namespace detail

/// DeepLIFT-SHAP (Deep SHAP): Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NIPS 2017,
/// arXiv:1705.07874, section 4.2.
///
///     a = mean over draws x'_j of DeepLIFT against x'_j
///
/// Completeness: a sums to F(x) - mean F(x'_j), exactly but for rounding. `standard_error` is that of each value
/// as an estimate of the mean over the distribution of baselines. Draws depend on (seed, sample, draw) alone.
/// Cost: two forward passes and one backward pass for each draw, and one forward pass.
template <Baseline B = baseline::Samples, rule::DeepLiftRule R = rule::Rescale>
struct DeepLiftShap {
  B baseline{};                    ///< x', a set of rows, or drawn anew each time if it is random
  std::int64_t samples = 0;        ///< draws for each sample; 0: each row of a baseline::Samples once
  R rule{};                        ///< rule::Rescale or rule::RevealCancel, for elementwise nonlinearities
  bool multiply_by_inputs = true;  ///< false leaves the factors (x - x'_j) out: the mean multipliers
  double epsilon = 1e-10;          ///< as DeepLift's
  Run run{};

  /// The same with another baseline.
  template <Baseline New>
  [[nodiscard]] DeepLiftShap<New, R> with_baseline(New other) const {
    return {std::move(other), samples, rule, multiply_by_inputs, epsilon, run};
  }

  /// @param model   F; runs the same operators for x and for x'
  /// @param x       floating point, [N, ...], or a tuple or list of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `standard_error`, `completeness_error`
  /// @throws Error  as DeepLift; `samples` is 0 and the baseline no set
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const auto [origins, draws] = detail::draws_of(baseline, samples, parts, run);
      const std::vector<detail::MeanLifted> lifted =
          detail::deep_lift_shap(engine::bind(model, x), parts, origins, draws, targets, rule, epsilon, run);
      std::vector<Attribution<X>> results;
      for (const detail::MeanLifted& one : lifted) {
        Tensors contributions, map, error;
        for (std::size_t p = 0; p < parts.size(); ++p) {
          contributions.push_back(one.contributions[p].wide_mean());
          const engine::Moments& chosen = multiply_by_inputs ? one.contributions[p] : one.multipliers[p];
          map.push_back(chosen.mean());
          error.push_back(chosen.standard_error());
        }
        const Tensor missing =
            engine::sum_of(contributions) - (one.score.to(at::kDouble) - one.baseline_score);
        results.push_back({.map = input_of<X>(map),
                           .score = one.score,
                           .completeness_error = missing.to(one.score.scalar_type()),
                           .standard_error = input_of<X>(error),
                           .forward_passes = 2 * draws + 1,
                           .backward_passes = draws});
      }
      return results;
    });
  }
};

}  // namespace lumen
