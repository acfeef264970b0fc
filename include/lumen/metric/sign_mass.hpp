// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>

#include <lumen/map/check.hpp>

namespace lumen::metric {

/// How a map's mass is split between its signs.
struct SignShares {
  double positive = 0;  ///< share of the mass that speaks for the score, in [0, 1]
  double negative = 0;  ///< share that speaks against it, in [0, 1]; positive + negative = 1
  double mass = 0;      ///< sum of the magnitudes, in units of the map
};

/// The mass above and below 0, as shares of sum |map|. A map of zeros has no mass: all three are 0. A
/// constant map has all its mass on one side. O(n).
struct SignMass {
  /// @throws Error  no values, a NaN or an infinity (the first is named)
  template <map::Map E>
  [[nodiscard]] SignShares operator()(const E& map) const {
    const map::Flat<E> flat(map);
    map::require_finite(flat, "metric::SignMass");
    double positive = 0;
    double negative = 0;
    for (const auto x : flat.values()) (x > 0 ? positive : negative) += std::abs(static_cast<double>(x));
    const double mass = positive + negative;
    if (mass == 0) return {};
    return {.positive = positive / mass, .negative = negative / mass, .mass = mass};
  }
};

}  // namespace lumen::metric
