// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/loss.hpp>

#include <cmath>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

using lumen::Tensor;
using lumen::train::CrossEntropy;
using lumen::train::DiceCrossEntropy;
using lumen::train::Focal;
using lumen::train::SoftDice;

static_assert(lumen::train::Loss<CrossEntropy> && lumen::train::Loss<SoftDice> &&
              lumen::train::Loss<DiceCrossEntropy>);
static_assert(lumen::train::Loss<Focal>);
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

DOCTEST_TEST_CASE("CrossEntropy and Focal: weights, smoothing and focus, pixel by pixel") {
  at::Generator source = at::detail::createCPUGenerator(1);
  const Tensor logits = at::randn({2, 3, 4, 5}, source, at::TensorOptions(at::kDouble)) * 2;
  const Tensor label = at::randint(3, {2, 4, 5}, source, at::TensorOptions(at::kLong));
  const std::vector<double> weights{0.5, 2.0, 0.25};
  double plain = 0, cross = 0, total = 0, focal = 0;
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t r = 0; r < 4; ++r)
      for (std::int64_t k = 0; k < 5; ++k) {
        double sum = 0;
        for (std::int64_t c = 0; c < 3; ++c) sum += std::exp(logits[n][c][r][k].item<double>());
        const auto p = [&](std::int64_t c) { return std::exp(logits[n][c][r][k].item<double>()) / sum; };
        const auto l = label[n][r][k].item<std::int64_t>();
        const double w = weights[static_cast<std::size_t>(l)];
        plain -= std::log(p(l)) / 40;
        cross -= 0.8 * w * std::log(p(l));
        for (std::int64_t c = 0; c < 3; ++c)
          cross -= 0.2 / 3 * weights[static_cast<std::size_t>(c)] * std::log(p(c));
        total += w;
        focal -= w * std::pow(1 - p(l), 1.5) * std::log(p(l)) / 40;
      }
  DOCTEST_CHECK(CrossEntropy{.weights = weights, .smoothing = 0.2}(logits, label).item<double>() ==
                doctest::Approx(cross / total));
  DOCTEST_CHECK(Focal{.gamma = 1.5, .weights = weights}(logits, label).item<double>() ==
                doctest::Approx(focal));
  DOCTEST_CHECK(Focal{.gamma = 0}(logits, label).item<double>() == doctest::Approx(plain));
  DOCTEST_CHECK(CrossEntropy{.weights = {1, 1, 1}}(logits, label).item<double>() == doctest::Approx(plain));
  // a pixel that is certainly right has a finite gradient, that of a wrong one is not small
  const Tensor sure =
      at::tensor({40.0, -40.0, -40.0, 40.0}, at::kDouble).reshape({1, 2, 1, 2}).requires_grad_(true);
  Focal{.gamma = 0.5}(sure, at::zeros({1, 1, 2}, at::kLong)).backward();
  DOCTEST_CHECK(at::isfinite(sure.grad()).all().item<bool>());
  DOCTEST_CHECK(sure.grad().abs().max().item<double>() > 0.1);
}

DOCTEST_TEST_CASE("weights and options that do not fit") {
  const Tensor logits = at::rand({1, 2, 4, 4}), label = at::zeros({1, 4, 4}, at::kLong);
  DOCTEST_CHECK_THROWS_WITH_AS((CrossEntropy{.weights = {1, 2, 3}}(logits, label)),
                               "CrossEntropy: 3 weights for 2 classes; give one each, at least 0",
                               lumen::Error);
  DOCTEST_CHECK_THROWS_AS((Focal{.weights = {1, -2}}(logits, label)), lumen::Error);
  DOCTEST_CHECK_THROWS_AS((CrossEntropy{.smoothing = 1.5}(logits, label)), lumen::Error);
  DOCTEST_CHECK_THROWS_AS((Focal{.gamma = -1}(logits, label)), lumen::Error);
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

static_assert(lumen::train::PixelWeightedLoss<CrossEntropy> && !lumen::train::PixelWeightedLoss<SoftDice>);

DOCTEST_TEST_CASE("CrossEntropy: pixels that count differently") {
  at::Generator source = at::detail::createCPUGenerator(2);
  const Tensor logits = at::randn({2, 3, 3, 4}, source, at::TensorOptions(at::kDouble));
  const Tensor label = at::randint(3, {2, 3, 4}, source, at::TensorOptions(at::kLong));
  const Tensor weight = at::rand({2, 3, 4}, source, at::TensorOptions(at::kDouble));
  const std::vector<double> classes{0.5, 2.0, 0.25};
  double above = 0, below = 0, plain_above = 0, plain_below = 0;
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t r = 0; r < 3; ++r)
      for (std::int64_t k = 0; k < 4; ++k) {
        double sum = 0;
        for (std::int64_t c = 0; c < 3; ++c) sum += std::exp(logits[n][c][r][k].item<double>());
        const auto nll = [&](std::int64_t c) { return std::log(sum) - logits[n][c][r][k].item<double>(); };
        const auto l = label[n][r][k].item<std::int64_t>();
        const double w = weight[n][r][k].item<double>(), of_class = classes[static_cast<std::size_t>(l)];
        plain_above += w * nll(l);
        plain_below += w;
        above += w * 0.7 * of_class * nll(l);
        for (std::int64_t c = 0; c < 3; ++c)
          above += w * 0.3 / 3 * classes[static_cast<std::size_t>(c)] * nll(c);
        below += w * of_class;
      }
  DOCTEST_CHECK(CrossEntropy{}(logits, label, weight).item<double>() ==
                doctest::Approx(plain_above / plain_below));
  DOCTEST_CHECK(CrossEntropy{.weights = classes, .smoothing = 0.3}(logits, label, weight).item<double>() ==
                doctest::Approx(above / below));
  const Tensor even = at::full({2, 3, 4}, 7.0, at::kDouble);
  DOCTEST_CHECK(
      CrossEntropy{.weights = classes, .smoothing = 0.3}(logits, label, even).item<double>() ==
      doctest::Approx(CrossEntropy{.weights = classes, .smoothing = 0.3}(logits, label).item<double>()));
  DOCTEST_CHECK(CrossEntropy{}(logits, label, even * 0).item<double>() == 0);
  DOCTEST_CHECK_THROWS_AS(CrossEntropy{}(logits, label, even[0]), lumen::Error);
  DOCTEST_CHECK_THROWS_AS(CrossEntropy{}(logits, label, Tensor()), lumen::Error);
}
