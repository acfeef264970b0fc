// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/quadrature.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

using lumen::Error;
using lumen::Quadrature;
using lumen::QuadratureRule;
namespace quadrature = lumen::quadrature;

namespace {

//! [rule]
struct Simpson {
  lumen::Quadrature operator()(std::int64_t) const { return {{0.0, 0.5, 1.0}, {1.0 / 6, 4.0 / 6, 1.0 / 6}}; }
};
//! [rule]

static_assert(QuadratureRule<Simpson> && QuadratureRule<quadrature::GaussLegendre>);
static_assert(!QuadratureRule<int> && !QuadratureRule<double (*)(std::int64_t)>);

double integral(const Quadrature& q, int degree) {
  double sum = 0.0;
  for (std::size_t k = 0; k < q.nodes.size(); ++k) sum += q.weights[k] * std::pow(q.nodes[k], degree);
  return sum;
}

double total(const Quadrature& q) { return std::accumulate(q.weights.begin(), q.weights.end(), 0.0); }

/// Visits all rules whose weights sum to one.
template <class Visit>
void each_rule(const Visit& visit) {
  visit(quadrature::GaussLegendre{}, true);
  visit(quadrature::RiemannLeft{}, false);
  visit(quadrature::RiemannRight{}, false);
  visit(quadrature::RiemannMiddle{}, true);
  visit(quadrature::Trapezoid{}, true);
}

}  // namespace

DOCTEST_TEST_CASE("Gauss-Legendre integrates polynomials of degree 2n - 1 exactly, and not of degree 2n") {
  for (int n = 1; n <= 64; ++n) {
    const Quadrature q = quadrature::GaussLegendre{}(n);
    double worst = 0.0;
    for (int degree = 0; degree < 2 * n; ++degree) {
      worst = std::max(worst, std::abs(integral(q, degree) - 1.0 / (degree + 1.0)));
    }
    DOCTEST_CAPTURE(n);
    DOCTEST_CHECK(worst < 1e-14);
    if (n <= 6) DOCTEST_CHECK(std::abs(integral(q, 2 * n) - 1.0 / (2.0 * n + 1.0)) > 1e-8);
  }
}

DOCTEST_TEST_CASE("Gauss-Legendre of two and three points, from the textbook") {
  const Quadrature two = quadrature::GaussLegendre{}(2), three = quadrature::GaussLegendre{}(3);
  DOCTEST_CHECK(two.nodes[0] == doctest::Approx(0.5 - 0.5 / std::sqrt(3.0)).epsilon(1e-14));
  DOCTEST_CHECK(three.nodes[2] == doctest::Approx(0.5 + 0.5 * std::sqrt(0.6)).epsilon(1e-14));
  DOCTEST_CHECK(three.weights[1] == doctest::Approx(4.0 / 9.0).epsilon(1e-14));
  DOCTEST_CHECK(three.weights[0] == doctest::Approx(5.0 / 18.0).epsilon(1e-14));
}

DOCTEST_TEST_CASE("weights sum to one; nodes ascend in [0, 1]; symmetric rules are symmetric") {
  each_rule([](const auto& rule, bool symmetric) {
    for (const std::int64_t n : {1, 2, 3, 4, 5, 8, 17, 50, 64, 257, 1000}) {
      if (n == 1 && std::is_same_v<std::decay_t<decltype(rule)>, quadrature::Trapezoid>) continue;
      DOCTEST_CAPTURE(n);
      const Quadrature q = rule(n);
      DOCTEST_REQUIRE(static_cast<std::int64_t>(q.nodes.size()) == n);
      DOCTEST_REQUIRE(q.weights.size() == q.nodes.size());
      DOCTEST_CHECK(std::abs(total(q) - 1.0) < 1e-12);
      DOCTEST_CHECK(q.nodes.front() >= 0.0);
      DOCTEST_CHECK(q.nodes.back() <= 1.0 + 1e-12);
      DOCTEST_CHECK(std::adjacent_find(q.nodes.begin(), q.nodes.end(), std::greater_equal<>()) ==
                    q.nodes.end());
      if (!symmetric) continue;
      double skew = 0.0;
      for (std::size_t k = 0; k < q.nodes.size(); ++k) {
        const std::size_t mirror = q.nodes.size() - 1 - k;
        skew = std::max(
            {skew, std::abs(q.nodes[k] + q.nodes[mirror] - 1.0), std::abs(q.weights[k] - q.weights[mirror])});
      }
      DOCTEST_CHECK(skew < 1e-12);
    }
  });
}

DOCTEST_TEST_CASE("the Riemann rules and the trapezoid, written out") {
  DOCTEST_CHECK(quadrature::RiemannLeft{}(4).nodes == std::vector<double>{0.0, 0.25, 0.5, 0.75});
  DOCTEST_CHECK(quadrature::RiemannRight{}(4).nodes == std::vector<double>{0.25, 0.5, 0.75, 1.0});
  DOCTEST_CHECK(quadrature::RiemannMiddle{}(4).nodes == std::vector<double>{0.125, 0.375, 0.625, 0.875});
  DOCTEST_CHECK(quadrature::RiemannMiddle{}(4).weights == std::vector<double>(4, 0.25));
  DOCTEST_CHECK(quadrature::Trapezoid{}(5).nodes == std::vector<double>{0.0, 0.25, 0.5, 0.75, 1.0});
  DOCTEST_CHECK(quadrature::Trapezoid{}(5).weights == std::vector<double>{0.125, 0.25, 0.25, 0.25, 0.125});
}

DOCTEST_TEST_CASE("midpoints and trapezoids converge at second order, left and right at first") {
  const auto error = [](const auto& rule, std::int64_t n) { return std::abs(integral(rule(n), 4) - 0.2); };
  const auto order = [&](const auto& rule) { return std::log2(error(rule, 200) / error(rule, 400)); };
  DOCTEST_CHECK(order(quadrature::RiemannLeft{}) == doctest::Approx(1.0).epsilon(0.02));
  DOCTEST_CHECK(order(quadrature::RiemannRight{}) == doctest::Approx(1.0).epsilon(0.02));
  DOCTEST_CHECK(order(quadrature::RiemannMiddle{}) == doctest::Approx(2.0).epsilon(0.02));
  DOCTEST_CHECK(order(quadrature::Trapezoid{}) == doctest::Approx(2.0).epsilon(0.02));
}

DOCTEST_TEST_CASE("Captum's trapezoid sums to (n - 1) / n") {
  for (const std::int64_t n : {2, 5, 50}) {
    const double expected = (static_cast<double>(n) - 1.0) / static_cast<double>(n);
    DOCTEST_CHECK(std::abs(total(quadrature::CaptumTrapezoid{}(n)) - expected) < 1e-12);
  }
}

DOCTEST_TEST_CASE("too few steps are refused") {
  each_rule([](const auto& rule, bool) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)rule(0), doctest::Contains("0 steps; it needs"), Error);
    DOCTEST_CHECK_THROWS_WITH_AS((void)rule(-3), doctest::Contains("-3 steps; it needs"), Error);
  });
  DOCTEST_CHECK_THROWS_WITH_AS((void)quadrature::Trapezoid{}(1), doctest::Contains("1 steps; it needs 2"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)quadrature::CaptumTrapezoid{}(1), doctest::Contains("needs 2"), Error);
}
