// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::influence {

/// An image of a statistic, scaled from its lowest to its highest value to [0, 1]: (v - min) / (max - min). Pixels that
/// are NaN (not asked about) stay so and count for nothing; an image that is constant becomes 0, not NaN.
/// @throws Error if a value is infinite
[[nodiscard]] inline Tensor by_range(const Tensor& image) {
  const Tensor values = image.masked_select(image.isnan().logical_not());
  if (values.numel() == 0) return image.clone();
  const double low = values.min().item<double>(), high = values.max().item<double>();
  require(std::isfinite(high - low),
          "influence::by_range: the image holds infinite values; they have no place in [0, 1]");
  return high > low ? (image - low) / (high - low) : image - low;
}

/// y = slope * x + intercept.
struct LinearFit {
  double slope = 0, intercept = 0;
  double correlation = 0;  ///< Pearson's, in [-1, 1]
  std::int64_t count = 0;  ///< points
};

/// The least squares line through points. Where all x are equal it is level, through the mean of y; the correlation is 0
/// where either does not vary.
/// @param x, y  of one shape, any; a point that holds a NaN is left out
/// @throws Error if the shapes differ or no point is left
[[nodiscard]] inline LinearFit linear_fit(const Tensor& x, const Tensor& y) {
  require(x.sizes() == y.sizes(), [&] {
    return text("influence::linear_fit: x has shape ", x.sizes(), " and y ", y.sizes(),
                "; expected the same");
  });
  const Tensor a = x.to(at::kCPU, at::kDouble), b = y.to(at::kCPU, at::kDouble);
  const Tensor known = (a.isnan() | b.isnan()).logical_not();
  const Tensor u = a.masked_select(known), v = b.masked_select(known);
  require(u.numel() > 0, "influence::linear_fit: there is no point without a NaN");
  const double mean_u = u.mean().item<double>(), mean_v = v.mean().item<double>();
  const double uu = (u - mean_u).square().sum().item<double>(),
               vv = (v - mean_v).square().sum().item<double>(),
               uv = ((u - mean_u) * (v - mean_v)).sum().item<double>();
  LinearFit fit{.slope = uu > 0 ? uv / uu : 0.0, .count = u.numel()};
  fit.intercept = mean_v - fit.slope * mean_u;
  if (uu > 0 && vv > 0) fit.correlation = uv / std::sqrt(uu) / std::sqrt(vv);
  return fit;
}

/// A statistic's image against the pixels' probabilities: only pixels of a probability above `least` are fitted.
/// @param statistic    [H, W], NaN where not asked
/// @param probability  [H, W]
[[nodiscard]] inline LinearFit against_confidence(const Tensor& statistic, const Tensor& probability,
                                                  double least = 0.5) {
  const Tensor p = probability.to(at::kCPU, at::kDouble);
  return linear_fit(p.masked_fill(p.le(least), std::nan("")), statistic);
}

}  // namespace lumen::influence
