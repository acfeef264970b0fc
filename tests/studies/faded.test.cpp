// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include "studies/program.hpp"
#include "support/shared.hpp"

using lumen::testing::Study;

DOCTEST_TEST_CASE("faded: two networks are trained and watched, figures and numbers repeat") {
  const Study first("faded", "--quick --size 10"), second("faded", "--quick --size 10");
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers();
  DOCTEST_REQUIRE(numbers["steps"].size() == 12);
  for (const auto& step : numbers["steps"]) {
    DOCTEST_CHECK(step["count"].get<double>() > 0);
    DOCTEST_CHECK(step["inside"].get<double>() >= 0);
    DOCTEST_CHECK(step["inside"].get<double>() <= 1);
  }
}

DOCTEST_TEST_CASE("faded: the original's series") {
  const auto data = lumen::testing::shared("data");
  if (!data || !lumen::testing::shared("data/seed/augmented_vessels")) return;
  const Study study("faded", "--quick --size 10 --data '" + data->string() + "'");
  DOCTEST_CAPTURE(study.error);
  DOCTEST_REQUIRE(study.code == 0);
  const auto numbers = study.numbers();
  DOCTEST_REQUIRE(numbers["steps"].size() == 22);
  DOCTEST_CHECK(numbers["steps"][0]["image"] == "original");
  DOCTEST_CHECK(numbers["pixel"][0] == 64);
}
