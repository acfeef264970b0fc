// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// Squares of pixels, all channels together; of [N, C, L] stretches, of [N, C, D, H, W] cubes, of [N, F] stretches of
/// features. Those at the far end may be smaller.
struct Grid {
  /// Elements along every axis behind the channels, or along the features of [N, F]; 0: 8 behind channels, and single
  /// features of [N, F].
  std::int64_t side = 0;

  /// @return int64 [1, 1, ...] or [1, F], numbers from 0 on
  /// @throws Error if the side is below 0
  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    require(side >= 0, [&] { return text("perturb::Grid: side is ", side, ", expected at least 0"); });
    const std::int64_t axes = x.dim(), from = std::min<std::int64_t>(axes > 2 ? 2 : 1, axes);
    Tensor numbers = at::zeros(std::vector<std::int64_t>(static_cast<std::size_t>(axes), 1), at::kLong);
    for (std::int64_t axis = from; axis < axes; ++axis) {
      std::vector<std::int64_t> along(static_cast<std::size_t>(axes), 1);
      const std::int64_t size = x.size(axis), cell = std::min(side > 0   ? side
                                                              : axes > 2 ? 8
                                                                         : 1,
                                                              std::max<std::int64_t>(size, 1));
      along[static_cast<std::size_t>(axis)] = size;
      numbers = numbers * ((size + cell - 1) / cell) +
                at::arange(size, at::kLong).div(cell, "floor").reshape(along);
    }
    return numbers.to(x.device());
  }
};

}  // namespace lumen::perturb
