// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <lumen/map/check.hpp>

namespace lumen::map {

namespace detail {

/// The lower envelope of the parabolas (x - i)^2 + f[i], at every place x; f may be infinite.
inline void lower_envelope(const std::vector<double>& f, std::vector<double>& out) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::size_t n = f.size();
  std::vector<std::size_t> vertex;  // of the parabolas that are lowest somewhere, from left to right
  std::vector<double> from;         // where each of them becomes the lowest
  for (std::size_t i = 0; i < n; ++i) {
    if (f[i] == infinity) continue;
    const auto x = static_cast<double>(i);
    double begin = -infinity;
    while (!vertex.empty()) {
      const auto v = static_cast<double>(vertex.back());
      begin = ((f[i] + x * x) - (f[vertex.back()] + v * v)) / (2 * (x - v));
      if (begin > from.back()) break;
      vertex.pop_back();
      from.pop_back();
      begin = -infinity;
    }
    vertex.push_back(i);
    from.push_back(begin);
  }
  std::size_t k = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (vertex.empty()) {
      out[i] = infinity;
      continue;
    }
    const auto x = static_cast<double>(i);
    while (k + 1 < vertex.size() && from[k + 1] <= x) ++k;
    const double d = x - static_cast<double>(vertex[k]);
    out[i] = d * d + f[vertex[k]];
  }
}

}  // namespace detail

/// Each pixel's Euclidean distance to the nearest pixel of the mask, from centre to centre, in pixels: 0 inside of it,
/// infinite everywhere for an empty mask. Exact: Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled
/// Functions", Theory of Computing 8, 2012. O(pixels).
/// @param mask  [H, W], leading axes of extent 1 allowed
/// @throws Error  several pictures
template <Mask E>
[[nodiscard]] Array<double> distance_to(const E& mask) {
  const Flat<E> from(mask);
  const Plane plane = plane_of(from.shape(), "map::distance_to");
  auto squares = filled(from.shape(), std::numeric_limits<double>::infinity());
  double* values = squares.data();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i]) values[i] = 0;
  const auto along = [&](std::size_t lines, std::size_t length, std::size_t line_step, std::size_t step) {
    std::vector<double> f(length), out(length);
    for (std::size_t line = 0; line < lines; ++line) {
      double* first = values + line * line_step;
      for (std::size_t i = 0; i < length; ++i) f[i] = first[i * step];
      detail::lower_envelope(f, out);
      for (std::size_t i = 0; i < length; ++i) first[i * step] = out[i];
    }
  };
  along(plane.columns, plane.rows, 1, plane.columns);
  along(plane.rows, plane.columns, plane.columns, 1);
  for (std::size_t i = 0; i < from.size(); ++i) values[i] = std::sqrt(values[i]);
  return squares;
}

}  // namespace lumen::map
