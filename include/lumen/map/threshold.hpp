// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <lumen/map/check.hpp>

namespace lumen::map {

// Every threshold returns a mask of the map's shape, and counts the whole expression as one population: for a
// batch, pass one sample at a time. @throws Error  an empty map, a NaN or an infinity, or an option out of
// range.

/// map >= value.
template <Map E>
[[nodiscard]] Array<bool> at_least(const E& map, double value) {
  const Flat<E> from(map);
  require_finite(from, "map::at_least");
  require(!std::isnan(value), "map::at_least: value is NaN; expected a number");
  return transform<bool>(from, [value](auto x) { return static_cast<double>(x) >= value; });
}

/// map >= fraction * max(map), the rule of class activation maps (Zhou et al., "Learning Deep Features for
/// Discriminative Localization", CVPR 2016, fraction 0.2). A map without a value above 0 gives an empty mask.
/// @param fraction  in [0, 1]
template <Map E>
[[nodiscard]] Array<bool> at_least_of_maximum(const E& map, double fraction) {
  const Flat<E> from(map);
  require_finite(from, "map::at_least_of_maximum");
  require(fraction >= 0 && fraction <= 1, [&] {
    return text("map::at_least_of_maximum: fraction is ", fraction, "; expected a number in [0, 1]");
  });
  const double maximum = static_cast<double>(*std::ranges::max_element(from.values()));
  const double value = fraction * maximum;
  return transform<bool>(from, [=](auto x) { return maximum > 0 && static_cast<double>(x) >= value; });
}

/// The k-th largest value, k in 1 ... values.size(). O(n).
template <class T>
[[nodiscard]] T kth_largest(std::span<const T> values, std::size_t k) {
  std::vector<T> copy(values.begin(), values.end());
  const auto kth = copy.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::ranges::nth_element(copy, kth, std::greater<>{});
  return *kth;
}

/// The k = round(fraction * size) largest values, exactly k of them: where values are equal, the lowest
/// row-major index comes first (so a constant map gives its first k pixels). Signed: the largest, not the
/// largest in magnitude. O(n).
/// @param fraction  in [0, 1]
template <Map E>
[[nodiscard]] Array<bool> top_fraction(const E& map, double fraction) {
  const Flat<E> from(map);
  require_finite(from, "map::top_fraction");
  require(fraction >= 0 && fraction <= 1,
          [&] { return text("map::top_fraction: fraction is ", fraction, "; expected a number in [0, 1]"); });
  const auto k = static_cast<std::size_t>(std::llround(fraction * static_cast<double>(from.size())));
  if (k == 0) return transform<bool>(from, [](auto) { return false; });
  const Value<E> last = kth_largest(from.values(), k);
  const auto greater =
      static_cast<std::size_t>(std::ranges::count_if(from.values(), [=](auto x) { return x > last; }));
  std::size_t ties = k - greater;
  return transform<bool>(from, [&](auto x) {
    if (x != last) return x > last;
    if (ties == 0) return false;
    --ties;
    return true;
  });
}

}  // namespace lumen::map
