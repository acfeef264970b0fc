// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <vector>

namespace lumen {

/// The places begin, begin + 1, ... end - 1 of one dimension; none if end <= begin. May leave the plane.
struct Interval {
  std::int64_t begin = 0, end = 0;

  [[nodiscard]] std::int64_t size() const { return std::max<std::int64_t>(end - begin, 0); }
  [[nodiscard]] bool empty() const { return end <= begin; }
  [[nodiscard]] bool contains(std::int64_t place) const { return begin <= place && place < end; }
  [[nodiscard]] bool contains(const Interval& other) const {
    return other.empty() || (begin <= other.begin && other.end <= end);
  }
  bool operator==(const Interval&) const = default;
};

/// The smallest interval that holds both.
[[nodiscard]] inline Interval hull(const Interval& a, const Interval& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.begin, b.begin), std::max(a.end, b.end)};
}

/// What both hold.
[[nodiscard]] inline Interval meet(const Interval& a, const Interval& b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

/// A part of a value [N, d1, d2, ...]: an interval for each dimension but the batch, so channels first, then rows and
/// columns.
using Box = std::vector<Interval>;

/// All of a value of these sizes, the batch included in `sizes`.
[[nodiscard]] inline Box whole(const std::vector<std::int64_t>& sizes) {
  Box box;
  for (std::size_t i = 1; i < sizes.size(); ++i) box.push_back({0, sizes[i]});
  return box;
}

[[nodiscard]] inline bool empty(const Box& box) {
  return std::any_of(box.begin(), box.end(), [](const Interval& each) { return each.empty(); });
}

/// The smallest box that holds both; both of the same number of dimensions.
[[nodiscard]] inline Box hull(const Box& a, const Box& b) {
  if (empty(a)) return b;
  if (empty(b)) return a;
  Box box;
  for (std::size_t i = 0; i < a.size(); ++i) box.push_back(hull(a[i], b[i]));
  return box;
}

/// What both hold; both of the same number of dimensions.
[[nodiscard]] inline Box meet(const Box& a, const Box& b) {
  Box box;
  for (std::size_t i = 0; i < a.size(); ++i) box.push_back(meet(a[i], b[i]));
  return box;
}

}  // namespace lumen
