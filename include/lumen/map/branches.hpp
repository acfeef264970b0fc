// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/map/components.hpp>
#include <lumen/map/skeleton.hpp>

namespace lumen::map {

namespace detail {

/// Gives every pixel of `inside` that has no label the label of the nearest that has one, in steps within it; of equally
/// near ones that of the first. @param front  the pixels with a label, in the order of their labels
inline void spread(std::vector<std::size_t> front, Array<std::int32_t>& labels, const Array<bool>& inside,
                   const Plane& plane) {
  for (std::size_t next = 0; next < front.size(); ++next) {
    const std::size_t i = front[next], row = i / plane.columns, column = i % plane.columns;
    for (std::size_t r = row > 0 ? row - 1 : 0; r <= std::min(row + 1, plane.rows - 1); ++r)
      for (std::size_t c = column > 0 ? column - 1 : 0; c <= std::min(column + 1, plane.columns - 1); ++c) {
        const std::size_t j = r * plane.columns + c;
        if (!inside.data()[j] || labels.data()[j] != 0) continue;
        labels.data()[j] = labels.data()[i];
        front.push_back(j);
      }
  }
}

/// Whether three lines or more go out from a pixel of a skeleton, or it is the first of a square.
[[nodiscard]] inline bool crossing(const std::array<bool, 8>& p) {
  int lines = 0;
  for (std::size_t k = 0; k < 8; ++k) lines += !p[k] && p[(k + 1) % 8];
  return lines > 2 || (p[2] && p[3] && p[4]);
}

[[nodiscard]] inline std::vector<std::size_t> labelled(const Array<std::int32_t>& labels) {
  std::vector<std::size_t> pixels;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels.data()[i] != 0) pixels.push_back(i);
  std::ranges::stable_sort(pixels, {}, [&](std::size_t i) { return labels.data()[i]; });
  return pixels;
}

}  // namespace detail

/// A mask cut into the branches of its skeleton, as of a tree of vessels: 0 outside, and a number from 1 on for each branch.
///
/// A branch is what is left of the skeleton in one piece when the crossings and what touches them are taken out: pixels
/// from which three lines or more go out, and squares of 2 x 2. Then each pixel of the mask goes to the branch that is
/// nearest within the mask. A part of the mask with nothing but crossings is one branch.
/// @param mask  [H, W], leading axes of extent 1 allowed
/// @throws Error  several pictures
template <Mask E>
[[nodiscard]] Array<std::int32_t> branches(const E& mask) {
  const Flat<E> from(mask);
  const Plane plane = plane_of(from.shape(), "map::branches");
  const Array<bool> inside = transform<bool>(from, [](auto x) { return x != 0; });
  const Array<bool> lines = skeleton(inside);
  Array<bool> between = lines;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines.data()[i]) continue;
    const std::size_t row = i / plane.columns, column = i % plane.columns;
    if (!detail::crossing(
            detail::ring(plane, row, column, [&](std::size_t j) { return bool{lines.data()[j]}; })))
      continue;
    for (std::size_t r = row > 0 ? row - 1 : 0; r <= std::min(row + 1, plane.rows - 1); ++r)
      for (std::size_t c = column > 0 ? column - 1 : 0; c <= std::min(column + 1, plane.columns - 1); ++c)
        between.data()[r * plane.columns + c] = false;
  }
  Components pieces = components(between, Connectivity::Eight);
  auto next = static_cast<std::int32_t>(pieces.count());
  Array<std::int32_t>& labels = pieces.labels;
  detail::spread(detail::labelled(labels), labels, lines, plane);
  detail::spread(detail::labelled(labels), labels, inside, plane);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (!inside.data()[i] || labels.data()[i] != 0) continue;
    labels.data()[i] = ++next;
    detail::spread({i}, labels, inside, plane);
  }
  return labels;
}

}  // namespace lumen::map
