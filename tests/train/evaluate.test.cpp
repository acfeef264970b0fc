// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/evaluate.hpp>

#include <doctest/doctest.h>

#include <lumen/data/synthetic.hpp>
#include <lumen/map/view.hpp>
#include <lumen/metric/overlap.hpp>

using lumen::Tensor;
using lumen::data::Sample;
using lumen::data::SyntheticVessels;

DOCTEST_TEST_CASE("overlap: equal to the metrics") {
  const Tensor logits = at::randn({3, 2, 9, 7});
  const Tensor label = at::randint(2, {3, 9, 7}, at::kLong);
  const auto overlap = lumen::train::overlap(logits, label);
  for (std::int64_t n = 0; n < 3; ++n) {
    const Tensor predicted = logits[n].argmax(0).eq(1), actual = label[n].eq(1);
    const auto p = lumen::map::view<bool>(predicted), y = lumen::map::view<bool>(actual);
    DOCTEST_CHECK(overlap.iou[n].item<double>() == doctest::Approx(lumen::metric::IoU{}(p, y)));
    DOCTEST_CHECK(overlap.dice[n].item<double>() == doctest::Approx(lumen::metric::Dice{}(p, y)));
  }
  const auto nothing = lumen::train::overlap(at::stack({at::ones({1, 4, 4}), at::zeros({1, 4, 4})}, 1),
                                             at::zeros({1, 4, 4}, at::kLong));
  DOCTEST_CHECK(nothing.iou.item<double>() == 1.0);
  DOCTEST_CHECK(nothing.dice.item<double>() == 1.0);
}

DOCTEST_TEST_CASE("evaluate: whole images, of different sizes too") {
  std::vector<Sample> samples = SyntheticVessels{.size = 32}.many(0, 2);
  samples.push_back(SyntheticVessels{.size = 50}(2));
  const auto bright = [](const Tensor& x) { return at::cat({at::zeros_like(x), 20.0 * (x - 0.2)}, 1); };
  const auto quality = lumen::train::evaluate(bright, samples, lumen::train::CrossEntropy{});
  DOCTEST_REQUIRE(quality.ious.size() == 3);
  double iou = 0, dice = 0, loss = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const Tensor logits = bright(samples[i].image.unsqueeze(0));
    const Tensor label = samples[i].label.unsqueeze(0);
    const auto one = lumen::train::overlap(logits, label);
    DOCTEST_CHECK(quality.ious[i] == one.iou.item<double>());
    DOCTEST_CHECK(quality.dices[i] == one.dice.item<double>());
    iou += one.iou.item<double>() / 3;
    dice += one.dice.item<double>() / 3;
    loss += lumen::train::CrossEntropy{}(logits, label).item<double>() / 3;
  }
  DOCTEST_CHECK(quality.iou == doctest::Approx(iou));
  DOCTEST_CHECK(quality.dice == doctest::Approx(dice));
  DOCTEST_CHECK(quality.loss == doctest::Approx(loss));
  DOCTEST_CHECK_THROWS_WITH_AS(
      static_cast<void>(lumen::train::evaluate(bright, {}, lumen::train::CrossEntropy{})),
      "evaluate: there are no samples", lumen::Error);
}
