// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/overlap.hpp>

#include <set>

#include <doctest/doctest.h>

#include "map/maps.hpp"

#include <lumen/map/sign.hpp>
#include <lumen/map/threshold.hpp>
#include <lumen/map/view.hpp>

namespace map = lumen::map;
namespace metric = lumen::metric;
using doctest::Approx;
using lumen::testing::error_of;
using lumen::testing::random_mask;
using lumen::testing::says;

namespace {

std::set<std::size_t> pixels(const map::Array<bool>& mask) {
  std::set<std::size_t> out;
  for (std::size_t i = 0; i < mask.size(); ++i)
    if (mask.data()[i]) out.insert(i);
  return out;
}

double size_of(const std::set<std::size_t>& set) { return static_cast<double>(set.size()); }

}  // namespace

DOCTEST_TEST_CASE("each is its definition on sets of pixels") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const auto mask_a = random_mask({7, 9}, 0.05 * seed, seed);
    const auto mask_b = random_mask({7, 9}, 0.4, seed + 100);
    const auto a = pixels(mask_a);
    const auto b = pixels(mask_b);
    std::set<std::size_t> both;
    std::set<std::size_t> either;
    std::ranges::set_intersection(a, b, std::inserter(both, both.end()));
    std::ranges::set_union(a, b, std::inserter(either, either.end()));
    const double iou = metric::IoU{}(mask_a, mask_b);
    const double dice = metric::Dice{}(mask_a, mask_b);
    const double precision = metric::Precision{}(mask_a, mask_b);
    const double recall = metric::Recall{}(mask_a, mask_b);
    DOCTEST_CHECK(iou == Approx(size_of(both) / size_of(either)));
    DOCTEST_CHECK(recall == Approx(size_of(both) / size_of(b)));
    DOCTEST_CHECK(precision == Approx(a.empty() ? 0.0 : size_of(both) / size_of(a)));
    DOCTEST_CHECK(metric::PixelAccuracy{}(mask_a, mask_b) ==
                  Approx((63 - size_of(either) + size_of(both)) / 63));
    // What the definitions imply.
    DOCTEST_CHECK(dice == Approx(2 * iou / (1 + iou)));
    if (precision + recall > 0) DOCTEST_CHECK(dice == Approx(2 * precision * recall / (precision + recall)));
    DOCTEST_CHECK(metric::IoU{}(mask_b, mask_a) == iou);
    DOCTEST_CHECK(metric::Dice{}(mask_b, mask_a) == dice);
    DOCTEST_CHECK(metric::Precision{}(mask_b, mask_a) == recall);
    DOCTEST_CHECK(metric::PixelAccuracy{}(mask_b, mask_a) == metric::PixelAccuracy{}(mask_a, mask_b));
    DOCTEST_CHECK(metric::IoU{}(mask_b, mask_b) == 1.0);
    DOCTEST_CHECK(metric::PixelAccuracy{}(mask_b, !mask_b) == 0.0);
  }
}

DOCTEST_TEST_CASE("closed forms, and smoothing") {
  const xt::xtensor<bool, 2> a{{true, true, false, false}};
  const xt::xtensor<std::uint8_t, 2> b{{0, 255, 1, 1}};
  DOCTEST_CHECK(metric::IoU{}(a, b) == Approx(1.0 / 4));
  DOCTEST_CHECK(metric::Dice{}(a, b) == Approx(2.0 / 5));
  DOCTEST_CHECK(metric::Precision{}(a, b) == Approx(1.0 / 2));
  DOCTEST_CHECK(metric::Recall{}(a, b) == Approx(1.0 / 3));
  DOCTEST_CHECK(metric::PixelAccuracy{}(a, b) == Approx(1.0 / 4));
  DOCTEST_CHECK(metric::IoU{.smooth = 1e-6}(a, b) == Approx((1 + 1e-6) / (4 + 1e-6)).epsilon(1e-12));
  DOCTEST_CHECK(metric::Dice{.smooth = 1}(a, b) == Approx(3.0 / 6));
}

DOCTEST_TEST_CASE("empty masks have a stated answer") {
  const auto none = map::filled({2, 2}, false);
  const auto all = map::filled({2, 2}, true);
  DOCTEST_CHECK(metric::IoU{}(none, none) == 1.0);
  DOCTEST_CHECK(metric::IoU{.empty = 0}(none, none) == 0.0);
  DOCTEST_CHECK(metric::IoU{.empty = 0, .smooth = 1e-6}(none, none) == 1.0);
  DOCTEST_CHECK(metric::IoU{}(none, all) == 0.0);
  DOCTEST_CHECK(metric::Dice{}(none, none) == 1.0);
  DOCTEST_CHECK(metric::Dice{.empty = 0.5}(none, none) == 0.5);
  DOCTEST_CHECK(metric::Dice{.empty = 0, .smooth = 1}(none, none) == 1.0);
  DOCTEST_CHECK(metric::Precision{}(none, none) == 1.0);
  DOCTEST_CHECK(metric::Precision{.empty = 0}(none, none) == 0.0);
  DOCTEST_CHECK(metric::Precision{}(none, all) == 0.0);
  DOCTEST_CHECK(metric::Recall{}(none, none) == 1.0);
  DOCTEST_CHECK(metric::Recall{.empty = 0}(none, none) == 0.0);
  DOCTEST_CHECK(metric::Recall{}(all, none) == 0.0);
  DOCTEST_CHECK(metric::PixelAccuracy{}(none, none) == 1.0);
}

DOCTEST_TEST_CASE("from an attribution to its overlap with a vessel") {
  const at::Tensor why = at::tensor({-9.0F, 1.0F, 5.0F, 2.0F, 0.0F, 4.0F}).reshape({1, 1, 2, 3});
  const xt::xtensor<bool, 2> vessel{{false, false, true}, {true, false, true}};
  //! [overlap]
  const auto [helps, hurts] = lumen::map::split_signs(lumen::map::view(why));  // [1, 1, 2, 3]
  const double overlap =
      lumen::metric::IoU{}(lumen::map::top_fraction(helps, 0.5), vessel);  // vessel: [2, 3]
  //! [overlap]
  DOCTEST_CHECK(overlap == 1.0);
  DOCTEST_CHECK(hurts(0, 0, 0, 0) == 9.0F);
}

DOCTEST_TEST_CASE("bad shapes and options") {
  const auto a = map::filled({2, 3}, true);
  const auto b = map::filled({3, 2}, true);
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(metric::IoU{}(a, b)); }),
                     "metric::IoU: shapes [2, 3] and [3, 2] differ"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(metric::Dice{}(a, b)); }), "metric::Dice: shapes"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(metric::Precision{}(a, b)); }), "metric::Precision: shapes"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(metric::Recall{}(a, b)); }), "metric::Recall: shapes"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(metric::PixelAccuracy{}(a, b)); }), "PixelAccuracy: shapes"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(metric::IoU{.smooth = -1}(a, a)); }),
                     "metric::IoU: smooth is -1; expected a finite number >= 0"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(metric::Dice{.smooth = -1}(a, a)); }), "metric::Dice: smooth"));
}
