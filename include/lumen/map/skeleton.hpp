// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/map/check.hpp>

namespace lumen::map {

namespace detail {

/// The eight neighbours of a pixel, from the one above on clockwise; those beyond the border are outside.
template <class Inside>
[[nodiscard]] std::array<bool, 8> ring(const Plane& plane, std::size_t row, std::size_t column,
                                       const Inside& inside) {
  constexpr std::array<std::array<int, 2>, 8> steps{
      {{-1, 0}, {-1, 1}, {0, 1}, {1, 1}, {1, 0}, {1, -1}, {0, -1}, {-1, -1}}};
  std::array<bool, 8> values{};
  for (std::size_t k = 0; k < 8; ++k) {
    const std::size_t r = row + static_cast<std::size_t>(steps[k][0]),
                      c = column + static_cast<std::size_t>(steps[k][1]);
    values[k] = r < plane.rows && c < plane.columns && inside(r * plane.columns + c);
  }
  return values;
}

/// Whether a pixel may go in one of the two turns of Guo and Hall: it joins nothing, is no end, and lies on the side that
/// the turn takes away.
[[nodiscard]] inline bool thinned(const std::array<bool, 8>& p, bool second) {
  int joined = 0, first_pairs = 0, second_pairs = 0;
  for (std::size_t k = 0; k < 8; k += 2) {
    const bool edge = p[k], before = p[(k + 7) % 8], corner = p[k + 1], next = p[(k + 2) % 8];
    joined += !edge && (corner || next);
    first_pairs += before || edge;
    second_pairs += edge || corner;
  }
  const int around = std::min(first_pairs, second_pairs);
  if (joined != 1 || around < 2 || around > 3) return false;
  return second ? !((p[0] || p[1] || !p[3]) && p[2]) : !((p[4] || p[5] || !p[7]) && p[6]);
}

}  // namespace detail

/// The skeleton of a mask: lines about one pixel wide in its middle. Guo and Hall, "Parallel Thinning with Two-Subiteration
/// Algorithms", CACM 32(3), 1989 (the first of the two). It keeps the pieces of the mask (by edges or corners) and its
/// holes; that of Zhang and Suen, which is better known, lets slanted lines of two pixels vanish.
/// @param mask  [H, W], leading axes of extent 1 allowed
/// @throws Error  several pictures
template <Mask E>
[[nodiscard]] Array<bool> skeleton(const E& mask) {
  const Flat<E> from(mask);
  const Plane plane = plane_of(from.shape(), "map::skeleton");
  Array<bool> out = transform<bool>(from, [](auto x) { return x != 0; });
  bool* const values = out.data();
  std::vector<std::size_t> left, gone;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (values[i]) left.push_back(i);
  for (bool changed = true; changed;) {
    changed = false;
    for (const bool second : {false, true}) {
      gone.clear();
      for (const std::size_t i : left) {
        const auto around = detail::ring(plane, i / plane.columns, i % plane.columns,
                                         [&](std::size_t j) { return values[j]; });
        if (detail::thinned(around, second)) gone.push_back(i);
      }
      for (const std::size_t i : gone) values[i] = false;
      std::erase_if(left, [&](std::size_t i) { return !values[i]; });
      changed = changed || !gone.empty();
    }
  }
  return out;
}

}  // namespace lumen::map
