// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/engine/input.hpp>

namespace lumen {

/// Where to evaluate an integrand on [0, 1], and with what weight.
struct Quadrature {
  std::vector<double> nodes;    ///< ascending, in [0, 1]
  std::vector<double> weights;  ///< as many; sum to one (but for CaptumTrapezoid)
};

/// A rule of `steps` points: `rule(steps) -> Quadrature`.
template <class Q>
concept QuadratureRule = requires(const Q& rule, std::int64_t steps) {
  { rule(steps) } -> std::same_as<Quadrature>;
};

namespace quadrature {

namespace detail {

inline Quadrature evenly(std::int64_t steps, double first, double distance) {
  require(steps >= 1 && steps <= engine::most_draws, [&] {
    return text("a quadrature rule was given ", steps, " steps; it needs at least 1, and at most ",
                engine::most_draws);
  });
  Quadrature q;
  for (std::int64_t k = 0; k < steps; ++k) {
    q.nodes.push_back(first + distance * static_cast<double>(k));
    q.weights.push_back(1.0 / static_cast<double>(steps));
  }
  return q;
}

}  // namespace detail

/// Gauss-Legendre: exact for polynomials of degree 2 steps - 1; never evaluates the ends. Nodes by Newton's
/// method on the Legendre polynomial (Abramowitz and Stegun 25.4.29), for all of them at once, from Tricomi's
/// approximation (22.16.6).
struct GaussLegendre {
  /// @throws Error if steps < 1
  Quadrature operator()(std::int64_t steps) const {
    Quadrature q = detail::evenly(steps, 0.0, 0.0);
    const double n = static_cast<double>(steps);
    const auto half = static_cast<std::size_t>((steps + 1) / 2);
    std::vector<double> x(half), before(half), value(half), slope(half);
    for (std::size_t k = 0; k < half; ++k) {
      x[k] = (1.0 - (n - 1.0) / (8.0 * n * n * n)) *
             std::cos(std::numbers::pi * (static_cast<double>(k) + 0.75) / (n + 0.5));
    }
    double change = 1.0;
    for (int iteration = 0; iteration < 100 && change >= 1e-15; ++iteration) {
      std::fill(before.begin(), before.end(), 1.0);
      value = x;
      for (std::int64_t j = 2; j <= steps; ++j) {
        const double degree = static_cast<double>(j);
        const double a = (2.0 * degree - 1.0) / degree, b = (degree - 1.0) / degree;
        for (std::size_t k = 0; k < half; ++k) {
          before[k] = a * x[k] * value[k] - b * before[k];
          std::swap(before[k], value[k]);
        }
      }
      change = 0.0;
      for (std::size_t k = 0; k < half; ++k) {
        slope[k] = n * (x[k] * value[k] - before[k]) / (x[k] * x[k] - 1.0);
        const double move = value[k] / slope[k];
        x[k] -= move;
        change = std::max(change, std::abs(move));
      }
    }
    for (std::size_t k = 0; k < half; ++k) {
      const std::size_t low = k, high = q.nodes.size() - 1 - k;
      q.nodes[low] = 0.5 * (1.0 - x[k]);
      q.nodes[high] = low == high ? 0.5 : 0.5 * (1.0 + x[k]);
      q.weights[low] = q.weights[high] = 1.0 / ((1.0 - x[k] * x[k]) * slope[k] * slope[k]);
    }
    return q;
  }
};

/// Left Riemann sum: 0, 1/n, ..., (n-1)/n with weights 1/n.
struct RiemannLeft {
  /// @throws Error if steps < 1
  Quadrature operator()(std::int64_t steps) const {
    return detail::evenly(steps, 0.0, 1.0 / static_cast<double>(steps));
  }
};

/// Right Riemann sum: 1/n, ..., 1 with weights 1/n.
struct RiemannRight {
  /// @throws Error if steps < 1
  Quadrature operator()(std::int64_t steps) const {
    const double distance = 1.0 / static_cast<double>(steps);
    return detail::evenly(steps, distance, distance);
  }
};

/// Midpoint rule: 1/2n, 3/2n, ..., with weights 1/n; error O(n^-2) on a smooth integrand.
struct RiemannMiddle {
  /// @throws Error if steps < 1
  Quadrature operator()(std::int64_t steps) const {
    const double distance = 1.0 / static_cast<double>(steps);
    return detail::evenly(steps, 0.5 * distance, distance);
  }
};

/// Trapezoid rule on n points, both ends included: weights 1/(n-1), half of it at the ends; they sum to one.
struct Trapezoid {
  /// @throws Error if steps < 2
  Quadrature operator()(std::int64_t steps) const {
    require(steps >= 2,
            [&] { return text("the trapezoid rule was given ", steps, " steps; it needs 2 or more"); });
    const double distance = 1.0 / static_cast<double>(steps - 1);
    Quadrature q = detail::evenly(steps, 0.0, distance);
    for (double& w : q.weights) w = distance;
    q.weights.front() = q.weights.back() = 0.5 * distance;
    return q;
  }
};

/// Captum's `riemann_trapezoid`, whose weights sum to (n-1)/n: only for comparing numbers with Captum.
struct CaptumTrapezoid {
  /// @throws Error if steps < 2
  Quadrature operator()(std::int64_t steps) const {
    Quadrature q = Trapezoid{}(steps);
    const double n = static_cast<double>(steps);
    for (double& w : q.weights) w *= (n - 1.0) / n;
    return q;
  }
};

}  // namespace quadrature

}  // namespace lumen
