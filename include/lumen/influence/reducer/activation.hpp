// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// What each pixel of the image does to all outputs that were asked about: [H, W] each, float64, in units of the
/// gradient.
struct Activation {
  Tensor mean;            ///< over the outputs, those that it cannot reach included
  Tensor mean_magnitude;  ///< of the magnitudes
  Tensor mean_square;     ///< of the squares: what `probe_energy` estimates
  Tensor highest;         ///< the largest value
  Tensor lowest;  ///< the smallest value; where it is larger in magnitude, the maximum alone would hide it
};

/// For every pixel of the image: mean, extremes and mean square of its influence over the outputs, the columns of the
/// Jacobian. Holds [H, W] five times.
class ActivationMaps {
 public:
  void operator()(const Windows& rows) {
    const auto& chunk = rows.chunk();
    if (!sum_.defined()) {
      const auto options = rows.values().options().dtype(at::kDouble);
      const auto plane = [&](double value) { return at::full({chunk.height, chunk.width}, value, options); };
      sum_ = plane(0), magnitude_ = plane(0), square_ = plane(0), reached_ = plane(0);
      highest_ = plane(-std::numeric_limits<double>::infinity());
      lowest_ = plane(std::numeric_limits<double>::infinity());
    }
    for (std::int64_t b = 0; b < rows.count(); ++b) {
      const auto [row, height, column, width] = chunk.inside(b);
      if (height == 0 || width == 0) continue;
      const auto* origin = chunk.origins.data_ptr<std::int64_t>() + 2 * b;
      const Tensor values = rows.values()[b].narrow(0, row, height).narrow(1, column, width).to(at::kDouble);
      const auto at = [&, row = row, height = height, column = column, width = width](const Tensor& plane) {
        return plane.narrow(0, origin[0] + row, height).narrow(1, origin[1] + column, width);
      };
      at(sum_).add_(values);
      at(magnitude_).add_(values.abs());
      at(square_).addcmul_(values, values);
      at(reached_).add_(1);
      Tensor high = at(highest_), low = at(lowest_);
      at::maximum_out(high, high, values);
      at::minimum_out(low, low, values);
    }
    rows_ += rows.count();
  }

  /// @throws Error if there was no row
  [[nodiscard]] Activation result() const {
    require(rows_ > 0, "no row was seen: ask about at least one pixel");
    const auto n = static_cast<double>(rows_);
    const Tensor missed = reached_.lt(n);  // some output's window leaves the pixel out: it is 0 there
    return {.mean = (sum_ / n).cpu(),
            .mean_magnitude = (magnitude_ / n).cpu(),
            .mean_square = (square_ / n).cpu(),
            .highest = at::where(missed, highest_.clamp_min(0), highest_).cpu(),
            .lowest = at::where(missed, lowest_.clamp_max(0), lowest_).cpu()};
  }

 private:
  Tensor sum_, magnitude_, square_, reached_, highest_, lowest_;
  std::int64_t rows_ = 0;
};

}  // namespace lumen::influence
