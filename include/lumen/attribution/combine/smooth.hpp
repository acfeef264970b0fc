// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/engine/noise.hpp>
#include <lumen/engine/start.hpp>

namespace lumen {

/// Which moment of the attributions of noisy inputs is the answer.
enum class Moment {
  Mean,      ///< SmoothGrad: Smilkov et al., 2017, arXiv:1706.03825
  Square,    ///< SmoothGrad-Squared, the mean of squares: Hooker et al., NeurIPS 2019, arXiv:1806.10758
  Variance,  ///< VarGrad, mean of squares less square of the mean: Adebayo et al., ICLR workshop 2018,
             ///< arXiv:1810.03307
};

/// All three from one set of noise samples.
template <Input X = Tensor>
struct Moments {
  Attribution<X> mean, square, variance;
};

/// The moments' maps, as a method's answer.
template <Input X>
void check_map(const Moments<X>& moments) {
  engine::check_map(moments.mean);
  engine::check_map(moments.square);
}

/// Attributions averaged over noisy copies of the input, for any method, whatever its map is of.
///
///     a = moment over j of A(x + e_j),  e_j Gaussian of mean 0
///
/// The noise of a sample depends on (seed, sample, draw) alone. `standard_error` is that of the mean over
/// draws; `completeness_error` is the mean of the method's own errors, at the noisy inputs (both for
/// Moment::Mean only). Cost: `samples` times that of the method, and one forward pass.
template <Method A = Saliency>
struct Smooth {
  A method{};                 ///< what is averaged; its targets are fixed on the input without noise
  std::int64_t samples = 50;  ///< noisy copies of each sample, at least 1
  double stdev = 0.15;        ///< standard deviation of the noise, >= 0
  /// One for each input that is not held, in place of `stdev`; none: that for all.
  std::vector<double> stdevs{};
  NoiseScale scale = NoiseScale::OfRange;
  Moment moment = Moment::Mean;
  Run run{};  ///< also the method's
  std::uint64_t seed = 0;

  /// The same for another method.
  template <Method Other>
  [[nodiscard]] Smooth<Other> with_method(Other other) const {
    return {std::move(other), samples, stdev, stdevs, scale, moment, run, seed};
  }

  /// @param model   as the method wants it
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the noise samples
  /// @return the moment chosen, in the method's units (squared for square and variance)
  /// @throws Error  bad input or options, and what the method throws
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<engine::MapOf<A, M, X>, T> operator()(M&& model, const X& x, const T& target) const {
    using Map = engine::MapOf<A, M, X>;
    return engine::answer(target, [&](const Targets& targets) {
      std::vector<Attribution<Map>> results;
      for (const Drawn& drawn : collect(model, x, targets)) results.push_back(drawn.template as<Map>(moment));
      return results;
    });
  }

  /// SmoothGrad, SmoothGrad-Squared and VarGrad at once.
  /// @return Moments, or a std::vector of them for `Targets`
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] AnswerOf<Moments<engine::MapOf<A, M, X>>, T> moments(M&& model, const X& x,
                                                                     const T& target) const {
    using Map = engine::MapOf<A, M, X>;
    return engine::answer(target, [&](const Targets& targets) {
      std::vector<Moments<Map>> results;
      for (const Drawn& drawn : collect(model, x, targets)) {
        results.push_back({drawn.template as<Map>(Moment::Mean), drawn.template as<Map>(Moment::Square),
                           drawn.template as<Map>(Moment::Variance)});
      }
      return results;
    });
  }

 private:
  /// What the draws of one target add up to.
  struct Drawn {
    std::vector<engine::Moments> maps;  ///< for each part of the map
    Tensor score, completeness_error;
    std::int64_t forward_passes, backward_passes;

    template <Input Map>
    [[nodiscard]] Attribution<Map> as(Moment which) const {
      Tensors map, error;
      for (const engine::Moments& each : maps) {
        map.push_back(which == Moment::Mean     ? each.mean()
                      : which == Moment::Square ? each.mean_square()
                                                : each.variance());
        if (which == Moment::Mean) error.push_back(each.standard_error());
      }
      Attribution<Map> result{.map = input_of<Map>(map),
                              .score = score,
                              .forward_passes = forward_passes,
                              .backward_passes = backward_passes};
      if (which == Moment::Mean) {
        result.standard_error = input_of<Map>(error);
        result.completeness_error = completeness_error;
      }
      return result;
    }
  };

  template <Input X, class M>
  std::vector<Drawn> collect(M& model, const X& x, const Targets& targets) const {
    engine::check_count("Smooth", "samples", samples);
    engine::check_stdev("Smooth", stdev, stdevs);
    const Tensors parts = engine::detached(parts_of(x));
    const engine::Start start = engine::start(engine::bind(model, x), parts, targets, run);
    const std::int64_t n = parts.front().size(0);
    const std::vector<std::int64_t> numbers = detail::sample_numbers(run, n);
    const Tensors deviations = engine::noise_deviations(parts, scale, stdev, stdevs);

    // copies handed to the method at once: they and their maps may take a quarter of the budget
    std::int64_t bytes = 0;
    for (const Tensor& part : parts) bytes += 2 * part.numel() * part.element_size();
    const bool whole = engine::granule(start.targets, n) == n && n > 1;
    const std::int64_t most = whole ? 1 : std::clamp<std::int64_t>(run.memory / 4 / bytes, 1, samples);

    std::vector<Drawn> sums;
    for (const Tensor& score : start.scores) sums.push_back({{}, score, {}, 1, 0});
    for (std::int64_t first = 0; first < samples; first += most) {
      const std::int64_t copies = std::min(most, samples - first);
      Run inner{run};
      inner.samples.clear();
      inner.row_bytes = start.row_bytes;
      for (std::int64_t draw = first; draw < first + copies; ++draw) {
        for (const std::int64_t number : numbers) {
          inner.samples.push_back(static_cast<std::int64_t>(
              mix(static_cast<std::uint64_t>(number), static_cast<std::uint64_t>(draw)) >> 1));
        }
      }
      const Tensors stacked = engine::noisy_rows(parts, deviations, seed, numbers, first * n, copies * n);
      const Tensor index = engine::samples_of(0, copies * n, n);
      const Targets repeated = engine::target_rows(start.targets, index, n);
      if (first == 0 && copies > 1) engine::require_independent(engine::bind(model, x), stacked);
      const auto answers =
          engine::ask(engine::with_run(method, inner), model, input_like(x, stacked), repeated);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        engine::refuse_partial(answers[t]);
        const Tensors maps = parts_of(answers[t].map);
        sums[t].maps.resize(maps.size(), engine::Moments(n));
        for (std::size_t p = 0; p < maps.size(); ++p) {
          if (maps[p].defined()) sums[t].maps[p].add(first * n, index, maps[p]);
        }
        if (answers[t].completeness_error.defined()) {
          const Tensor share =
              answers[t].completeness_error.view({copies, n}).sum(0) / static_cast<double>(samples);
          Tensor& error = sums[t].completeness_error;
          error = error.defined() ? error + share : share;
        }
        sums[t].forward_passes += copies * answers[t].forward_passes;
        sums[t].backward_passes += copies * answers[t].backward_passes;
      }
    }
    return sums;
  }
};

}  // namespace lumen
