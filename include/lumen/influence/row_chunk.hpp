// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include <lumen/core/tensor.hpp>

namespace lumen::influence {

/// Some rows of the Jacobian: for B output pixels, the gradient of the pixel's score with respect to the image, each in
/// a window of the same extent [h, w] at its own place; beyond its window a row is zero. A window may leave the image,
/// its values there are zero.
struct RowChunk {
  std::size_t target = 0;       ///< which of the scores that were asked for
  Tensor values{};              ///< [B, C, h, w], of the image's dtype and device, in any memory format
  Tensor origins{};             ///< int64 [B, 2] on the CPU: the image's (row, column) of values[b, :, 0, 0]
  Tensor places{};              ///< int64 [B, 2] on the CPU: the output pixel's (row, column)
  Tensor index{};               ///< int64 [B] on the CPU: row * (width of the output) + column
  Tensor scores{};              ///< [B]: the pixels' scores, on the image's device
  std::int64_t height = 0;      ///< of the image
  std::int64_t width = 0;       ///< of the image
  std::int64_t out_height = 0;  ///< of the output
  std::int64_t out_width = 0;   ///< of the output
  std::int64_t first = 0;       ///< how many rows of this target came before; chunks come in a fixed order
  std::int64_t total = 0;       ///< rows of this target in all
  /// [B]: by how much each row misses the sum that it should have; undefined for plain gradients.
  Tensor completeness_error{};
  /// [B]: the root mean square over the image of a row's standard error; undefined where nothing is drawn.
  Tensor standard_error{};

  [[nodiscard]] std::int64_t size() const { return values.size(0); }

  /// The part of window `b` that lies in the image: {first row, rows, first column, columns} within the window; none of
  /// the sizes is negative.
  struct Inside {
    std::int64_t row, rows, column, columns;
  };
  [[nodiscard]] Inside inside(std::int64_t b) const {
    const auto* origin = origins.data_ptr<std::int64_t>() + 2 * b;
    const auto clip = [](std::int64_t at, std::int64_t extent, std::int64_t size) {
      const std::int64_t from = std::clamp<std::int64_t>(-at, 0, extent);
      return std::pair{from, std::max<std::int64_t>(std::min(extent, size - at) - from, 0)};
    };
    const auto [row, rows] = clip(origin[0], values.size(2), height);
    const auto [column, columns] = clip(origin[1], values.size(3), width);
    return {row, rows, column, columns};
  }

  /// The rows at the image's size, [B, C, height, width].
  [[nodiscard]] Tensor dense() const {
    Tensor result = at::zeros({size(), values.size(1), height, width}, values.options());
    for (std::int64_t b = 0; b < size(); ++b) {
      const auto [row, rows, column, columns] = inside(b);
      if (rows == 0 || columns == 0) continue;
      const auto* origin = origins.data_ptr<std::int64_t>() + 2 * b;
      result[b]
          .narrow(1, origin[0] + row, rows)
          .narrow(2, origin[1] + column, columns)
          .copy_(values[b].narrow(1, row, rows).narrow(2, column, columns));
    }
    return result;
  }
};

/// Who takes the rows, chunk by chunk, on the thread that asked for them. What it throws stops the stream and passes
/// through. The chunk's tensors are the sink's to keep; they are not written to afterwards.
using RowSink = std::function<void(const RowChunk&)>;

}  // namespace lumen::influence
