// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <lumen/map/check.hpp>
#include <lumen/map/magnitude.hpp>

namespace lumen::metric {

// Each takes a map, counts its N values by magnitude, as one population, and does not depend on their order;
// all but L0 do not depend on their scale either. A map of zeros is answered as the constant map that it is:
// evidence spread evenly, as by any other constant. @throws Error  no values, a NaN or an infinity (the first
// is named), or an option out of range.

/// The Gini index: Hurley and Rickard, "Comparing Measures of Sparsity", IEEE Trans. Inf. Theory 55(10),
/// 2009, arXiv:0811.4706. With the magnitudes c_1 <= ... <= c_N,
///
///     1 - 2 sum_k c_k / |c|_1 (N - k + 1/2) / N, in [0, 1 - 1/N]; higher is sparser
///
/// 0 for a constant map, 1 - 1/N for a single value. O(N).
struct Gini {
  template <map::Map E>
  [[nodiscard]] double operator()(const E& map) const {
    const map::Flat<E> flat(map);
    map::require_finite(flat, "metric::Gini");
    const auto sorted = map::sorted_magnitudes(flat.values());
    const auto n = static_cast<double>(sorted.size());
    const auto largest = static_cast<double>(sorted.back());
    if (largest == 0) return 0.0;
    double sum = 0;
    double weighted = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const double c = static_cast<double>(sorted[i]) / largest;
      sum += c;
      weighted += c * (n - static_cast<double>(i) - 0.5);
    }
    return std::max(0.0, 1 - 2 * weighted / (sum * n));
  }
};

/// Hoyer, "Non-negative Matrix Factorization with Sparseness Constraints", JMLR 5, 2004.
///
///     (sqrt(N) - |a|_1 / |a|_2) / (sqrt(N) - 1), in [0, 1]; higher is sparser
///
/// 0 for a constant map, 1 for a single value among zeros; 0 for a map of one element, which is constant.
/// O(N).
struct Hoyer {
  template <map::Map E>
  [[nodiscard]] double operator()(const E& map) const {
    const map::Flat<E> flat(map);
    map::require_finite(flat, "metric::Hoyer");
    const double largest = map::largest_magnitude(flat.values());
    if (largest == 0 || flat.size() == 1) return 0.0;
    double sum = 0;
    double squares = 0;
    for (const auto x : flat.values()) {
      const double c = std::abs(static_cast<double>(x)) / largest;
      sum += c;
      squares += c * c;
    }
    const double root = std::sqrt(static_cast<double>(flat.size()));
    return std::clamp((root - sum / std::sqrt(squares)) / (root - 1), 0.0, 1.0);
  }
};

/// The number of values whose magnitude is above `epsilon`, in 0 ... N; lower is sparser. Depends on the
/// map's scale: normalise first (map/normalise.hpp) to compare methods. O(N).
struct L0 {
  double epsilon = 0.0;  ///< >= 0, in units of the map

  template <map::Map E>
  [[nodiscard]] double operator()(const E& map) const {
    const map::Flat<E> flat(map);
    map::require_finite(flat, "metric::L0");
    require(epsilon >= 0,
            [&] { return text("metric::L0: epsilon is ", epsilon, "; expected a number >= 0"); });
    return static_cast<double>(std::ranges::count_if(
        flat.values(), [this](auto x) { return std::abs(static_cast<double>(x)) > epsilon; }));
  }
};

}  // namespace lumen::metric
