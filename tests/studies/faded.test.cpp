// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <string>

#include "studies/program.hpp"
#include "support/shared.hpp"

using lumen::Tensor;
using lumen::testing::Study;

namespace {

/// The summary's numbers of each step are those of the maps beside it.
void check_steps(const Study& study, std::size_t images, std::int64_t row, std::int64_t column) {
  const auto numbers = study.numbers();
  DOCTEST_REQUIRE(numbers["pixel"][0] == row);
  DOCTEST_REQUIRE(numbers["pixel"][1] == column);
  DOCTEST_REQUIRE(numbers["steps"].size() == 2 * images);
  for (std::size_t i = 0; i < 2 * images; ++i) {
    const auto& step = numbers["steps"][i];
    const std::string stem = (i < images ? "without." : "with.") + std::to_string(i % images);
    DOCTEST_CAPTURE(stem);
    const Tensor influence = study.map(stem + ".row").to(at::kDouble);
    const double sum = step["positive"].get<double>() - step["negative"].get<double>();
    DOCTEST_CHECK(influence.sum().item<double>() == doctest::Approx(sum).epsilon(1e-3));
    DOCTEST_CHECK(influence.abs().gt(0.01 * influence.abs().max()).sum().item<double>() ==
                  step["count"].get<double>());
    DOCTEST_CHECK(step["count"].get<double>() > 1);
    DOCTEST_CHECK(study.map(stem + ".said")[row][column].item<double>() ==
                  doctest::Approx(step["probability"].get<double>()));
    DOCTEST_CHECK(step["inside"].get<double>() > 0);
    DOCTEST_CHECK(step["inside"].get<double>() < 1);
  }
  // What fades is seen: the answer at the pixel moves. The two networks are two.
  DOCTEST_CHECK(numbers["steps"][0]["probability"] != numbers["steps"][images - 1]["probability"]);
  DOCTEST_CHECK(numbers["steps"][0]["probability"] != numbers["steps"][images]["probability"]);
}

}  // namespace

DOCTEST_TEST_CASE("faded: two networks are trained and watched, figures and numbers repeat") {
  const Study first("faded", "--size 10"), second("faded", "--size 10");
  lumen::testing::check_repeats(first, second);
  const auto pixel = first.numbers()["pixel"];
  check_steps(first, 6, pixel[0], pixel[1]);
}

DOCTEST_TEST_CASE("faded: the original's series") {
  const auto data = lumen::testing::shared("data"), vessmap = lumen::testing::shared("data/vessmap"),
             series = lumen::testing::shared("data/seed/augmented_vessels");
  if (!data || !vessmap || !series) return;
  const Study study("faded", "--size 10 --data '" + data->string() + "'");
  DOCTEST_CAPTURE(study.error);
  DOCTEST_REQUIRE(study.code == 0);
  check_steps(study, 11, 64, 64);
  DOCTEST_CHECK(study.numbers()["steps"][0]["image"] == "original");
  DOCTEST_CHECK(study.numbers()["steps"][10]["image"] == "aug_45");
}

DOCTEST_TEST_CASE("faded: a folder without VessMAP is refused by name") {
  const Study study("faded", "--size 10 --data '" LUMEN_SOURCE_DIR "/examples'");
  DOCTEST_CHECK(study.code == 1);
  DOCTEST_CHECK(study.error.find("holds no VessMAP") != std::string::npos);
}
