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
/// or, with `gaussian`, the 3x3 binomial kernel around it, as in the paper. The paper stretches the map to [0, 1]
/// afterwards. Without gradients, for every layer with rows and columns.
/// Cost: one forward pass and, for every cell, one from the layer on.
struct ReciproCam {
  trace::Layer layer{};
  bool gaussian = true;
  bool positive_part = false;
  Upsample upsample = Upsample::none;
  Run run{};

  /// @param model   F; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the passes
  /// @return the map [N, 1, h, w], or [N, 1, H, W] upsampled, in the score's units, and `score`
  /// @throws Error  bad input; a layer that the model never comes to, or without rows and columns
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind<X>(model);
      const Tensors parts = parts_of(x);
      engine::check_input(parts);
      const auto layers = trace::resolved({layer}, function, parts);
      const detail::LayerStart at = detail::start_at(function, layers.front(), parts, targets, run, true);
      require(at.value.dim() == 4, [&] {
        return text("ReciproCam needs a layer [N, C, h, w], ", layer.what(), " is ", at.value.sizes());
      });
      const std::int64_t h = at.value.size(2), w = at.value.size(3), n = at.value.size(0);
      const auto masked = [&](const Tensor& value, std::int64_t first, std::int64_t count) {
        return value * masks(value, first, count);
      };
      const std::vector<Tensor> scores =
          detail::scores_of_versions(function, layers.front(), parts, at, h * w, masked, run, "Recipro-CAM");
      std::vector<Attribution<Tensor>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back(
            {.map = detail::finished(scores[t].reshape({n, 1, h, w}), positive_part, upsample, parts),
             .score = at.scores[t],
             .forward_passes = h * w + 1,
             .backward_passes = 0});
      }
      return results;
    });
  }

 private:
  /// The masks of cells first ... first + count - 1, in rows: [count, 1, h, w].
  Tensor masks(const Tensor& value, std::int64_t first, std::int64_t count) const {
    Tensor one = at::zeros({count, value.size(2) * value.size(3)}, value.options());
    const Tensor cells = at::arange(first, first + count, value.options().dtype(at::kLong)).unsqueeze(1);
    one = one.scatter_(1, cells, 1.0).reshape({count, 1, value.size(2), value.size(3)});
    if (!gaussian) return one;
    const Tensor line = at::tensor({0.25, 0.5, 0.25}, value.options());
    return at::conv2d(one, at::outer(line, line).reshape({1, 1, 3, 3}), {}, 1, 1);
  }
};

}  // namespace lumen
