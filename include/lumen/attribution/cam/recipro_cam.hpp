// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include <lumen/attribution/cam/detail/rows.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Recipro-CAM: Byun and Lee, 2022, arXiv:2209.14074.
///
///     map(i, j) = F with the layer's value A replaced by m_ij A,  m_ij 1 at the cell and 0 elsewhere
///
/// or, with `gaussian`, the 3x3 binomial kernel around it, as in the paper (of three in each dimension of other layers). The paper stretches the map to [0, 1]
/// afterwards. Without gradients, for every layer with rows and columns.
/// Cost: one forward pass and, for every cell, one from the layer on.
struct ReciproCam {
  trace::Layer layer{};
  Layout layout{};  ///< where the layer's channels and cells are: layout::ChannelsLast, Tokens, any functor
  bool gaussian = true;
  bool positive_part = false;
  Upsample upsample = Upsample::None;
  Run run{};

  /// @param model   F; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the passes
  /// @return the map [N, 1, ...] of the layer's cells, or the input's upsampled, in the score's units, and `score`
  /// @throws Error  bad input; a layer that the model never comes to, or without cells
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensor, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x, engine::Types::Any);
      const Tensors parts = parts_of(x);
      engine::check_input(parts, engine::Types::Any);
      const auto layers = trace::resolved({layer}, function, parts);
      const detail::LayerStart at =
          detail::start_at(function, layers.front(), layout, parts, targets, run, true);
      require(at.value.dim() >= 3 && at.value.dim() <= 5, [&] {
        return text("ReciproCam needs a layer [N, C, l], [N, C, h, w] or [N, C, d, h, w], ", layer.what(),
                    " is ", at.value.sizes());
      });
      std::vector<std::int64_t> shape = at.value.sizes().vec();
      shape[1] = 1;
      const std::int64_t cells = at.value[0][0].numel();
      const auto masked = [&](const Tensor& value, std::int64_t first, std::int64_t count) {
        return value * masks(value, first, count);
      };
      const std::vector<Tensor> scores = detail::scores_of_versions(function, layers.front(), layout, parts,
                                                                    at, cells, masked, run, "Recipro-CAM");
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back({.map = detail::finished(scores[t].reshape(shape), positive_part, upsample, parts),
                           .score = at.scores[t],
                           .forward_passes = cells + 1,
                           .backward_passes = 0});
      }
      return results;
    });
  }

 private:
  /// The masks of cells first ... first + count - 1, in rows: [count, 1, ...].
  Tensor masks(const Tensor& value, std::int64_t first, std::int64_t count) const {
    std::vector<std::int64_t> shape = value.sizes().vec();
    shape[0] = count;
    shape[1] = 1;
    Tensor mask = at::zeros({count, value[0][0].numel()}, value.options());
    const Tensor cells = at::arange(first, first + count, value.options().dtype(at::kLong)).unsqueeze(1);
    mask = mask.scatter_(1, cells, 1.0).reshape(shape);
    for (std::int64_t dim = 2; gaussian && dim < value.dim(); ++dim) {
      const std::int64_t size = value.size(dim);
      Tensor smooth = mask * 0.5;
      if (size > 1) {
        smooth.narrow(dim, 1, size - 1).add_(mask.narrow(dim, 0, size - 1), 0.25);
        smooth.narrow(dim, 0, size - 1).add_(mask.narrow(dim, 1, size - 1), 0.25);
      }
      mask = smooth;
    }
    return mask;
  }
};

}  // namespace lumen
