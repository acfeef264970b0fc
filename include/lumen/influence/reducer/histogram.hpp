// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// How often values of the Jacobian lie where. Its counts add up to rows * pixels of the image.
struct Histogram {
  Tensor counts;  ///< int64 [bins]; a value on an edge is in the bin above it, the highest in the last
  double low = 0, high = 0;  ///< what the bins span evenly
  std::int64_t below = 0;    ///< values below `low`
  std::int64_t above = 0;    ///< values above `high`
  std::int64_t outside = 0;  ///< pixels beyond the windows, where the Jacobian is 0; in no bin
};

/// The histogram of all values of all rows.
class ValueHistogram {
 public:
  /// @param bins  at least 1
  /// @param low   the range of the bins; without one, from the image's lowest to its highest value, which takes a
  ///              second look at the rows
  explicit ValueHistogram(std::int64_t bins = 100, std::optional<double> low = {},
                          std::optional<double> high = {})
      : low_(low), high_(high) {
    require(bins >= 1 && low.has_value() == high.has_value() &&
                (!low || (*low < *high && std::isfinite(*high - *low))),
            "influence::ValueHistogram: expected at least one bin, and a finite range low < high or none");
    found_.counts = at::zeros({bins}, at::kLong);
  }

  [[nodiscard]] bool needs_peaks() const { return !low_; }

  void operator()(const Windows& rows) {
    const double low = low_ ? *low_ : rows.peaks().lowest, high = high_ ? *high_ : rows.peaks().highest;
    found_.low = low;
    found_.high = high;
    const std::int64_t bins = found_.counts.size(0), area = rows.height() * rows.width();
    std::int64_t within = 0;
    for (std::int64_t b = 0; b < rows.count(); ++b) {
      const auto [row, height, column, width] = rows.chunk().inside(b);
      within += height * width;
    }
    const Tensor values = rows.values().to(at::kDouble);
    // where the extremes are equal all values are in one bin
    const double scale = high > low ? static_cast<double>(bins) / (high - low) : 0.0;
    const Tensor under = values.lt(low), over = values.gt(high);
    const Tensor place =
        ((values - low) * scale).floor().clamp(0, static_cast<double>(bins - 1)).to(at::kLong) + 1;
    const Tensor binned =
        place.masked_fill(under, 0).masked_fill(over, bins + 1).flatten().bincount({}, bins + 2).cpu();
    Tensor counts = binned.narrow(0, 1, bins).clone();
    auto below = binned[0].item<std::int64_t>(), above = binned[bins + 1].item<std::int64_t>();
    // the windows' own places outside the image hold 0 and are no pixels
    const std::int64_t extra = rows.count() * area - within;
    if (0.0 < low) {
      below -= extra;
    } else if (0.0 > high) {
      above -= extra;
    } else {
      const double at = std::min(std::floor((0.0 - low) * scale), static_cast<double>(bins - 1));
      counts[static_cast<std::int64_t>(at)] -= extra;
    }
    found_.counts += counts;
    found_.below += below;
    found_.above += above;
    found_.outside += rows.count() * rows.chunk().height * rows.chunk().width - within;
  }

  [[nodiscard]] Histogram result() const { return found_; }

 private:
  std::optional<double> low_, high_;
  Histogram found_{};
};

}  // namespace lumen::influence
