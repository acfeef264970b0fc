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
#include <lumen/engine/method.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/engine/noise.hpp>
#include <lumen/engine/start.hpp>

namespace lumen {

/// Which moment of the attributions of noisy inputs is the answer.
enum class Moment {
  mean,      ///< SmoothGrad: Smilkov et al., 2017, arXiv:1706.03825
  square,    ///< SmoothGrad-Squared, the mean of squares: Hooker et al., NeurIPS 2019, arXiv:1806.10758
  variance,  ///< VarGrad, mean of squares less square of the mean: Adebayo et al., ICLR workshop 2018,
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
/// Moment::mean only). Cost: `samples` times that of the method, and one forward pass.
template <Method A = Saliency>
struct Smooth {
  A method{};                 ///< what is averaged; its targets are fixed on the input without noise
  std::int64_t samples = 50;  ///< noisy copies of each sample, at least 1
  double stdev = 0.15;        ///< standard deviation of the noise, >= 0
  NoiseScale scale = NoiseScale::of_range;
  Moment moment = Moment::mean;
  Run run{};  ///< also the method's
  std::uint64_t seed = 0;

  /// The same for another method.
  template <Method Other>
  [[nodiscard]] Smooth<Other> with_method(Other other) const {
    return {std::move(other), samples, stdev, scale, moment, run, seed};
  }

  /// @param model   as the method wants it
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the noise samples
  /// @return the moment chosen, in the method's units (squared for square and variance)
  /// @throws Error  bad input or options, and what the method throws
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<engine::MapOf<A, M, X>, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      std::vector<Attribution<engine::MapOf<A, M, X>>> results;
      for (auto& moments : all(model, x, targets)) {
        results.push_back(std::move(moment == Moment::mean     ? moments.mean
                                    : moment == Moment::square ? moments.square
                                                               : moments.variance));
      }
      return results;
    });
  }

  /// SmoothGrad, SmoothGrad-Squared and VarGrad at once.
  /// @return Moments, or a std::vector of them for `Targets`
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] AnswerOf<Moments<engine::MapOf<A, M, X>>, T> moments(M&& model, const X& x,
                                                                     const T& target) const {
    return engine::answer(target, [&](const Targets& targets) { return all(model, x, targets); });
  }

 private:
  template <Input X, class M>
  std::vector<Moments<engine::MapOf<A, M, X>>> all(M& model, const X& x, const Targets& targets) const {
    using Map = engine::MapOf<A, M, X>;
    require(samples >= 1 && stdev >= 0, [&] {
      return text("Smooth: samples is ", samples, " and stdev ", stdev,
                  ", expected at least 1 and at least 0");
    });
    Tensors parts = parts_of(x);
    for (Tensor& part : parts) part = part.detach();
    const engine::Start start = engine::start(engine::bind(model, x), parts, targets, run);
    const std::int64_t n = parts.front().size(0);
    const std::vector<std::int64_t> numbers = detail::sample_numbers(run, n);
    const Tensors deviations = engine::noise_deviations(parts, scale, stdev);

    // copies handed to the method at once: they and their maps may take a quarter of the budget
    std::int64_t bytes = 0;
    for (const Tensor& part : parts) bytes += 2 * part.numel() * part.element_size();
    const bool whole = engine::granule(start.targets, n) == n && n > 1;
    const std::int64_t most = whole ? 1 : std::clamp<std::int64_t>(run.memory / 4 / bytes, 1, samples);

    std::vector<std::vector<engine::Moments>> sums(targets.size());
    std::vector<Tensor> errors(targets.size());
    std::int64_t forwards = 0, backwards = 0;
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
      const auto answers =
          engine::ask(engine::with_run(method, inner), model, input_like(x, stacked), repeated);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensors maps = parts_of(answers[t].map);
        sums[t].resize(maps.size(), engine::Moments(n));
        for (std::size_t p = 0; p < maps.size(); ++p) {
          if (maps[p].defined()) sums[t][p].add(first * n, index, maps[p]);
        }
        if (answers[t].completeness_error.defined()) {
          const Tensor of_samples = answers[t].completeness_error.view({copies, n}).sum(0);
          errors[t] = errors[t].defined() ? errors[t] + of_samples : of_samples;
        }
      }
      forwards += copies * answers.front().forward_passes;
      backwards += copies * answers.front().backward_passes;
    }

    std::vector<Moments<Map>> results;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      Tensors mean, square, variance, error;
      for (const engine::Moments& sum : sums[t]) {
        mean.push_back(sum.mean());
        variance.push_back(sum.variance());
        square.push_back(sum.mean_square());
        error.push_back(sum.standard_error());
      }
      const auto with = [&](const Tensors& maps) {
        return Attribution<Map>{.map = input_of<Map>(maps),
                                .score = start.scores[t],
                                .forward_passes = forwards + 1,
                                .backward_passes = backwards};
      };
      results.push_back({with(mean), with(square), with(variance)});
      results.back().mean.standard_error = input_of<Map>(error);
      if (errors[t].defined())
        results.back().mean.completeness_error = errors[t] / static_cast<double>(samples);
    }
    return results;
  }
};

}  // namespace lumen
