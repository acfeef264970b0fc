// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include <lumen/core/tensor.hpp>

namespace lumen::influence {

/// Some columns of the Jacobian: for B elements of the image, how the score of every output pixel changes with the
/// element, each in a window of the same extent [h, w] of the output at its own place; beyond its window a column is
/// zero. A window may leave the output, its values there are zero.
struct ColumnChunk {
  std::size_t target = 0;       ///< which of the scores that were asked for
  Tensor values{};              ///< [B, h, w], of the image's dtype and device, in any memory format
  Tensor origins{};             ///< int64 [B, 2] on the CPU: the output's (row, column) of values[b, 0, 0]
  Tensor places{};              ///< int64 [B, 3] on the CPU: the image's (channel, row, column)
  std::int64_t height = 0;      ///< of the image
  std::int64_t width = 0;       ///< of the image
  std::int64_t out_height = 0;  ///< of the output
  std::int64_t out_width = 0;   ///< of the output

  [[nodiscard]] std::int64_t size() const { return values.size(0); }
};

/// Who takes the columns, chunk by chunk, on the thread that asked for them. What it throws stops the stream and passes
/// through.
using ColumnSink = std::function<void(const ColumnChunk&)>;

}  // namespace lumen::influence
