// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::surrogate {

/// A linear model fitted to neighbours: of z [K, m], scores y [K] and weights w [K], float64, the coefficients [m]. An
/// intercept is its own affair.
template <class R>
concept Regression = requires(const R& regression, const Tensor& t) {
  { regression(t, t, t) } -> std::convertible_to<Tensor>;
};

namespace detail {

/// The second moments of z and y about their weighted means, which take the intercept's place.
struct Centred {
  Tensor gram;    ///< sum w z z', [m, m]
  Tensor right;   ///< sum w z y, [m]
  double weight;  ///< sum w
};

inline Centred centred(const Tensor& z, const Tensor& y, const Tensor& w) {
  const double weight = w.sum().item<double>();
  const Tensor away = z - at::matmul(w, z) / weight, up = y - w.dot(y) / weight;
  const Tensor weighed = away * w.unsqueeze(1);
  return {at::matmul(weighed.t(), away), at::matmul(weighed.t(), up), weight};
}

inline Tensor solved(const Tensor& gram, const Tensor& right, const char* remedy) {
  const auto [root, info] = at::linalg_cholesky_ex(gram);
  const Tensor pivots = root.diagonal().square();
  require(info.item<std::int64_t>() == 0 && (pivots.min() > pivots.max() * 1e-10).item<bool>(), [&] {
    return text("the neighbours do not determine the coefficients of ", gram.size(0), " features: ", remedy);
  });
  return at::cholesky_solve(right.unsqueeze(1), root).squeeze(1);
}

}  // namespace detail

/// argmin over a, b of sum w (y - z a - b)^2.
struct Ordinary {
  /// @throws Error if z does not determine a
  Tensor operator()(const Tensor& z, const Tensor& y, const Tensor& w) const {
    const auto [gram, right, weight] = detail::centred(z, y, w);
    return detail::solved(gram, right, "take more samples, larger groups, or surrogate::Ridge");
  }
};

/// argmin over a, b of sum w (y - z a - b)^2 + alpha |a|^2: LIME's authors' with alpha = 1.
struct Ridge {
  double alpha = 1.0;  ///< > 0

  Tensor operator()(const Tensor& z, const Tensor& y, const Tensor& w) const {
    require(alpha > 0, [&] { return text("surrogate::Ridge: alpha is ", alpha, ", expected more than 0"); });
    const auto [gram, right, weight] = detail::centred(z, y, w);
    return detail::solved(gram + alpha * at::eye(gram.size(0), at::kDouble), right, "take a larger alpha");
  }
};

/// argmin over a, b of sum w (y - z a - b)^2 / (2 sum w) + alpha sum |a|, by coordinate descent (Friedman, Hastie and
/// Tibshirani, "Regularization Paths for Generalized Linear Models via Coordinate Descent", JSS 2010): scikit-learn's and
/// Captum's.
struct Lasso {
  double alpha = 0.01;                ///< >= 0, in units of the score
  std::int64_t max_sweeps = 100'000;  ///< over all coordinates

  /// @throws Error if the descent does not come to its end
  Tensor operator()(const Tensor& z, const Tensor& y, const Tensor& w) const {
    require(alpha >= 0, [&] { return text("surrogate::Lasso: alpha is ", alpha, ", expected at least 0"); });
    const auto [gram, right, weight] = detail::centred(z, y, w);
    const std::int64_t m = gram.size(0);
    const Tensor g = (gram / weight).contiguous(), left = right / weight;  // left: what a leaves of right
    const double* const second = g.data_ptr<double>();
    double* const rest = left.data_ptr<double>();
    const double enough = 1e-10 * std::max(left.abs().max().item<double>(), alpha);
    Tensor result = at::zeros({m}, at::kDouble);
    double* const a = result.data_ptr<double>();
    for (std::int64_t sweep = 0; sweep < max_sweeps; ++sweep) {
      double moved = 0;
      for (std::int64_t i = 0; i < m; ++i) {
        const double own = second[i * m + i];
        if (own <= 0) continue;
        const double pull = rest[i] + own * a[i];
        const double to = std::copysign(std::max(std::abs(pull) - alpha, 0.0), pull) / own;
        const double step = to - a[i];
        if (step == 0) continue;
        a[i] = to;
        for (std::int64_t j = 0; j < m; ++j) rest[j] -= step * second[i * m + j];
        moved = std::max(moved, std::abs(step) * own);
      }
      if (moved <= enough) return result;
    }
    throw Error(text("surrogate::Lasso: no end after ", max_sweeps,
                     " sweeps: the features hang together; take more samples or a larger alpha"));
  }
};

}  // namespace lumen::surrogate
