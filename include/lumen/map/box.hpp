// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include <lumen/map/check.hpp>

namespace lumen::map {

/// A rectangle of pixels, half open: rows row_begin ... row_end - 1, columns column_begin ... column_end - 1.
struct Box {
  std::int64_t row_begin = 0;
  std::int64_t row_end = 0;
  std::int64_t column_begin = 0;
  std::int64_t column_end = 0;

  [[nodiscard]] std::int64_t height() const { return row_end - row_begin; }
  [[nodiscard]] std::int64_t width() const { return column_end - column_begin; }
  /// In pixels.
  [[nodiscard]] std::int64_t area() const { return height() * width(); }

  friend bool operator==(const Box&, const Box&) = default;
};

/// The smallest box that holds every pixel of a mask; nothing for an empty mask.
/// @param mask  [H, W], leading axes of extent 1 allowed
/// @throws Error  several pictures
template <Mask E>
[[nodiscard]] std::optional<Box> bounding_box(const E& mask) {
  const Flat<E> from(mask);
  const Plane plane = plane_of(from.shape(), "map::bounding_box");
  std::optional<Box> box;
  for (std::size_t r = 0; r < plane.rows; ++r)
    for (std::size_t c = 0; c < plane.columns; ++c) {
      if (!from[r * plane.columns + c]) continue;
      const auto row = static_cast<std::int64_t>(r);
      const auto column = static_cast<std::int64_t>(c);
      if (!box) box = Box{row, row + 1, column, column + 1};
      box->row_end = row + 1;
      box->column_begin = std::min(box->column_begin, column);
      box->column_end = std::max(box->column_end, column + 1);
    }
  return box;
}

/// The share of a box's pixels that lie in the mask, in [0, 1]: 1 for a full rectangle. 0 for a box of no
/// area.
/// @param mask  [H, W], leading axes of extent 1 allowed
/// @throws Error  several pictures, or a box that leaves the mask
template <Mask E>
[[nodiscard]] double fill(const E& mask, const Box& box) {
  const Flat<E> from(mask);
  const Plane plane = plane_of(from.shape(), "map::fill");
  require(box.row_begin >= 0 && box.row_begin <= box.row_end &&
              box.row_end <= static_cast<std::int64_t>(plane.rows) && box.column_begin >= 0 &&
              box.column_begin <= box.column_end &&
              box.column_end <= static_cast<std::int64_t>(plane.columns),
          [&] {
            return text("map::fill: the box of rows [", box.row_begin, ", ", box.row_end, ") and columns [",
                        box.column_begin, ", ", box.column_end, ") leaves the mask of shape ",
                        shape_text(from.shape()), "; expected a box inside it");
          });
  std::int64_t pixels = 0;
  for (auto r = box.row_begin; r < box.row_end; ++r)
    for (auto c = box.column_begin; c < box.column_end; ++c)
      pixels += from[static_cast<std::size_t>(r) * plane.columns + static_cast<std::size_t>(c)] ? 1 : 0;
  return box.area() == 0 ? 0.0 : static_cast<double>(pixels) / static_cast<double>(box.area());
}

}  // namespace lumen::map
