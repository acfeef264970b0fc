// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <string>

#include "studies/program.hpp"
#include "support/message.hpp"

using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::Study;

DOCTEST_TEST_CASE("vessels: penalties, rows and noise are what they must be, and numbers repeat") {
  const std::string small = "--quick --size 4 --seed 1";
  const Study first("vessels", small), second("vessels", small);
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers(), networks = numbers["networks"];
  DOCTEST_CHECK(numbers["data"] == "drawn");
  DOCTEST_CHECK(holds(first.page(), "10.1371/journal.pone.0322048"));  // where VessMAP is had from
  DOCTEST_REQUIRE(networks.size() == 3);
  for (const auto& [name, network] : networks.items()) {
    DOCTEST_CAPTURE(name);
    const auto& weights = network["weights"];
    DOCTEST_CHECK(weights["count"].get<int>() == 120280);  // the convolutions of a U-Net of width 8
    DOCTEST_CHECK(weights["above_1e-3"] <= weights["count"]);
    for (const char* of : {"rows_of_probability", "rows_of_log_odds"}) {
      const auto& thresholds = network[of]["thresholds"];
      DOCTEST_REQUIRE(thresholds.size() == 4);
      for (std::size_t k = 0; k < 4; ++k) {
        const double count = thresholds[k]["mean_count"].get<double>();
        DOCTEST_CHECK(count > 0);
        DOCTEST_CHECK(count <= thresholds[k]["mean_box_area"].get<double>());
        if (k > 0) DOCTEST_CHECK(count <= thresholds[k - 1]["mean_count"].get<double>());
        DOCTEST_CHECK(thresholds[k]["mean_fulfilment"].get<double>() <= 1);
      }
    }
    // p = 1 / (1 + exp(-z)): dp = p (1 - p) dz, at most a quarter
    DOCTEST_CHECK(network["rows_of_probability"]["peak"].get<double>() <=
                  0.25 * network["rows_of_log_odds"]["peak"].get<double>() + 1e-9);
    DOCTEST_REQUIRE(!network["many"].empty());
    DOCTEST_CHECK(network["many"].front()["count"] >= network["few"].back()["count"]);
    DOCTEST_CHECK(numbers["noise"][name]["cells"].size() == 6);
  }
  const auto gini = [&](const char* name) { return networks[name]["weights"]["gini"].get<double>(); };
  DOCTEST_CHECK(gini("l1") > gini("none"));
  // moments of the same noisy copies: a variance is never negative, which the original's figure was
  const Tensor mean = first.map("smooth_grad"), square = first.map("smooth_grad_squared"),
               variance = first.map("var_grad");
  DOCTEST_CHECK(variance.min().item<double>() >= 0);
  DOCTEST_CHECK(variance.max().item<double>() > 0);
  DOCTEST_CHECK(at::allclose(variance, square - mean.square(), 1e-3, 1e-6 * square.max().item<double>()));
}
