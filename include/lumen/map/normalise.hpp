// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lumen/map/check.hpp>
#include <lumen/map/magnitude.hpp>
#include <lumen/map/sign.hpp>

namespace lumen::map {

namespace detail {

/// map / scale, cut to [-1, 1]; where scale is 0, the sign of each value: the limit as scale falls to 0.
template <Map E>
[[nodiscard]] Array<Value<E>> divide(const Flat<E>& map, double scale) {
  return transform<Value<E>>(map, [scale](auto x) {
    const double value = static_cast<double>(x);
    if (scale > 0) return static_cast<Value<E>>(std::clamp(value / scale, -1.0, 1.0));
    return static_cast<Value<E>>((value > 0) - (value < 0));
  });
}

}  // namespace detail

// Every normalising returns an array of the map's shape and element type, and counts the whole expression as
// one population. @throws Error  an empty map, a NaN or an infinity, or an option out of range.

/// map / max|map|: symmetric, in [-1, 1] for a signed map (0 stays 0) and in [0, 1] for a map >= 0. Zeros
/// stay zeros.
template <Map E>
[[nodiscard]] Array<Value<E>> by_maximum(const E& map) {
  const Flat<E> from(map);
  require_finite(from, "map::by_maximum");
  return detail::divide(from, largest_magnitude(from.values()));
}

/// map / t, cut to [-1, 1], with t the given percentile of |map| by rank (linear between ranks, as
/// numpy.percentile). Where t is 0 (most of the map is 0), the sign of each value; zeros stay zeros. O(n).
/// @param percent  in [0, 100]; 100 is by_maximum
template <Map E>
[[nodiscard]] Array<Value<E>> by_percentile(const E& map, double percent = 99) {
  const Flat<E> from(map);
  require_finite(from, "map::by_percentile");
  require(percent >= 0 && percent <= 100, [&] {
    return text("map::by_percentile: percent is ", percent, "; expected a number in [0, 100]");
  });
  Array<Value<E>> sizes = absolute(map);
  const double rank = percent / 100 * static_cast<double>(sizes.size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(rank);
  Value<E>* const first = sizes.data();
  Value<E>* const end = first + sizes.size();
  std::nth_element(first, first + below, end);
  const double low = static_cast<double>(first[below]);
  const double high =
      first + below + 1 == end ? low : static_cast<double>(*std::min_element(first + below + 1, end));
  return detail::divide(from, low + (rank - static_cast<double>(below)) * (high - low));
}

/// Captum's normalising (`visualization._normalize_attr`): map / t, cut to [-1, 1], with t the value at which
/// the sum of the magnitudes, added from the smallest up, reaches (100 - outlier_percent) % of the total. A
/// percentile by magnitude, not by rank: a few large values are cut later than by_percentile cuts them.
/// Captum's signs are compositions: "all" is the map itself, "positive" and "negative" are the parts of
/// `split_signs`, "absolute_value" is `absolute`. Zeros stay zeros, where Captum refuses. O(n).
/// @param outlier_percent  in [0, 100)
template <Map E>
[[nodiscard]] Array<Value<E>> by_cumulative_magnitude(const E& map, double outlier_percent = 2) {
  const Flat<E> from(map);
  require_finite(from, "map::by_cumulative_magnitude");
  require(outlier_percent >= 0 && outlier_percent < 100, [&] {
    return text("map::by_cumulative_magnitude: outlier_percent is ", outlier_percent,
                "; expected a number in [0, 100)");
  });
  const auto sizes = sorted_magnitudes(from.values());
  double total = 0;
  for (const auto x : sizes) total += static_cast<double>(x);
  const double wanted = total * 0.01 * (100 - outlier_percent);
  double sum = 0;
  double scale = static_cast<double>(sizes.back());
  for (const auto x : sizes) {
    sum += static_cast<double>(x);
    if (sum >= wanted) {
      scale = static_cast<double>(x);
      break;
    }
  }
  return detail::divide(from, scale);
}

/// (map - min) / (max - min), in [0, 1]. It moves 0, so signed maps lose their signs. A constant map gives
/// zeros.
template <Map E>
[[nodiscard]] Array<Value<E>> by_range(const E& map) {
  const Flat<E> from(map);
  require_finite(from, "map::by_range");
  const auto [least, most] = std::ranges::minmax(from.values());
  const double low = static_cast<double>(least);
  const double range = static_cast<double>(most) - low;
  require(std::isfinite(range),
          "map::by_range: largest - smallest value overflows; scale the map down first");
  return transform<Value<E>>(from, [=](auto x) {
    return range > 0 ? static_cast<Value<E>>((static_cast<double>(x) - low) / range) : Value<E>{0};
  });
}

}  // namespace lumen::map
