// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Score-CAM: Wang et al., CVPR workshops 2020, arXiv:1910.01279, definitions 3 and 4 and algorithm 1 (whose ReLU is
/// `positive_part`).
///
///     map = sum over k of a_k A_k,  a = softmax over k of S_k,
///     S_k = F(H_k x + (1 - H_k) x') - F(x'),  H_k = A_k upsampled bilinearly, stretched to [0, 1]
///
/// A constant channel masks nothing and weighs nothing. Without gradients.
/// Cost: one forward pass (two without softmax) and one whole forward pass for every channel.
template <Baseline B = baseline::Zero>
struct ScoreCam {
  trace::Layer layer{};
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  B baseline{};     ///< x', what is seen where the mask is 0; a random one is drawn once for each sample
  bool softmax = true;  ///< false: a = S
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] ScoreCam<Other> with_baseline(Other other) const {
    return {layer, layout, std::move(other), softmax, positive_part, upsample, run};
  }

  /// @param model   F; its samples independent of each other
  /// @param x       floating point, [N, C, H, W] (or [N, C, L], [N, C, D, H, W], as the layer), or a tuple of such;
  ///                unchanged. Parts of another rank are not masked.
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the passes
  /// @return the map [N, 1, h, w], or [N, 1, H, W] upsampled, in units of the activation (times the score's without
  ///         softmax), and `score`
  /// @throws Error  bad input or baseline; a layer that the model never comes to; a layer without cells, or
  ///                no input like it
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const auto layers = trace::resolved({layer}, function, parts);
      const detail::LayerStart at = detail::start_at(function, layers.front(), layout, parts, targets, run);
      require(at.value.dim() >= 3 && at.value.dim() <= 5, [&] {
        return text("ScoreCam needs a layer [N, C, l], [N, C, h, w] or [N, C, d, h, w], ", layer.what(),
                    " is ", at.value.sizes());
      });
      (void)detail::image_of(
          parts, at.value.dim(),
          "ScoreCam masks the inputs that have as many dimensions as the layer: choose another one");
      const std::int64_t n = parts.front().size(0), channels = at.value.size(1);
      Tensors origin = detail::baselines(baseline, parts, detail::first_draws(run, n));
      for (std::size_t p = 0; p < parts.size(); ++p) {
        if (!masks(parts[p], at)) origin[p] = parts[p];
      }
      const Tensor flat = at.value.flatten(2), constant = flat.amax(2) == flat.amin(2);  // [N, C]
      const std::vector<Tensor> scores = masked_scores(function, parts, origin, at);
      std::vector<Tensor> before;
      if (!softmax) before = engine::scores_of(function, origin, at.targets, run);

      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        Tensor weights;
        if (softmax) {
          // at least one channel must be left for the softmax to be of
          const Tensor none = constant.all(1, true);
          weights = scores[t].masked_fill(constant.logical_and(none.logical_not()),
                                          -std::numeric_limits<double>::infinity());
          weights = at::softmax(weights, 1).masked_fill(constant, 0);
        } else {
          weights = (scores[t] - before[t].unsqueeze(1)).masked_fill(constant, 0);
        }
        std::vector<std::int64_t> shape(static_cast<std::size_t>(at.value.dim()), 1);
        shape[0] = n;
        shape[1] = channels;
        const Tensor map = (weights.reshape(shape) * at.value).sum(1, true);
        results.push_back({.map = detail::finished(map, positive_part, upsample, parts),
                           .score = at.scores[t],
                           .forward_passes = channels + (softmax ? 1 : 2),
                           .backward_passes = 0});
      }
      return results;
    });
  }

 private:
  /// Whether this part of the input is masked.
  static bool masks(const Tensor& part, const detail::LayerStart& at) {
    return engine::explained(part) && part.dim() == at.value.dim();
  }

  /// For each target, F(H_k x + (1 - H_k) x'), [N, C].
  std::vector<Tensor> masked_scores(const engine::Function& model, const Tensors& parts,
                                    const Tensors& origin, const detail::LayerStart& at) const {
    const std::int64_t n = parts.front().size(0), channels = at.value.size(1);
    const engine::Function function =
        engine::granule(at.targets, n) == 1 ? engine::independent(model) : model;
    std::vector<Tensors> pieces(at.targets.size());
    const auto visit = [&](std::int64_t first, std::int64_t count) {
      const Tensor samples = engine::samples_of(first, count, n);
      const Tensor rows = at::arange(first, first + count, at::kLong);
      const Tensor which = rows.div(n, "floor").to(at.value.device()), index = samples.to(at.value.device());
      const Tensor maps = at.value.index({index, which}).unsqueeze(1);  // [count, 1, h, w]
      Tensors masked = engine::select_rows(parts, samples);
      const Tensors plain = engine::select_rows(origin, samples);
      for (std::size_t p = 0; p < masked.size(); ++p) {
        if (!masks(masked[p], at)) continue;
        const Tensor mask = stretched(upsampled(maps, detail::cells_of(masked[p]), Upsample::Bilinear));
        masked[p] = plain[p] + mask * (masked[p] - plain[p]);
      }
      const Tensor output = engine::run_model(function, masked);
      const Targets targets = engine::target_rows(at.targets, samples, n);
      for (std::size_t t = 0; t < targets.size(); ++t) pieces[t].push_back(targets[t](output));
    };
    sweep(channels * n, engine::granule(at.targets, n), run, "Score-CAM", visit);
    std::vector<Tensor> scores;
    for (const Tensors& piece : pieces) scores.push_back(at::cat(piece).reshape({channels, n}).t());
    return scores;
  }

  /// Each row's values moved to [0, 1]; constant ones to 0.
  static Tensor stretched(const Tensor& maps) {
    const Tensor flat = maps.flatten(1), low = engine::per_row(flat.amin(1), maps);
    const Tensor range = engine::per_row(flat.amax(1), maps) - low;
    return (maps - low) / range.masked_fill(range == 0, 1);
  }
};

}  // namespace lumen
