// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/cam_map.hpp>
#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// A class activation map of a layer: `cam` says which, and cites its paper. Signed and not normalised, at the layer's
/// resolution, unless asked otherwise; so maps can be compared between images and sums keep their meaning.
///
/// Cost: the model up to the layer without a graph, the rest of it and, a target, its backward pass down to the
/// layer. A layer that counts from the end (`layer::nth("relu", -1)`) costs one pass of the first sample more.
template <CamMap C = cam::Grad>
struct GradientCam {
  trace::Layer layer{};  ///< whose output (or input) the map is of
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  C cam{};
  bool positive_part = false;  ///< what speaks for the score only: the papers' last ReLU
  Upsample upsample = Upsample::None;
  Run run{};

  /// @param model   F, differentiable from the layer on; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward pass
  /// @return the map [N, 1, h, w] of the layer, or [N, 1, H, W] upsampled, in the score's units, and `score`; no
  ///         completeness in general
  /// @throws Error  bad input; a layer that the model never comes to, or without channels; a score that does not
  ///                depend on the layer
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x, engine::Types::Any);
      const Tensors parts = parts_of(x);
      engine::check_input(parts, engine::Types::Any);
      const auto layers = trace::resolved({layer}, function, parts);
      const trace::LayerDerivatives at =
          detail::derivatives_at(function, layers, layout, parts, targets, run);
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensor map = cam(at.values[0], at.gradients[t][0]);
        results.push_back({.map = detail::finished(map, positive_part, upsample, parts),
                           .score = at.scores[t],
                           .forward_passes = 1,
                           .backward_passes = 1});
      }
      return results;
    });
  }
};

using GradCam = GradientCam<cam::Grad>;
using GradCamPlusPlus = GradientCam<cam::PlusPlus>;
using XGradCam = GradientCam<cam::X>;
using HiResCam = GradientCam<cam::HiRes>;
using LayerCam = GradientCam<cam::Cellwise>;
using EigenGradCam = GradientCam<cam::EigenGrad>;

/// Several CAMs of several layers from one forward pass and, a target, one backward pass.
struct GradientCams {
  std::vector<trace::Layer> layers{};
  Layout layout{};                ///< of all layers
  std::vector<AnyCamMap> cams{};  ///< {cam::Grad{}, cam::HiRes{}, ...}, or functors of one's own
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};

  /// As GradientCam.
  /// @return result[layer][cam]; a std::vector of these for `Targets`
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] AnswerOf<std::vector<std::vector<Attribution<Tensor>>>, T> operator()(M&& model, const X& x,
                                                                                      const T& target) const {
    require(!cams.empty(), "GradientCams: the list of CAMs is empty; name at least one, such as cam::Grad{}");
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x, engine::Types::Any);
      const Tensors parts = parts_of(x);
      engine::check_input(parts, engine::Types::Any);
      const auto resolved = trace::resolved(layers, function, parts);
      const trace::LayerDerivatives at =
          detail::derivatives_at(function, resolved, layout, parts, targets, run);
      std::vector<std::vector<std::vector<Attribution<Tensor>>>> results(targets.size());
      for (std::size_t t = 0; t < targets.size(); ++t) {
        for (std::size_t l = 0; l < layers.size(); ++l) {
          results[t].emplace_back();
          for (const AnyCamMap& cam : cams) {
            const Tensor map = cam(at.values[l], at.gradients[t][l]);
            results[t][l].push_back({.map = detail::finished(map, positive_part, upsample, parts),
                                     .score = at.scores[t],
                                     .forward_passes = 1,
                                     .backward_passes = 1});
          }
        }
      }
      return results;
    });
  }
};

}  // namespace lumen
