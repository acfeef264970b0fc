// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// Gaussian blurring along one axis of `size` pixels, as a matrix [size, size], and its derivative in sigma.
///
/// Weights exp(-d^2 / 2 sigma^2), d = -radius ... radius, normalised to sum to one; beyond the border the
/// image is mirrored about its edge (d c b a | a b c d | d c b a). A fixed radius makes the blur smooth in
/// sigma.
struct GaussianMatrix {
  Tensor blur;        ///< float64 [size, size]; rows sum to one
  Tensor derivative;  ///< d blur / d sigma, per pixel of sigma; rows sum to zero
};

/// @param sigma   standard deviation in pixels, >= 0; 0 gives the identity
/// @param radius  pixels on either side that are looked at, >= 0
/// @throws Error if sigma or radius is negative or not finite
inline GaussianMatrix gaussian_matrix(std::int64_t size, double sigma, std::int64_t radius) {
  require(std::isfinite(sigma) && sigma >= 0 && radius >= 0, [&] {
    return text("Gaussian blur: sigma ", sigma, " and radius ", radius, " must be finite and not negative");
  });
  const auto count = static_cast<std::size_t>(2 * radius + 1);
  std::vector<double> weight(count, 0.0), slope(count, 0.0);
  double total = 0.0, total_slope = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    const double d = static_cast<double>(k) - static_cast<double>(radius);
    if (d == 0.0) {
      weight[k] = 1.0;
    } else if (sigma > 0) {
      weight[k] = std::exp(-0.5 * d * d / (sigma * sigma));
      slope[k] = weight[k] > 0 ? weight[k] * d * d / (sigma * sigma * sigma) : 0.0;
    }
    total += weight[k];
    total_slope += slope[k];
  }
  GaussianMatrix result{at::zeros({size, size}, at::kDouble), at::zeros({size, size}, at::kDouble)};
  auto blur = result.blur.accessor<double, 2>();
  auto derivative = result.derivative.accessor<double, 2>();
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < count; ++k) {
      const std::int64_t period = 2 * size;
      std::int64_t j = (i + static_cast<std::int64_t>(k) - radius) % period;
      if (j < 0) j += period;
      if (j >= size) j = period - 1 - j;
      blur[i][j] += weight[k] / total;
      derivative[i][j] += (slope[k] - weight[k] * total_slope / total) / total;
    }
  }
  return result;
}

namespace detail {

/// Multiplies every line of `x` along `axis` by `matrix`.
inline Tensor along(const Tensor& x, std::int64_t axis, const Tensor& matrix) {
  const Tensor m = matrix.to(x.device(), x.scalar_type());
  return at::matmul(x.movedim(axis, -1), m.t()).movedim(-1, axis);
}

inline std::int64_t gaussian_radius(double sigma) {
  return static_cast<std::int64_t>(std::ceil(4.0 * sigma));
}

}  // namespace detail

namespace baseline {

/// The input blurred by a Gaussian along every dimension after the channels; input [N, C, ...]. Keeps the
/// large structures and takes the detail away: Fong and Vedaldi, ICCV 2017, arXiv:1704.03296.
struct Blur {
  double sigma = 4.0;  ///< standard deviation in pixels, 0 to 1e5; cut off at 4 sigma, borders mirrored

  /// @throws Error if sigma is out of range or the input has no dimension after its channels
  Tensor operator()(const Tensor& x) const {
    require(x.dim() >= 3, [&] {
      return text("baseline::Blur needs an input [N, C, ...] with spatial dimensions, got ", x.sizes());
    });
    require(sigma >= 0 && sigma <= 1e5,
            [&] { return text("baseline::Blur: sigma is ", sigma, ", expected 0 to 1e5 pixels"); });
    Tensor blurred = x;
    for (std::int64_t axis = 2; axis < x.dim(); ++axis) {
      blurred = lumen::detail::along(
          blurred, axis, gaussian_matrix(x.size(axis), sigma, lumen::detail::gaussian_radius(sigma)).blur);
    }
    return blurred;
  }
};

}  // namespace baseline

}  // namespace lumen
