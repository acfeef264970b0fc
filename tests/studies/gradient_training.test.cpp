// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "studies/program.hpp"
#include "support/message.hpp"

using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::Study;

DOCTEST_TEST_CASE(
    "gradient_training: five ways to train are compared on the same images, and numbers repeat") {
  const std::string small = "--quick --size 6 --seed 2";
  const Study first("gradient_training", small), second("gradient_training", small);
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers(), arms = numbers["arms"];
  DOCTEST_CHECK(numbers["data"] == "drawn");
  DOCTEST_CHECK(holds(first.page(), "10.1371/journal.pone.0322048"));  // where VessMAP is had from
  DOCTEST_REQUIRE(arms.size() == 5);
  for (const auto& [name, arm] : arms.items()) {
    DOCTEST_CAPTURE(name);
    const double iou = arm["test_iou"]["mean"].get<double>();
    double of_seeds = 0;
    for (const auto& seed : arm["test_iou_of_seeds"]) of_seeds += seed.get<double>() / 2;
    DOCTEST_CHECK(iou == doctest::Approx(of_seeds));
    DOCTEST_CHECK(iou > 0.2);
    DOCTEST_CHECK(arm["more_than_plain"]["mean"].get<double>() ==
                  doctest::Approx(iou - arms["plain"]["test_iou"]["mean"].get<double>()).scale(1));
    DOCTEST_CHECK(arm["more_than_plain"]["low"] <= arm["more_than_plain"]["high"]);
  }
  // the penalty does what it says, and the weights change the training
  const auto outside = [&](const char* arm) { return arms[arm]["influence_outside"]["mean"].get<double>(); };
  DOCTEST_CHECK(outside("penalty_1") < 0.9 * outside("plain"));
  DOCTEST_CHECK(arms["weighted"]["test_cross_entropy"] != arms["plain"]["test_cross_entropy"]);
  const Tensor weight = first.map("weight");
  DOCTEST_CHECK(weight.min().item<double>() >= 0);
  DOCTEST_CHECK(weight.mean().item<double>() == doctest::Approx(1).epsilon(1e-4));
}

DOCTEST_TEST_CASE("gradient_training: a folder that holds no VessMAP is refused by name") {
  const Study study("gradient_training", "--data /");
  DOCTEST_CHECK(study.code == 1);
  DOCTEST_CHECK(holds(study.error, "is not a complete VessMAP folder"));
}
