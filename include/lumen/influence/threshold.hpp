// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <lumen/core/error.hpp>

namespace lumen::influence {

/// The extremes of all rows of an image: what thresholds that are a fraction of the image's own need.
struct Peaks {
  double highest = -std::numeric_limits<double>::infinity();  ///< of all values, with their sign
  double lowest = std::numeric_limits<double>::infinity();

  /// The largest magnitude; 0 before the first row.
  [[nodiscard]] double magnitude() const {
    return highest < lowest ? 0.0 : std::max(std::abs(highest), std::abs(lowest));
  }
  void include(double high, double low) {
    highest = std::max(highest, high);
    lowest = std::min(lowest, low);
  }
  bool operator==(const Peaks&) const = default;
};

/// Which values of a row count: those whose magnitude is above T, where T is a number, or a fraction of the row's own
/// or of the image's maximum. Never below 0, so that a value of 0 never counts.
struct Threshold {
  enum class Of {
    Value,  ///< T = level, in units of the gradient
    Row,    ///< T = level * the row's own maximum
    Image,  ///< T = level * the maximum of all rows that were asked for: known after all of them were seen once
  };
  double level = 0.01;  ///< >= 0
  Of of = Of::Image;
  /// The maximum of the values with their sign, where negative ones do not count; else the largest magnitude.
  bool signed_maximum = false;

  /// @throws Error if the level is negative or no number
  void check() const {
    require(level >= 0 && std::isfinite(level), [&] {
      return text("Threshold: the level is ", level,
                  "; expected a number >= 0, such as 0.01 for 1 % of the maximum");
    });
  }
  /// T, for these extremes of a row or of the image.
  [[nodiscard]] double at(const Peaks& peaks) const {
    if (of == Of::Value) return level;
    return level * (signed_maximum ? std::max(peaks.highest, 0.0) : peaks.magnitude());
  }
  bool operator==(const Threshold&) const = default;
};

}  // namespace lumen::influence
