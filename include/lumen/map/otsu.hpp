// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <lumen/map/threshold.hpp>

namespace lumen::map {

/// Otsu, "A Threshold Selection Method from Gray-Level Histograms", IEEE Trans. SMC 9(1), 1979: over a
/// histogram of `bins` equal steps from the least to the largest value, the split with the largest variance
/// between its two classes; of equal splits the lowest.
/// @return the smallest value of the upper class; infinity for a constant map, which has none
/// @param bins  >= 2
template <Map E>
[[nodiscard]] double otsu_threshold(const E& map, int bins = 256) {
  const Flat<E> from(map);
  require_finite(from, "map::otsu_threshold");
  require(bins >= 2, [&] { return text("map::otsu_threshold: bins is ", bins, "; expected at least 2"); });
  const auto [least, most] = std::ranges::minmax(from.values());
  const double low = static_cast<double>(least);
  const double range = static_cast<double>(most) - low;
  require(std::isfinite(range),
          "map::otsu_threshold: largest - smallest value overflows; scale the map down first");
  if (range == 0) return std::numeric_limits<double>::infinity();

  struct Bin {
    double count = 0;
    double sum = 0;
    double least = std::numeric_limits<double>::infinity();
  };
  std::vector<Bin> histogram(static_cast<std::size_t>(bins));
  for (const auto value : from.values()) {
    const double x = (static_cast<double>(value) - low) / range;
    Bin& bin = histogram[std::min(static_cast<std::size_t>(x * bins), histogram.size() - 1)];
    bin.count += 1;
    bin.sum += x;
    bin.least = std::min(bin.least, static_cast<double>(value));
  }
  Bin all;
  for (const Bin& bin : histogram) all.count += bin.count, all.sum += bin.sum;
  Bin below;
  double best = -1;
  std::size_t last_below = 0;
  for (std::size_t i = 0; i + 1 < histogram.size(); ++i) {
    below.count += histogram[i].count;
    below.sum += histogram[i].sum;
    const double above = all.count - below.count;
    const double gap = below.sum / below.count - (all.sum - below.sum) / above;
    const double variance = below.count * above * gap * gap;
    if (variance > best) {
      best = variance;
      last_below = i;
    }
  }
  const auto upper = histogram.begin() + static_cast<std::ptrdiff_t>(last_below + 1);
  return std::ranges::find_if(upper, histogram.end(), [](const Bin& bin) { return bin.count > 0; })->least;
}

/// The upper class of Otsu's threshold; empty for a constant map.
template <Map E>
[[nodiscard]] Array<bool> otsu(const E& map, int bins = 256) {
  return at_least(map, otsu_threshold(map, bins));
}

}  // namespace lumen::map
