// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

#include <lumen/core/error.hpp>

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
  require(steps >= 1,
          [&] { return text("a quadrature rule was given ", steps, " steps; it needs at least 1"); });
  Quadrature q;
  for (std::int64_t k = 0; k < steps; ++k) {
    q.nodes.push_back(first + distance * static_cast<double>(k));
    q.weights.push_back(1.0 / static_cast<double>(steps));
  }
  return q;
}

}  // namespace detail

/// Gauss-Legendre: exact for polynomials of degree 2 steps - 1; never evaluates the ends. Nodes by Newton's
/// method on the Legendre polynomial (Abramowitz and Stegun 25.4.29).
struct GaussLegendre {
  /// @throws Error if steps < 1
  Quadrature operator()(std::int64_t steps) const {
    Quadrature q = detail::evenly(steps, 0.0, 0.0);
    const double n = static_cast<double>(steps);
    for (std::int64_t k = 0; k < (steps + 1) / 2; ++k) {
      double x = std::cos(std::numbers::pi * (static_cast<double>(k) + 0.75) / (n + 0.5)), slope = 1.0;
      for (int iteration = 0; iteration < 100; ++iteration) {
        double before = 1.0, value = x;
        for (std::int64_t j = 2; j <= steps; ++j) {
          const double degree = static_cast<double>(j);
          const double next = ((2.0 * degree - 1.0) * x * value - (degree - 1.0) * before) / degree;
          before = value;
          value = next;
        }
        slope = n * (x * value - before) / (x * x - 1.0);
        const double change = value / slope;
        x -= change;
        if (std::abs(change) < 1e-15) break;
      }
      const auto low = static_cast<std::size_t>(k), high = static_cast<std::size_t>(steps - 1 - k);
      q.nodes[low] = 0.5 * (1.0 - x);
      q.nodes[high] = low == high ? 0.5 : 0.5 * (1.0 + x);
      q.weights[low] = q.weights[high] = 1.0 / ((1.0 - x * x) * slope * slope);
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
