// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::op {

/// A place, or a number of places, of each dimension but the batch.
using Places = std::vector<std::int64_t>;

/// Boxes of one extent, one for each row of a batch; they may leave the value that they are of.
struct Boxes {
  std::vector<Places> origins{};  ///< [B] the first place of each
  Places extent{};

  [[nodiscard]] std::size_t rows() const { return origins.size(); }
  [[nodiscard]] std::size_t dims() const { return extent.size(); }
  /// The box of one row.
  [[nodiscard]] Box of(std::size_t row) const {
    Box box;
    for (std::size_t d = 0; d < dims(); ++d) box.push_back({origins[row][d], origins[row][d] + extent[d]});
    return box;
  }
  /// The same box in all of so many rows.
  [[nodiscard]] static Boxes same(const Box& box, std::size_t rows) {
    Boxes boxes;
    for (const Interval& each : box) boxes.extent.push_back(each.size());
    Places origin;
    for (const Interval& each : box) origin.push_back(each.begin);
    boxes.origins.assign(rows, origin);
    return boxes;
  }
};

namespace detail {

/// The part of one row of `from`, which lies at `from_origin`, that a box holds, written into `to`, which lies at the
/// box's origin.
inline void overlay(const Tensor& to, const Places& to_origin, const Tensor& from,
                    const Places& from_origin) {
  Tensor source = from, goal = to;
  for (std::size_t d = 0; d < to_origin.size(); ++d) {
    const auto dim = static_cast<std::int64_t>(d);
    const Interval both =
        meet({to_origin[d], to_origin[d] + to.size(dim)}, {from_origin[d], from_origin[d] + from.size(dim)});
    if (both.empty()) return;
    if (both.size() != source.size(dim))
      source = source.narrow(dim, both.begin - from_origin[d], both.size());
    if (both.size() != goal.size(dim)) goal = goal.narrow(dim, both.begin - to_origin[d], both.size());
  }
  goal.copy_(source);
}

}  // namespace detail

/// Boxes cut out of a value.
/// @param value    [1, ...] the same for all rows, or [B, ...]
/// @param outside  what places outside of the value hold
/// @return [B, extent...], of its own memory, laid out in memory as `value` is
[[nodiscard]] inline Tensor cut(const Tensor& value, const Boxes& boxes, double outside = 0.0) {
  const at::NoGradGuard no_grad;
  const auto rows = static_cast<std::int64_t>(boxes.rows());
  require(value.dim() == static_cast<std::int64_t>(boxes.dims()) + 1 &&
              (value.size(0) == 1 || value.size(0) == rows),
          [&] {
            return text("op::cut: ", rows, " boxes of ", boxes.dims(), " dimensions are not boxes of ",
                        value.sizes(), ", whose rows are one or as many");
          });
  std::vector<std::int64_t> sizes{rows};
  sizes.insert(sizes.end(), boxes.extent.begin(), boxes.extent.end());
  bool inside = true;
  for (const Places& origin : boxes.origins) {
    for (std::size_t d = 0; d < boxes.dims(); ++d) {
      inside = inside && origin[d] >= 0 &&
               origin[d] + boxes.extent[d] <= value.size(static_cast<std::int64_t>(d) + 1);
    }
  }
  Tensor result = at::empty(sizes, value.options(), value.suggest_memory_format());
  if (!inside) result.fill_(outside);
  const Places corner(boxes.dims(), 0);
  for (std::int64_t b = 0; b < rows; ++b) {
    detail::overlay(result[b], boxes.origins[static_cast<std::size_t>(b)], value[value.size(0) == 1 ? 0 : b],
                    corner);
  }
  return result;
}

/// Writes `values` [B, extent...], which lie at `at`, over the places of `crops` [B, ...] that they share.
inline void lay_over(const Tensor& crops, const Boxes& boxes, const Tensor& values, const Boxes& at) {
  const at::NoGradGuard no_grad;
  require(boxes.rows() == at.rows() && boxes.dims() == at.dims(), [&] {
    return text("op::lay_over: ", at.rows(), " boxes of ", at.dims(), " dimensions over ", boxes.rows(),
                " of ", boxes.dims());
  });
  for (std::size_t b = 0; b < boxes.rows(); ++b) {
    const auto row = static_cast<std::int64_t>(b);
    detail::overlay(crops[row], boxes.origins[b], values[row], at.origins[b]);
  }
}

}  // namespace lumen::op
