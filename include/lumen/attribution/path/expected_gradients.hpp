// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/engine/noise.hpp>

namespace lumen {

namespace detail {

/// The options that ExpectedGradients and GradientShap share.
template <Baseline B>
struct ExpectedGradientsOptions {
  const B& baseline;
  std::int64_t samples;
  double stdev;
  std::vector<double> stdevs;
  NoiseScale scale;
  bool multiply_by_inputs, check_completeness;
  const Run& run;
  std::uint64_t seed;
};

template <Input X, class M, Baseline B>
std::vector<Attribution<X>> expected_gradients(M& model, const X& x, const Targets& targets,
                                               const ExpectedGradientsOptions<B>& options) {
  engine::check_count("ExpectedGradients", "samples", options.samples);
  engine::check_stdev("ExpectedGradients", options.stdev, options.stdevs);
  const engine::Function function = engine::bind(model, x);
  const Tensors parts = engine::detached(parts_of(x));
  const engine::Start start = engine::start(function, parts, targets, options.run);
  const std::int64_t n = parts.front().size(0), samples = options.samples;
  const std::vector<std::int64_t> numbers = sample_numbers(options.run, n);
  constexpr bool random = is_random<B>();
  const Tensors fixed = random ? Tensors{} : baselines(options.baseline, parts, first_draws(options.run, n));

  path::Straight line;  // of the rows of the pass under way: from x' to x
  Tensors away;
  const Tensors deviations = engine::noise_deviations(parts, options.scale, options.stdev, options.stdevs);
  const auto points = [&](std::int64_t first, const Tensor& index) {
    Draws draws;
    std::vector<double> where;
    for (std::int64_t row = first; row < first + index.size(0); ++row) {
      draws.sample.push_back(numbers[static_cast<std::size_t>(row % n)]);
      draws.draw.push_back(row / n);
      where.push_back(uniform(mix(options.seed, 0), draws.sample.back(), draws.draw.back()));
    }
    line.to = options.stdev > 0 || !options.stdevs.empty()
                  ? engine::noisy_rows(parts, deviations, mix(options.seed, 1), numbers, first, index.size(0))
                  : engine::select_rows(parts, index);
    line.from = random ? baselines(options.baseline, line.to, draws) : engine::select_rows(fixed, index);
    away = line.away();
    return path::Straight::along(line.from, line.to, away, where, at::arange(index.size(0), at::kLong));
  };

  struct Sums {
    std::vector<engine::Moments> map;
    Tensors product;  // gradient * (x - x'), over draws, in float64
    Tensor baseline_score;
  };
  std::vector<Sums> sums(targets.size());
  for (Sums& sum : sums) {
    sum.map.assign(parts.size(), engine::Moments(n));
    for (const Tensor& part : parts) sum.product.push_back(at::zeros_like(part, at::kDouble));
    sum.baseline_score = at::zeros({n}, parts.front().options().dtype(at::kDouble));
  }
  engine::differentiate_rows(
      function, n, samples, start.targets, options.run, "expected gradients", points,
      [&](const engine::Derivatives& derivatives, std::int64_t first, const Tensor& rows) {
        for (std::size_t t = 0; t < targets.size(); ++t) {
          for (std::size_t p = 0; p < parts.size(); ++p) {
            if (!engine::explained(parts[p])) continue;
            const Tensor product = engine::times(away[p], derivatives.gradients[t][p]);
            sums[t].map[p].add(first, rows,
                               options.multiply_by_inputs ? product : derivatives.gradients[t][p]);
            if (options.check_completeness)
              engine::add_rows(sums[t].product[p], rows, product.to(at::kDouble));
          }
        }
        if (!random || !options.check_completeness) return;
        const at::NoGradGuard no_grad;
        const Tensor output = engine::run_model(function, line.from);
        const Targets asked = engine::target_rows(start.targets, rows, n);
        for (std::size_t t = 0; t < targets.size(); ++t) {
          engine::add_rows(sums[t].baseline_score, rows, asked[t](output).to(at::kDouble));
        }
      },
      start.row_bytes, start.row_largest);
  std::vector<Tensor> fixed_scores;
  if (!random && options.check_completeness)
    fixed_scores = engine::scores_of(function, fixed, start.targets, options.run);

  std::vector<Attribution<X>> results;
  const double count = static_cast<double>(samples);
  for (std::size_t t = 0; t < targets.size(); ++t) {
    Tensors map, error;
    for (const engine::Moments& moments : sums[t].map) {
      map.push_back(moments.mean());
      error.push_back(moments.standard_error());
    }
    Attribution<X> result{
        .map = input_of<X>(map), .score = start.scores[t], .standard_error = input_of<X>(error)};
    result.forward_passes = samples + 1;
    result.backward_passes = samples;
    if (options.check_completeness) {
      const Tensor before = random ? sums[t].baseline_score / count : fixed_scores[t].to(at::kDouble);
      result.completeness_error =
          (engine::sum_of(sums[t].product) / count - (start.scores[t].to(at::kDouble) - before))
              .to(start.scores[t].scalar_type());
      result.forward_passes += random ? samples : 1;
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace detail

/// Expected gradients: Erion, Janizek, Sturmfels, Lundberg and Lee, "Improving performance of deep learning
/// models with axiomatic attribution priors and expected gradients", Nature Machine Intelligence 2021,
/// arXiv:1906.10670, equation 1.
///
///     a = mean over draws of (x - x'_j) * dF/dx at x'_j + t_j (x - x'_j),  t_j uniform in [0, 1]
///
/// In expectation it sums to F(x) - mean F(x'); `completeness_error` is what is missing with these draws,
/// `standard_error` that of each value. Draws depend on (seed, sample, draw) alone.
/// Cost: `samples` forward and backward passes and one forward pass; for the completeness error `samples`
/// forward passes more (one if the baseline is not random).
template <Baseline B = baseline::GaussianNoise>
struct ExpectedGradients {
  B baseline{};                    ///< x', drawn anew each time if it is random
  std::int64_t samples = 50;       ///< draws for each sample, at least 1
  bool multiply_by_inputs = true;  ///< false leaves the factor (x - x') out
  bool check_completeness = true;  ///< false saves the passes that the completeness error takes
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] ExpectedGradients<Other> with_baseline(Other other) const {
    return {std::move(other), samples, multiply_by_inputs, check_completeness, run, seed};
  }

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `standard_error`, `completeness_error`
  /// @throws Error  bad input, options or baseline; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      return detail::expected_gradients<X>(model, x, targets,
                                           detail::ExpectedGradientsOptions<B>{baseline,
                                                                               samples,
                                                                               0.0,
                                                                               {},
                                                                               NoiseScale::InputUnits,
                                                                               multiply_by_inputs,
                                                                               check_completeness,
                                                                               run,
                                                                               seed});
    });
  }
};

/// Gradient SHAP: Lundberg and Lee's SHAP package and Captum's GradientShap: expected gradients at noisy
/// inputs.
///
///     a = mean over draws of (x_j - x'_j) * dF/dx at x'_j + t_j (x_j - x'_j),  x_j = x + Gaussian noise
///
/// Completeness is against F(x) without noise. Otherwise as ExpectedGradients.
template <Baseline B = baseline::Zero>
struct GradientShap {
  B baseline{};              ///< x', drawn anew each time if it is random, for instance baseline::Samples
  std::int64_t samples = 5;  ///< draws for each sample, at least 1
  double stdev = 0.0;        ///< standard deviation of the noise on the input, >= 0
  /// One for each input that is not held, in place of `stdev`; none: that for all.
  std::vector<double> stdevs{};
  NoiseScale scale = NoiseScale::OfRange;
  bool multiply_by_inputs = true;  ///< false leaves the factor (x_j - x') out
  bool check_completeness = true;  ///< false saves the passes that the completeness error takes
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] GradientShap<Other> with_baseline(Other other) const {
    return {std::move(other),   samples, stdev, stdevs, scale, multiply_by_inputs,
            check_completeness, run,     seed};
  }

  /// As ExpectedGradients. @throws Error  as ExpectedGradients
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      return detail::expected_gradients<X>(
          model, x, targets,
          detail::ExpectedGradientsOptions<B>{baseline, samples, stdev, stdevs, scale, multiply_by_inputs,
                                              check_completeness, run, seed});
    });
  }
};

}  // namespace lumen
