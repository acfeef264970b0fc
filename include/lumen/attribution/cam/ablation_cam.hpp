// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lumen/attribution/cam/cam_map.hpp>
#include <lumen/attribution/cam/detail/affine.hpp>
#include <lumen/attribution/cam/detail/rows.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Ablation-CAM: Desai and Ramaswamy, WACV 2020, 10.1109/WACV45572.2020.9093360 (whose ReLU is
/// `positive_part`).
///
///     map = sum over k of w_k A_k,  w_k = (F - F_k) / F,  F_k the score with A_k = 0
///
/// Where the score is affine in the layer (a pooled linear head and a class, say), which the operators that run tell,
/// F - F_k = sum over cells of A_k dF/dA_k exactly, and one pass of the rest of the model forward and back replaces
/// those of all channels. Else: one forward pass and, for every channel, one from the layer on.
struct AblationCam {
  trace::Layer layer{};
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  bool relative = true;     ///< false leaves the division by F out, which turns the map's sign where F < 0
  bool closed_form = true;  ///< false never uses it
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};

  /// @param model   F; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the passes
  /// @return the map [N, 1, h, w], or [N, 1, H, W] upsampled, in units of the activation (times the score's with
  ///         relative = false), and `score`; of the passes, those that were needed
  /// @throws Error  bad input; a layer that the model never comes to, or without channels; a score of 0 if relative
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x, engine::Types::Any);
      const Tensors parts = parts_of(x);
      engine::check_input(parts, engine::Types::Any);
      const trace::Layer where = trace::resolved({layer}, function, parts).front();
      if (closed_form) {
        bool affine = true;
        rule::Pass pass(detail::affine_composite(affine));
        const trace::LayerDerivatives at =
            detail::derivatives_at(pass.bind(function), {where}, layout, parts, pass.bind(targets), run);
        if (affine) {
          std::vector<Tensor> drops;
          for (const Tensors& gradient : at.gradients) {
            drops.push_back(cam::detail::cell_sum(gradient[0] * at.values[0]));
          }
          return maps(at.values[0], at.scores, drops, parts, 1, 1);
        }
      }
      const detail::LayerStart at = detail::start_at(function, where, layout, parts, targets, run, true);
      const std::int64_t channels = at.value.size(1);
      const auto ablated = [](const Tensor& value, std::int64_t first, std::int64_t count) {
        std::vector<std::int64_t> shape = value.sizes().vec();
        shape.front() = count;
        Tensor versions = value.expand(shape).clone();
        for (std::int64_t v = 0; v < count; ++v) versions[v].select(0, first + v).zero_();
        return versions;
      };
      std::vector<Tensor> drops = detail::scores_of_versions(function, where, layout, parts, at, channels,
                                                             ablated, run, "Ablation-CAM");
      std::vector<std::int64_t> shape(static_cast<std::size_t>(at.value.dim()), 1);
      shape[0] = at.value.size(0);
      shape[1] = channels;
      for (std::size_t t = 0; t < drops.size(); ++t) {
        drops[t] = (at.scores[t].unsqueeze(1) - drops[t]).reshape(shape);
      }
      return maps(at.value, at.scores, drops, parts, channels + (closed_form ? 2 : 1), closed_form ? 1 : 0);
    });
  }

 private:
  /// @param drops  for each target, F - F_k, [N, C, 1 ...]
  std::vector<Attribution<Tensor>> maps(const Tensor& value, const std::vector<Tensor>& scores,
                                        const std::vector<Tensor>& drops, const Tensors& x,
                                        std::int64_t forwards, std::int64_t backwards) const {
    std::vector<Attribution<Tensor>> results;
    for (std::size_t t = 0; t < scores.size(); ++t) {
      Tensor map = (drops[t] * value).sum(1, true);
      if (relative) {
        require((scores[t] != 0).all().item<bool>(),
                "AblationCam: a score is 0, to which no drop can be relative; set relative = false");
        map = map / engine::per_row(scores[t], map);
      }
      results.push_back({.map = detail::finished(map, positive_part, upsample, x),
                         .score = scores[t],
                         .forward_passes = forwards,
                         .backward_passes = backwards});
    }
    return results;
  }
};

}  // namespace lumen
