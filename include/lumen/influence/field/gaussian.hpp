// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::influence {

/// amplitude * exp(-1/2 d' C^-1 d), d the offset from (row, column), C of the standard deviations and the correlation.
struct Gaussian {
  double amplitude = 0;                    ///< at its centre, in units of the map
  double row = 0, column = 0;              ///< its centre, in pixels of the map
  double sigma_row = 0, sigma_column = 0;  ///< standard deviations, in pixels
  double correlation = 0;                  ///< between rows and columns, in (-1, 1)
  double r_squared = 0;  ///< share of the map's variation that it explains; at most 1; 0 for a constant map

  /// Its values on a map of this size, float64.
  [[nodiscard]] Tensor on(std::int64_t height, std::int64_t width) const {
    if (sigma_row == 0 || sigma_column == 0) return at::full({height, width}, amplitude, at::kDouble);
    const Tensor y = ((at::arange(height, at::kDouble) - row) / sigma_row).unsqueeze(1);
    const Tensor x = ((at::arange(width, at::kDouble) - column) / sigma_column).unsqueeze(0);
    const double q = 1 - correlation * correlation;
    return amplitude * (-(y.square() + x.square() - 2 * correlation * y * x) / (2 * q)).exp();
  }
};

namespace detail {

/// x of A x = b for a symmetric positive A [n, n], by Cholesky's factors; not finite where A is not positive.
inline Tensor solved(const Tensor& a, const Tensor& b) {
  const std::int64_t n = b.size(0);
  const Tensor factor = a.clone().contiguous(), result = b.clone().contiguous();
  auto* l = factor.data_ptr<double>();
  auto* x = result.data_ptr<double>();
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = l[i * n + j];
      for (std::int64_t k = 0; k < j; ++k) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i == j ? std::sqrt(sum) : sum / l[j * n + j];
    }
    for (std::int64_t k = 0; k < i; ++k) x[i] -= l[i * n + k] * x[k];
    x[i] /= l[i * n + i];
  }
  for (std::int64_t i = n; i-- > 0;) {
    for (std::int64_t k = i + 1; k < n; ++k) x[i] -= l[k * n + i] * x[k];
    x[i] /= l[i * n + i];
  }
  return result;
}

}  // namespace detail

/// The Gaussian that comes nearest to a map of values >= 0 by least squares (Levenberg and Marquardt), beginning from
/// the map's moments. A map of zeros gives one of amplitude 0. Deterministic; O(iterations * pixels).
/// @param map  [H, W], such as Field::energy
/// @throws Error if the map has values that are negative or not finite
[[nodiscard]] inline Gaussian fit_gaussian(const Tensor& map, int iterations = 100) {
  require(map.defined() && map.dim() == 2 && map.numel() > 0,
          "influence::fit_gaussian: expected a map [H, W]");
  const Tensor values = map.detach().to(at::kCPU, at::kDouble);
  require(at::isfinite(values).all().item<bool>() && values.min().item<double>() >= 0,
          "influence::fit_gaussian: the map holds values that are negative or not finite");
  const double most = values.max().item<double>();
  if (most == 0) return {};
  const Tensor target = values / most;
  const std::int64_t height = map.size(0), width = map.size(1);
  const Tensor y = at::arange(height, at::kDouble).unsqueeze(1).expand({height, width}),
               x = at::arange(width, at::kDouble).unsqueeze(0).expand({height, width});
  const double mass = target.sum().item<double>();
  const auto mean = [&](const Tensor& of) { return (target * of).sum().item<double>() / mass; };
  const double my = mean(y), mx = mean(x);
  // a single pixel has no width: that of a pixel is taken
  const double vy = std::max(mean((y - my).square()), 1.0 / 12),
               vx = std::max(mean((x - mx).square()), 1.0 / 12);
  const double rho = std::clamp(mean((y - my) * (x - mx)) / std::sqrt(vy * vx), -0.9, 0.9);
  // the exponent is -1/2 |L d|^2 for a triangular L = [[a, 0], [b, c]]: any L is a Gaussian
  const double q = std::sqrt(1 - rho * rho);
  Tensor p = at::tensor({target.max().item<double>(), my, mx, 1 / std::sqrt(vy), -rho / (q * std::sqrt(vy)),
                         1 / (q * std::sqrt(vx))},
                        at::kDouble);
  const auto model = [&](const Tensor& at, Tensor* jacobian) {
    const double *v = at.data_ptr<double>(), amplitude = v[0], a = v[3], b = v[4], c = v[5];
    const Tensor dy = y - v[1], dx = x - v[2], u = a * dy, w = b * dy + c * dx;
    const Tensor e = (-(u.square() + w.square()) / 2).exp();
    if (jacobian != nullptr) {
      const Tensor f = amplitude * e;
      *jacobian = at::stack({e, f * (a * u + b * w), f * (c * w), -f * u * dy, -f * w * dy, -f * w * dx}, 2)
                      .reshape({-1, 6});
    }
    return amplitude * e;
  };
  double damping = 1e-3;
  Tensor jacobian;
  Tensor residual = target - model(p, &jacobian);
  double loss = residual.square().sum().item<double>();
  for (int i = 0; i < iterations; ++i) {
    const Tensor normal = at::mm(jacobian.t(), jacobian), gradient = at::mv(jacobian.t(), residual.flatten());
    const Tensor damped = normal + at::diag(normal.diag() * damping + 1e-12);
    const Tensor next = p + detail::solved(damped, gradient);
    Tensor next_jacobian;
    const Tensor next_residual = target - model(next, &next_jacobian);
    const double next_loss = next_residual.square().sum().item<double>();
    if (std::isfinite(next_loss) && next_loss < loss) {
      const bool settled = loss - next_loss <= 1e-14 * loss;
      p = next, residual = next_residual, jacobian = next_jacobian, loss = next_loss;
      damping = std::max(damping / 10, 1e-12);
      if (settled) break;
    } else if ((damping *= 10) > 1e12) {
      break;
    }
  }
  const double *v = p.data_ptr<double>(), a = v[3], b = v[4], c = v[5];
  // C = (L'L)^-1
  const double determinant = a * a * c * c;
  const double cov_yy = c * c / determinant, cov_xx = (a * a + b * b) / determinant,
               cov_yx = -b * c / determinant;
  const double spread = (target - target.mean()).square().sum().item<double>();
  return {.amplitude = v[0] * most,
          .row = v[1],
          .column = v[2],
          .sigma_row = std::sqrt(cov_yy),
          .sigma_column = std::sqrt(cov_xx),
          .correlation = cov_yx / std::sqrt(cov_yy * cov_xx),
          .r_squared = spread > 0 ? 1 - loss / spread : 0.0};
}

}  // namespace lumen::influence
