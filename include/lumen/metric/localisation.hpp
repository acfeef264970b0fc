// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>

#include <lumen/map/check.hpp>
#include <lumen/map/threshold.hpp>

namespace lumen::metric {

// Each takes a map and the mask of what it should find, of one picture (equal shapes, apart from leading axes
// of extent 1). None depends on the order of equal values: where the paper's answer hangs on how ties are
// broken, it is the mean over all ways to break them. So a constant map (and a map of zeros) scores what
// chance would. An empty mask cannot be found: 0.
// @throws Error  different shapes, no pixels, a NaN or an infinity (the first is named), or an option out of
// range.

/// Relevance mass accuracy: Arras, Osman and Samek, "CLEVR-XAI: A Benchmark Dataset for the Ground Truth
/// Evaluation of Neural Network Explanations", Information Fusion 81, 2022, arXiv:2003.07258. The
/// energy-based pointing game of Score-CAM is the same number.
///
///     sum of the map inside the mask / sum of the map, in [0, 1]
///
/// The map must be >= 0, as the paper's pooled ones are: which sign counts is the caller's choice
/// (map/sign.hpp). O(n).
struct MassAccuracy {
  template <map::Map E, map::Mask M>
  [[nodiscard]] double operator()(const E& map, const M& mask) const {
    const map::Flat<E> values(map);
    const map::Flat<M> inside(mask);
    map::require_same_picture(values, inside, "metric::MassAccuracy");
    map::require_non_negative(values, "metric::MassAccuracy");
    double total = 0;
    double held = 0;
    std::size_t pixels = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = static_cast<double>(values[i]);
      total += value;
      held += inside[i] != 0 ? value : 0.0;
      pixels += inside[i] != 0 ? 1U : 0U;
    }
    return total > 0 ? held / total : static_cast<double>(pixels) / static_cast<double>(values.size());
  }
};

/// Relevance rank accuracy, of the same paper (arXiv:2003.07258). With K the number of pixels of the mask,
///
///     (how many of the K largest values lie in the mask) / K, in [0, 1]
///
/// Values that tie for the last place count by the share of them that gets a place. Signed: the largest, not
/// the largest in magnitude. O(n).
struct RankAccuracy {
  template <map::Map E, map::Mask M>
  [[nodiscard]] double operator()(const E& map, const M& mask) const {
    const map::Flat<E> values(map);
    const map::Flat<M> inside(mask);
    map::require_same_picture(values, inside, "metric::RankAccuracy");
    map::require_finite(values, "metric::RankAccuracy");
    const auto k =
        static_cast<std::size_t>(std::ranges::count_if(inside.values(), [](auto x) { return x != 0; }));
    if (k == 0) return 0.0;
    const auto last = map::kth_largest(values.values(), k);
    double above = 0;
    double above_inside = 0;
    double ties = 0;
    double ties_inside = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] < last) continue;
      const bool tie = values[i] == last;
      (tie ? ties : above) += 1;
      if (inside[i] != 0) (tie ? ties_inside : above_inside) += 1;
    }
    const double places = static_cast<double>(k);
    return (above_inside + ties_inside * (places - above) / ties) / places;
  }
};

}  // namespace lumen::metric
