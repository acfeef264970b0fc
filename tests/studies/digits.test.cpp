// SPDX-License-Identifier: BSD-3-Clause
#include <doctest/doctest.h>

#include <string>

#include "studies/program.hpp"
#include "support/shared.hpp"

using lumen::testing::Study;

DOCTEST_TEST_CASE("digits: drawn digits are learned, figures and numbers repeat") {
  const Study first("digits", "--quick --size 1 --seed 3"), second("digits", "--quick --size 1 --seed 3");
  lumen::testing::check_repeats(first, second);
  const auto numbers = first.numbers()["networks"]["trained"];
  DOCTEST_CHECK(numbers["accuracy"].get<double>() > 0.9);
  DOCTEST_CHECK(numbers["images"].size() == 10);
  DOCTEST_CHECK(numbers["figures"].size() == 8);
  DOCTEST_CHECK(first.map("trained.predicted.smooth_squared").min().item<double>() >= 0);
}

DOCTEST_TEST_CASE("digits: the original's weights read MNIST, and its classes are other ones") {
  const auto data = lumen::testing::shared("data"), mnist = lumen::testing::shared("data/mnist");
  if (!data || !mnist) return;
  const Study study("digits", "--size 1 --data '" + data->string() + "'");
  DOCTEST_CAPTURE(study.error);
  DOCTEST_REQUIRE(study.code == 0);
  const auto numbers = study.numbers()["networks"];
  DOCTEST_CHECK(numbers["large"]["accuracy"].get<double>() > 0.98);
  DOCTEST_CHECK(numbers["small"]["accuracy"].get<double>() > 0.9);
  // Of the digits 0 ... 9 the class d / 2 is right for 0 alone.
  const lumen::Tensor right = study.map("large.predicted.integrated_gradients"),
                      wrong = study.map("large.original.integrated_gradients");
  DOCTEST_CHECK(at::allclose(right[0], wrong[0], 1e-4, 1e-6));
  for (std::int64_t digit = 1; digit < 10; ++digit)
    DOCTEST_CHECK_FALSE(at::allclose(right[digit], wrong[digit], 1e-2, 1e-2));
}
