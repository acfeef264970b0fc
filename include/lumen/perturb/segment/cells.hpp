// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// A grid of so many cells, whatever the image's size: squares of pixels, all channels together; of [N, C, L] stretches, of
/// [N, C, D, H, W] cubes, of [N, F] stretches of features.
struct Cells {
  std::int64_t count = 7;  ///< along every axis behind the channels, at least 1; of [N, F] its square in all

  /// @return int64 [1, 1, ...] or [1, F], numbers from 0 on; where an axis is shorter, each place by itself
  /// @throws Error if the count is below 1
  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    require(count >= 1, [&] { return text("perturb::Cells: count is ", count, ", expected at least 1"); });
    const std::int64_t axes = x.dim(), from = std::min<std::int64_t>(axes > 2 ? 2 : 1, axes);
    Tensor numbers = at::zeros(std::vector<std::int64_t>(static_cast<std::size_t>(axes), 1), at::kLong);
    for (std::int64_t axis = from; axis < axes; ++axis) {
      const std::int64_t size = x.size(axis), side = std::min(count, size),
                         many = std::min(size, axes > 2 ? side : side * side);
      std::vector<std::int64_t> along(static_cast<std::size_t>(axes), 1);
      along[static_cast<std::size_t>(axis)] = size;
      numbers = numbers * many + (at::arange(size, at::kLong) * many).div(size, "floor").reshape(along);
    }
    return numbers.to(x.device());
  }
};

}  // namespace lumen::perturb
