// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lumen/map/check.hpp>
#include <lumen/map/magnitude.hpp>

namespace lumen::metric {

// Each takes a map, counts its N values by magnitude, as one population, and depends neither on their order
// nor on their scale. A map of zeros is answered as the constant map that it is: evidence spread evenly, as
// by any other constant.
// @throws Error  no values, a NaN or an infinity (the first is named), or an option out of range.

/// The entropy of the magnitudes as a distribution p = |a| / |a|_1: "complexity" in Bhatt, Weller and Moura,
/// "Evaluating and Aggregating Feature-based Model Explanations", IJCAI 2020, arXiv:2005.00631.
///
///     -sum_i p_i ln p_i, in [0, ln N] nats; lower is sparser
///
/// ln N for a constant map, 0 for a single value among zeros. O(N).
struct Entropy {
  bool normalised =
      false;  ///< divided by ln N: in [0, 1], comparable between sizes; 0 for a map of one element

  template <map::Map E>
  [[nodiscard]] double operator()(const E& map) const {
    const map::Flat<E> flat(map);
    map::require_finite(flat, "metric::Entropy");
    if (flat.size() == 1) return 0.0;
    const double most = std::log(static_cast<double>(flat.size()));
    const double largest = map::largest_magnitude(flat.values());
    if (largest == 0) return normalised ? 1.0 : most;
    double sum = 0;
    double weighted = 0;
    for (const auto x : flat.values()) {
      const double c = std::abs(static_cast<double>(x)) / largest;
      sum += c;
      if (c > 0) weighted += c * std::log(c);
    }
    const double entropy = std::clamp(std::log(sum) - weighted / sum, 0.0, most);
    return normalised ? entropy / most : entropy;
  }
};

/// The smallest share of the pixels that holds `percent` % of the mass |a|_1 (to 1 part in 10^12, so that
/// rounding does not ask for one pixel more), in [1/N, 1]; lower is sparser. ceil(percent / 100 * N) / N for
/// a constant map. O(N).
struct EffectiveArea {
  double percent = 90.0;  ///< in (0, 100]

  template <map::Map E>
  [[nodiscard]] double operator()(const E& map) const {
    const map::Flat<E> flat(map);
    map::require_finite(flat, "metric::EffectiveArea");
    require(percent > 0 && percent <= 100, [&] {
      return text("metric::EffectiveArea: percent is ", percent, "; expected a number in (0, 100]");
    });
    const auto sorted = map::sorted_magnitudes(flat.values());
    const auto largest = static_cast<double>(sorted.back());
    const auto magnitude = [&](auto c) { return largest == 0 ? 1.0 : static_cast<double>(c) / largest; };
    double total = 0;
    for (const auto c : sorted) total += magnitude(c);
    const double wanted = total * (percent / 100) * (1 - 1e-12);
    double held = 0;
    std::size_t pixels = 0;
    while (pixels < sorted.size() && held < wanted) held += magnitude(sorted[sorted.size() - ++pixels]);
    return static_cast<double>(pixels) / static_cast<double>(sorted.size());
  }
};

}  // namespace lumen::metric
