// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/cam/cam_map.hpp>
#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Eigen-CAM: Muhammad and Yeasin, IJCNN 2020, arXiv:2008.00299: the first principal component of a layer's
/// activation (cam::Eigen, where its sign is explained).
///
/// Asks nothing of the score: all targets get the same map. Cost: one forward pass, and a singular value
/// decomposition of [h w, C] a sample.
struct EigenCam {
  trace::Layer layer{};
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};

  /// @return the map [N, 1, h, w] in units of the activation, and `score`
  /// @throws Error  bad input; a layer that the model never comes to, or without channels
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x, engine::Types::Any);
      const Tensors parts = parts_of(x);
      engine::check_input(parts, engine::Types::Any);
      const auto layers = trace::resolved({layer}, function, parts);
      const detail::LayerStart at = detail::start_at(function, layers.front(), layout, parts, targets, run);
      const Tensor map = detail::finished(cam::Eigen{}(at.value, {}), positive_part, upsample, parts);
      std::vector<Attribution<Tensor>> results;
      for (const Tensor& score : at.scores) {
        results.push_back({.map = map, .score = score, .forward_passes = 1, .backward_passes = 0});
      }
      return results;
    });
  }
};

}  // namespace lumen
