// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/loss.hpp>

#include <cmath>

#include <doctest/doctest.h>

using lumen::Tensor;
using lumen::train::CrossEntropy;
using lumen::train::DiceCrossEntropy;
using lumen::train::SoftDice;

static_assert(lumen::train::Loss<CrossEntropy> && lumen::train::Loss<SoftDice> &&
              lumen::train::Loss<DiceCrossEntropy>);
static_assert(!lumen::train::Loss<int>);

DOCTEST_TEST_CASE("Loss: equal to the formulas written out pixel by pixel") {
  const Tensor logits =
      at::tensor({0.3, -1.2, 2.0, 0.5, -0.7, 0.1, 1.1, 0.0, 0.4, 0.9, -2.0, 0.2}, at::kDouble)
          .view({2, 2, 1, 3});
  const Tensor label = at::tensor({0, 1, 1, 0, 0, 1}, at::kLong).view({2, 1, 3});
  double cross = 0, dice = 0;
  for (std::int64_t n = 0; n < 2; ++n) {
    double both = 0, sizes = 0;
    for (std::int64_t c = 0; c < 3; ++c) {
      const double a = std::exp(logits[n][0][0][c].item<double>()),
                   b = std::exp(logits[n][1][0][c].item<double>());
      const double p = b / (a + b);
      const double y = label[n][0][c].item<double>();
      cross -= std::log(y > 0 ? p : 1 - p) / 6;
      both += p * y;
      sizes += p + y;
    }
    dice += (1 - (2 * both + 1) / (sizes + 1)) / 2;
  }
  DOCTEST_CHECK(CrossEntropy{}(logits, label).item<double>() == doctest::Approx(cross));
  DOCTEST_CHECK(SoftDice{}(logits, label).item<double>() == doctest::Approx(dice));
  DOCTEST_CHECK(DiceCrossEntropy{.dice_weight = 0.5}(logits, label).item<double>() ==
                doctest::Approx(cross + 0.5 * dice));
}

DOCTEST_TEST_CASE("SoftDice: perfect and empty predictions") {
  const Tensor label = at::ones({1, 2, 2}, at::kLong);
  const Tensor sure = at::stack({at::full({1, 2, 2}, -50.0), at::full({1, 2, 2}, 50.0)}, 1);
  DOCTEST_CHECK(SoftDice{}(sure, label).item<double>() == doctest::Approx(0.0));
  DOCTEST_CHECK(SoftDice{}(-sure, 0 * label).item<double>() == doctest::Approx(0.0));
  DOCTEST_CHECK(SoftDice{}(-sure, label).item<double>() == doctest::Approx(0.8));
}

DOCTEST_TEST_CASE("Loss: shapes that do not belong together") {
  DOCTEST_CHECK_THROWS_WITH_AS(
      CrossEntropy{}(at::rand({1, 2, 4, 4}), at::zeros({1, 4, 5}, at::kLong)),
      "loss: logits [1, 2, 4, 4] and labels [1, 4, 5] (Long) do not belong together; "
      "expected [N, C, H, W] and int64 [N, H, W]",
      lumen::Error);
  DOCTEST_CHECK_THROWS_AS(SoftDice{}(at::rand({1, 2, 4, 4}), at::zeros({1, 4, 4})), lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS(
      SoftDice{.channel = 2}(at::rand({1, 2, 4, 4}), at::zeros({1, 4, 4}, at::kLong)),
      "SoftDice: channel 2 of logits [1, 2, 4, 4]", lumen::Error);
}
