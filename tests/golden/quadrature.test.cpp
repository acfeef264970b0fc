// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/quadrature.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <numeric>
#include <string>

#include "support/golden.hpp"
#include "support/shared.hpp"

namespace golden = lumen::testing::golden;
namespace quadrature = lumen::quadrature;

DOCTEST_TEST_CASE("every quadrature rule has Captum's nodes and weights") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const golden::File file = golden::read(*path);
  const std::map<std::string, std::function<lumen::Quadrature(std::int64_t)>> rules{
      {"gausslegendre", quadrature::GaussLegendre{}},       {"riemann_left", quadrature::RiemannLeft{}},
      {"riemann_right", quadrature::RiemannRight{}},        {"riemann_middle", quadrature::RiemannMiddle{}},
      {"riemann_trapezoid", quadrature::CaptumTrapezoid{}},
  };
  DOCTEST_CHECK(file.quadrature.size() == rules.size());
  int tables = 0;
  for (const auto& [name, by_steps] : file.quadrature.items()) {
    DOCTEST_CAPTURE(name);
    DOCTEST_REQUIRE(rules.contains(name));
    // Captum's Riemann nodes come from a float32 linspace, its Gauss-Legendre tables from float64
    const double tolerance = name == "gausslegendre" ? 1e-14 : 1.2e-7;
    for (const auto& [steps, table] : by_steps.items()) {
      DOCTEST_CAPTURE(steps);
      const lumen::Quadrature rule = rules.at(name)(std::stoll(steps));
      const auto nodes = table.at("alphas").get<std::vector<double>>();
      const auto weights = table.at("step_sizes").get<std::vector<double>>();
      DOCTEST_REQUIRE(rule.nodes.size() == nodes.size());
      DOCTEST_REQUIRE(rule.weights.size() == weights.size());
      double worst_node = 0.0, worst_weight = 0.0;
      for (std::size_t k = 0; k < nodes.size(); ++k) {
        worst_node = std::max(worst_node, std::abs(rule.nodes[k] - nodes[k]));
        worst_weight = std::max(worst_weight, std::abs(rule.weights[k] - weights[k]));
      }
      DOCTEST_CHECK(worst_node <= tolerance);
      DOCTEST_CHECK(worst_weight <= 1e-14);
      ++tables;
    }
  }
  std::cout << "golden: " << tables << " quadrature tables agree\n";
  DOCTEST_CHECK(tables == 25);
}

DOCTEST_TEST_CASE("the weights of every rule but Captum's trapezoid sum to one") {
  const auto total = [](const lumen::Quadrature& rule) {
    return std::accumulate(rule.weights.begin(), rule.weights.end(), 0.0);
  };
  for (const std::int64_t steps : {2, 3, 7, 50, 301}) {
    DOCTEST_CAPTURE(steps);
    DOCTEST_CHECK(std::abs(total(quadrature::GaussLegendre{}(steps)) - 1.0) < 1e-13);
    DOCTEST_CHECK(std::abs(total(quadrature::RiemannLeft{}(steps)) - 1.0) < 1e-13);
    DOCTEST_CHECK(std::abs(total(quadrature::RiemannRight{}(steps)) - 1.0) < 1e-13);
    DOCTEST_CHECK(std::abs(total(quadrature::RiemannMiddle{}(steps)) - 1.0) < 1e-13);
    DOCTEST_CHECK(std::abs(total(quadrature::Trapezoid{}(steps)) - 1.0) < 1e-13);
    const double n = static_cast<double>(steps);
    DOCTEST_CHECK(std::abs(total(quadrature::CaptumTrapezoid{}(steps)) - (n - 1.0) / n) < 1e-13);
  }
}
