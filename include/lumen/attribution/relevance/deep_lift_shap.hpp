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

namespace lumen {

namespace detail {

/// The origins of rows: `origins(first, samples, rows)` for rows numbered from `first`, copies of `samples`.
using Origins = std::function<Tensors(std::int64_t first, const Tensor& samples, const Tensors& rows)>;

/// What the draws of one target tell, in float64: means over draws, and their standard errors.
struct MeanLifted {
  Tensors multipliers, contributions;  ///< for each part of the input
  Tensors multiplier_errors, contribution_errors;
  Tensor score, baseline_score;  ///< F(x), mean F(x'), [N]
};

/// Sums over draws of values and of their squares.
struct Moments {
  Tensor sum, square;
  void add(const Tensor& samples, const Tensor& like, const Tensor& values) {
    if (!sum.defined()) {
      sum = at::zeros_like(like, at::kDouble);
      square = at::zeros_like(sum);
    }
    const Tensor wide = values.to(at::kDouble);
    engine::add_rows(sum, samples, wide);
    engine::add_rows(square, samples, wide.square());
  }
  [[nodiscard]] Tensor mean(double draws) const { return sum / draws; }
  [[nodiscard]] Tensor error(double draws) const {
    if (draws < 2) return {};
    return ((square / draws - mean(draws).square()).clamp_min(0) / (draws - 1)).sqrt();
  }
};

/// DeepLIFT of a function of parts against several origins of each row, averaged: `draws` times two forward and one
/// backward pass, and one forward pass.
template <rule::DeepLiftRule R>
std::vector<MeanLifted> deep_lift_shap(const engine::Function& function, const Tensors& x,
                                       const Origins& origins, std::int64_t draws, const Targets& targets,
                                       const R& rule, double epsilon, const Run& run) {
  require(draws >= 1 && epsilon >= 0, [&] {
    return text("DeepLiftShap: ", draws, " draws and epsilon ", epsilon,
                ", expected at least 1 and at least 0");
  });
  const engine::Start start = engine::start(function, x, targets, run);
  const std::int64_t n = x.front().size(0);
  const std::size_t parts = x.size();
  rule::DeepLiftPasses passes(rule::deep_lift_chooser(rule), epsilon);
  const engine::Function bound = passes.bind(function);
  struct Sums {
    std::vector<Moments> multipliers, contributions;
    Tensor baseline;
  };
  const Tensor none = at::zeros({n}, x.front().options().dtype(at::kDouble));
  std::vector<Sums> sums(targets.size(),
                         Sums{std::vector<Moments>(parts), std::vector<Moments>(parts), none});
  for (Sums& sum : sums) sum.baseline = none.clone();
  const std::int64_t together = rule::needs_whole_batches<R>() ? n : engine::granule(targets, n);
  const auto visit = [&](std::int64_t first, std::int64_t count) {
    const Tensor samples = engine::samples_of(first, count, n);
    Tensors both = engine::select_rows(x, samples);
    for (Tensor& part : both) part = part.detach();
    const Tensors here = both, there = origins(first, samples, here);
    both.insert(both.end(), there.begin(), there.end());
    passes.origin_scores.clear();
    const engine::Derivatives found = engine::differentiate(
        bound, both, passes.bind(engine::target_rows(start.targets, samples, n)), false);
    for (std::size_t t = 0; t < targets.size(); ++t) {
      engine::add_rows(sums[t].baseline, samples, passes.origin_scores[t].to(at::kDouble));
      for (std::size_t p = 0; p < parts; ++p) {
        const Tensor& multiplier = found.gradients[t][p];
        sums[t].multipliers[p].add(samples, x[p], multiplier);
        sums[t].contributions[p].add(samples, x[p], multiplier * (here[p] - there[p]));
      }
    }
  };
  sweep(draws * n, together, run, "DeepLIFT-SHAP", visit);

  std::vector<MeanLifted> results;
  const double count = static_cast<double>(draws);
  for (std::size_t t = 0; t < targets.size(); ++t) {
    MeanLifted result;
    result.score = start.scores[t];
    result.baseline_score = sums[t].baseline / count;
    engine::check_scores(result.baseline_score);
    for (std::size_t p = 0; p < parts; ++p) {
      result.multipliers.push_back(sums[t].multipliers[p].mean(count));
      result.multiplier_errors.push_back(sums[t].multipliers[p].error(count));
      result.contributions.push_back(sums[t].contributions[p].mean(count));
      result.contribution_errors.push_back(sums[t].contributions[p].error(count));
    }
    results.push_back(std::move(result));
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
  const auto set = set_of(baseline, x);
  require(samples == 0 && set.has_value(), [&] {
    return text("DeepLiftShap: samples is ", samples,
                ", expected at least 1, or 0 for every row of a baseline::Samples once");
  });
  return {drawn_rows(*set, x, run), set->size()};
}

inline Tensors like_input(const Tensors& values, const Tensors& x) {
  Tensors result;
  for (std::size_t p = 0; p < x.size(); ++p) {
    result.push_back(values[p].defined() ? values[p].to(x[p].scalar_type()) : Tensor());
  }
  return result;
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
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const auto [origins, draws] = detail::draws_of(baseline, samples, parts, run);
      const std::vector<detail::MeanLifted> lifted =
          detail::deep_lift_shap(engine::bind<X>(model), parts, origins, draws, targets, rule, epsilon, run);
      std::vector<Attribution<X>> results;
      for (const detail::MeanLifted& one : lifted) {
        const Tensor missing =
            engine::sum_of(one.contributions) - (one.score.to(at::kDouble) - one.baseline_score);
        const Tensors& map = multiply_by_inputs ? one.contributions : one.multipliers;
        const Tensors& error = multiply_by_inputs ? one.contribution_errors : one.multiplier_errors;
        results.push_back({.map = input_of<X>(detail::like_input(map, parts)),
                           .score = one.score,
                           .completeness_error = missing.to(one.score.scalar_type()),
                           .standard_error = input_of<X>(detail::like_input(error, parts)),
                           .forward_passes = 2 * draws + 1,
                           .backward_passes = draws});
      }
      return results;
    });
  }
};

}  // namespace lumen
