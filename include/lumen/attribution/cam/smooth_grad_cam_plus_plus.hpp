// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/cam_map.hpp>
#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/noise.hpp>

namespace lumen {

/// Smooth Grad-CAM++: Omeiza, Speakman, Cintas and Weldermariam, 2019, arXiv:1908.01224.
///
///     map = sum over k of w_k A_k,  w_k = sum over ij of alpha_k relu(m1_k),
///     alpha_k = m2_k / (2 m2_k + (sum over cells of A_k) m3_k), 0 where the denominator is;
///     mp_k = mean over draws of (dF/dA_k)^p at x + e,  e Gaussian of mean 0
///
/// A is the activation without noise. Without noise it is Grad-CAM++, whose remarks hold here too. It is not
/// `Smooth{GradCamPlusPlus}`, which averages the maps. A draw depends on (seed, sample, draw) alone.
/// Cost: `samples` times that of GradCamPlusPlus, and one forward pass.
struct SmoothGradCamPlusPlus {
  trace::Layer layer{};
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  std::int64_t samples = 16;  ///< noisy copies of each sample, at least 1
  double stdev = 0.15;        ///< standard deviation of the noise, >= 0
  /// One for each input that is not held, in place of `stdev`; none: that for all.
  std::vector<double> stdevs{};
  NoiseScale scale = NoiseScale::OfRange;
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};
  std::uint64_t seed = 0;

  /// @param model   F, differentiable from the layer on; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the draws; frozen on x without noise
  /// @return the map [N, 1, h, w] and `score`
  /// @throws Error  as GradientCam; samples < 1 or stdev < 0
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    engine::check_count("SmoothGradCamPlusPlus", "samples", samples);
    engine::check_stdev("SmoothGradCamPlusPlus", stdev, stdevs);
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const auto layers = trace::resolved({layer}, function, parts);
      const detail::LayerStart start =
          detail::start_at(function, layers.front(), layout, parts, targets, run);
      const std::vector<Powers> means = moments(function, layers, parts, start);
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensor weights =
            cam::detail::plus_plus_weights(start.value, means[t].first, means[t].second, means[t].third);
        results.push_back(
            {.map = detail::finished((weights * start.value).sum(1, true), positive_part, upsample, parts),
             .score = start.scores[t],
             .forward_passes = samples + 1,
             .backward_passes = samples});
      }
      return results;
    });
  }

 private:
  /// Means of the gradient's powers over draws, each of the layer's shape.
  struct Powers {
    Tensor first, second, third;
  };

  std::vector<Powers> moments(const engine::Function& function, const std::vector<trace::Layer>& layers,
                              const Tensors& parts, const detail::LayerStart& start) const {
    const std::int64_t n = parts.front().size(0);
    const std::vector<std::int64_t> numbers = detail::sample_numbers(run, n);
    const Tensors deviations = engine::noise_deviations(parts, scale, stdev, stdevs);
    std::vector<Powers> means;
    for (std::size_t t = 0; t < start.targets.size(); ++t) {
      means.push_back(
          {at::zeros_like(start.value), at::zeros_like(start.value), at::zeros_like(start.value)});
    }
    bool asked = false;
    const auto visit = [&](std::int64_t first, std::int64_t count) {
      const Tensor rows = engine::samples_of(first, count, n);
      const Tensors noisy = engine::noisy_rows(parts, deviations, seed, numbers, first, count);
      if (count > 1 && engine::granule(start.targets, n) == 1 && !std::exchange(asked, true))
        engine::require_independent(function, noisy);
      const trace::LayerDerivatives found = trace::differentiate_at(
          function, layers, noisy, engine::target_rows(start.targets, rows, n), false);
      for (std::size_t t = 0; t < means.size(); ++t) {
        const Tensor g = layout(found.gradients[t].front()), share = g / static_cast<double>(samples);
        engine::add_rows(means[t].first, rows, share);
        engine::add_rows(means[t].second, rows, share * g);
        engine::add_rows(means[t].third, rows, share * g * g);
      }
    };
    sweep(samples * n, engine::granule(start.targets, n), run, "smooth Grad-CAM++", visit, start.row_bytes,
          start.row_largest);
    return means;
  }
};

}  // namespace lumen
