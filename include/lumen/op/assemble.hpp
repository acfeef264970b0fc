// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <lumen/core/tensor.hpp>
#include <lumen/op/crops.hpp>

namespace lumen::op {

namespace detail {

/// A picture of rows of pixels, channels together, as bytes.
struct Pixels {
  char* data = nullptr;
  std::int64_t height = 0, width = 0, pixel = 0;  ///< bytes of a pixel

  Pixels(const Tensor& values, std::int64_t row)
      : height(values.size(2)),
        width(values.size(3)),
        pixel(values.size(1) * static_cast<std::int64_t>(values.element_size())) {
    data = static_cast<char*>(values.data_ptr()) + row * height * width * pixel;
  }
  [[nodiscard]] char* at(std::int64_t y, std::int64_t x) const { return data + (y * width + x) * pixel; }
};

/// Whether these are boxes of pixels, all channels of them, of values that lie so in memory.
inline bool are_pixels(const Tensor& value, const Boxes& boxes) {
  return value.dim() == 4 && value.is_cpu() && value.is_contiguous(at::MemoryFormat::ChannelsLast) &&
         boxes.dims() == 3 && boxes.extent[0] == value.size(1) &&
         std::all_of(boxes.origins.begin(), boxes.origins.end(),
                     [](const Places& origin) { return origin[0] == 0; });
}

inline bool within(const Boxes& boxes, const Tensor& value) {
  for (const Places& origin : boxes.origins) {
    for (std::size_t d = 0; d < boxes.dims(); ++d) {
      if (origin[d] < 0 || origin[d] + boxes.extent[d] > value.size(static_cast<std::int64_t>(d) + 1))
        return false;
    }
  }
  return true;
}

}  // namespace detail

/// What a value holds in boxes when what changed of it is laid over: `cut(value, boxes, outside)`, then `lay_over`.
/// Where pixels of [N, C, H, W] lie together in memory (channels last) it is done by copying rows of them.
/// @param value    [1, ...] the same for all rows, or [B, ...]
/// @param changed  [B, ...], which lies at `at`; undefined: nothing changed
/// @return [B, extent...], of its own memory
[[nodiscard]] inline Tensor assemble(const Tensor& value, const Boxes& boxes, double outside,
                                     const Tensor& changed, const Boxes& at) {
  const at::NoGradGuard no_grad;
  const bool pixels =
      detail::are_pixels(value, boxes) && boxes.rows() > 0 &&
      (!changed.defined() || (detail::are_pixels(changed, at) && changed.size(1) == value.size(1) &&
                              changed.scalar_type() == value.scalar_type() && at.rows() == boxes.rows() &&
                              at.extent[1] == changed.size(2) && at.extent[2] == changed.size(3)));
  if (!pixels) {
    Tensor result = cut(value, boxes, outside);
    if (changed.defined()) lay_over(result, boxes, changed, at);
    return result;
  }
  const auto rows = static_cast<std::int64_t>(boxes.rows());
  const std::int64_t height = boxes.extent[1], width = boxes.extent[2];
  const Tensor result =
      at::empty({rows, value.size(1), height, width}, value.options(), at::MemoryFormat::ChannelsLast);
  Tensor filled;  // a row of what lies outside
  if (!detail::within(boxes, value)) filled = at::full({width * value.size(1)}, outside, value.options());
  for (std::int64_t b = 0; b < rows; ++b) {
    const detail::Pixels source(value, value.size(0) == 1 ? 0 : b), goal(result, b);
    const Places& origin = boxes.origins[static_cast<std::size_t>(b)];
    const Interval columns = meet({0, width}, {-origin[2], source.width - origin[2]});
    const auto fill = [&](char* to, std::int64_t count) {
      if (count > 0) std::memcpy(to, filled.data_ptr(), static_cast<std::size_t>(count * goal.pixel));
    };
    Interval over, over_rows;  // where the change lies in the crop
    std::int64_t down = 0, right = 0;
    if (changed.defined()) {
      const Places& there = at.origins[static_cast<std::size_t>(b)];
      down = there[1] - origin[1], right = there[2] - origin[2];
      over_rows = meet({0, height}, {down, down + at.extent[1]});
      over = meet({0, width}, {right, right + at.extent[2]});
    }
    for (std::int64_t y = 0; y < height; ++y) {
      const std::int64_t from = origin[1] + y;
      const bool inside = 0 <= from && from < source.height && !columns.empty();
      const bool changes = over_rows.contains(y) && !over.empty();
      const auto copy = [&](std::int64_t begin, std::int64_t end) {  // of the value
        if (begin >= end) return;
        std::memcpy(goal.at(y, begin), source.at(from, origin[2] + begin),
                    static_cast<std::size_t>((end - begin) * goal.pixel));
      };
      if (!inside) {
        fill(goal.at(y, 0), width);
      } else {
        fill(goal.at(y, 0), columns.begin);
        if (columns.end < width) fill(goal.at(y, columns.end), width - columns.end);
        if (changes) {
          copy(columns.begin, std::min(over.begin, columns.end));
          copy(std::max(over.end, columns.begin), columns.end);
        } else {
          copy(columns.begin, columns.end);
        }
      }
      if (changes) {
        const detail::Pixels other(changed, b);
        std::memcpy(goal.at(y, over.begin), other.at(y - down, over.begin - right),
                    static_cast<std::size_t>(over.size() * goal.pixel));
      }
    }
  }
  return result;
}

}  // namespace lumen::op
