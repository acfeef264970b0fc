// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include <lumen/map/check.hpp>

namespace lumen::metric {

/// Pointing game: Zhang, Bargal, Lin, Brandt, Shen and Sclaroff, "Top-Down Neural Attention by Excitation
/// Backprop", IJCV 126, 2018, arXiv:1608.00507.
///
///     1 if the maximum lies in the mask or within `tolerance` pixels (Euclidean) of it, else 0
///
/// Where several pixels share the maximum: the share of them that hit, so that a constant map (and a map of
/// zeros) scores what chance would. An empty mask cannot be hit: 0. Signed: the largest value, not the
/// largest magnitude. Takes one picture. O(n tolerance) at worst, O(n) with a single maximum.
struct PointingGame {
  double tolerance = 15.0;  ///< pixels, >= 0

  /// @throws Error  different shapes, several pictures, a NaN or an infinity (the first is named), or
  ///         tolerance below 0
  template <map::Map E, map::Mask M>
  [[nodiscard]] double operator()(const E& map, const M& mask) const {
    const map::Flat<E> values(map);
    const map::Flat<M> inside(mask);
    map::require_same_picture(values, inside, "metric::PointingGame");
    map::require_finite(values, "metric::PointingGame");
    require(tolerance >= 0, [&] {
      return text("metric::PointingGame: tolerance is ", tolerance, "; expected a number of pixels >= 0");
    });
    const map::Plane plane = map::plane_of(values.shape(), "metric::PointingGame");
    const std::vector<double> along_row = distances_along_rows(inside, plane);
    const auto maximum = *std::ranges::max_element(values.values());
    const auto reach = static_cast<std::size_t>(std::min(tolerance, static_cast<double>(plane.rows)));
    std::size_t maxima = 0;
    std::size_t hits = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] != maximum) continue;
      ++maxima;
      const std::size_t row = i / plane.columns;
      const std::size_t last = std::min(row + reach, plane.rows - 1);
      for (std::size_t r = row - std::min(row, reach); r <= last; ++r) {
        const double down = static_cast<double>(r) - static_cast<double>(row);
        const double across = along_row[r * plane.columns + i % plane.columns];
        if (down * down + across * across <= tolerance * tolerance) {
          ++hits;
          break;
        }
      }
    }
    return static_cast<double>(hits) / static_cast<double>(maxima);
  }

 private:
  /// For each pixel the distance to the nearest mask pixel of its own row, infinite where there is none.
  template <map::Mask M>
  [[nodiscard]] static std::vector<double> distances_along_rows(const map::Flat<M>& inside,
                                                                map::Plane plane) {
    std::vector<double> distance(inside.size());
    for (std::size_t r = 0; r < plane.rows; ++r) {
      double* const row = distance.data() + r * plane.columns;
      double nearest = std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < plane.columns; ++c)
        row[c] = nearest = inside[r * plane.columns + c] != 0 ? 0.0 : nearest + 1;
      for (std::size_t c = plane.columns; c-- > 0;) row[c] = nearest = std::min(row[c], nearest + 1);
    }
    return distance;
  }
};

}  // namespace lumen::metric
