// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include <ATen/Dispatch.h>

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

/// The histogram of all values of all rows. On the CPU.
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

  /// @throws Error if a value is NaN
  void operator()(const Windows& rows) {
    const double low = low_ ? *low_ : rows.peaks().lowest, high = high_ ? *high_ : rows.peaks().highest;
    found_.low = low;
    found_.high = high;
    const std::int64_t bins = found_.counts.size(0);
    // where the extremes are equal all values are in one bin
    const double scale = high > low ? static_cast<double>(bins) / (high - low) : 0.0;
    const double span = high - low, count = static_cast<double>(bins);
    const bool plain = !(high > low) || (scale > 0 && std::isfinite(scale));  // else the span has no inverse
    const auto bin_of = [&](double v) {
      const double at = plain                 ? (v - low) * scale
                        : std::isfinite(span) ? (v - low) / span * count
                                              : (v / 4 - low / 4) / (high / 4 - low / 4) * count;
      return std::min(static_cast<std::int64_t>(at), bins - 1);
    };
    const Tensor& all = rows.on_cpu();
    auto* counts = found_.counts.data_ptr<std::int64_t>();
    AT_DISPATCH_FLOATING_TYPES(all.scalar_type(), "lumen_influence", [&] {
      for (std::int64_t b = 0; b < rows.count(); ++b) {
        const auto [first_row, height, first_column, width] = rows.chunk().inside(b);
        for (std::int64_t r = first_row; r < first_row + height; ++r) {
          const auto* value =
              all.data_ptr<scalar_t>() + (b * rows.height() + r) * rows.width() + first_column;
          for (std::int64_t c = 0; c < width; ++c) {
            const auto v = static_cast<double>(value[c]);
            if (v < low) {
              ++found_.below;
            } else if (v > high) {
              ++found_.above;
            } else {
              require(!std::isnan(v), [&] {
                const auto* place = rows.chunk().places.data_ptr<std::int64_t>() + 2 * b;
                return text("influence::ValueHistogram: the gradient of the pixel at row ", place[0],
                            ", column ", place[1], " holds NaN, which is in no bin; check the model there");
              });
              ++counts[bin_of(v)];
            }
          }
        }
        found_.outside += rows.chunk().height * rows.chunk().width - height * width;
      }
    });
  }

  [[nodiscard]] Histogram result() const { return found_; }

 private:
  std::optional<double> low_, high_;
  Histogram found_{};
};

}  // namespace lumen::influence
