// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/normalise.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"
#include "support/golden_value.hpp"
#include "support/shared.hpp"

#include <lumen/map/channels.hpp>

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::same;
using lumen::testing::says;

namespace {

/// The largest difference of two arrays of one shape.
template <class A, class B>
double distance(const A& a, const B& b) {
  const map::Flat<A> x(a);
  const map::Flat<B> y(b);
  if (x.shape() != y.shape()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  return largest;
}

}  // namespace

DOCTEST_TEST_CASE("by_cumulative_magnitude gives Captum's numbers") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const auto cases = lumen::testing::golden::parse_file(path->string()).at("visualization_normalize");
  DOCTEST_CHECK(cases.size() == 12);
  for (const auto& one : cases) {
    DOCTEST_CAPTURE(one.at("id").get<std::string>());
    const auto& rows = one.at("attr_hwc");
    auto image =
        xt::xtensor<double, 3>::from_shape({rows.at(0).at(0).size(), rows.size(), rows.at(0).size()});
    auto expected = xt::xtensor<double, 3>::from_shape({1, rows.size(), rows.at(0).size()});
    for (std::size_t r = 0; r < image.shape(1); ++r)
      for (std::size_t c = 0; c < image.shape(2); ++c) {
        expected(0, r, c) = one.at("expected").at(r).at(c).get<double>();
        for (std::size_t channel = 0; channel < image.shape(0); ++channel)
          image(channel, r, c) = rows.at(r).at(c).at(channel).get<double>();
      }
    const auto attribution = map::sum_channels(image);
    const auto sign = one.at("sign").get<std::string>();
    const auto part = sign == "positive"   ? map::split_signs(attribution).positive
                      : sign == "negative" ? map::split_signs(attribution).negative
                      : sign == "all"      ? attribution
                                           : map::absolute(attribution);
    const auto normalised = map::by_cumulative_magnitude(part, one.at("outlier_perc").get<double>());
    DOCTEST_CHECK(distance(normalised, expected) <= 1e-12);
  }
}

DOCTEST_TEST_CASE_TEMPLATE("by_cumulative_magnitude cuts where the mass is, not the rank", T, float, double) {
  const xt::xarray<T> x{1, -1, 1, 1, 96};  // the last 2 % of the mass lie inside the largest value
  const xt::xarray<T> expected{T(1) / 96, T(-1) / 96, T(1) / 96, T(1) / 96, 1};
  DOCTEST_CHECK(distance(map::by_cumulative_magnitude(x, 2), expected) <= 1e-7);
  DOCTEST_CHECK(same(map::by_cumulative_magnitude(x, 97), xt::xarray<T>{1, -1, 1, 1, 1}));
  DOCTEST_CHECK(same(map::by_cumulative_magnitude(x, 0), map::by_maximum(x)));
}

DOCTEST_TEST_CASE("by_cumulative_magnitude's scale is found by adding magnitudes") {
  const auto x = random_map<double>({20, 50}, 11);
  auto sizes = map::absolute(x);
  std::sort(sizes.begin(), sizes.end());
  const double total = xt::sum(sizes)();
  for (const double outliers : {1.0, 2.5, 10.0, 40.0}) {
    double sum = 0;
    std::size_t i = 0;
    while ((sum += sizes.data()[i]) < total * (100 - outliers) / 100) ++i;
    xt::xarray<double> expected = x;
    for (double& value : expected) value = std::clamp(value / sizes.data()[i], -1.0, 1.0);
    DOCTEST_CHECK(distance(map::by_cumulative_magnitude(x, outliers), expected) <= 1e-12);
  }
}

DOCTEST_TEST_CASE_TEMPLATE("by_percentile is numpy's percentile of the magnitudes", T, float, double) {
  const xt::xarray<T> x{-4, 1, 2, 3};  // numpy.percentile([1, 2, 3, 4], [0, 50, 90, 100]) = [1, 2.5, 3.7, 4]
  for (const auto& [percent, scale] : {std::pair{0.0, 1.0}, {50.0, 2.5}, {90.0, 3.7}, {100.0, 4.0}}) {
    xt::xarray<double> expected{-4, 1, 2, 3};
    for (double& value : expected) value = std::clamp(value / scale, -1.0, 1.0);
    DOCTEST_CHECK(distance(map::by_percentile(x, percent), expected) <= 1e-7);
  }
  const auto random = random_map<T>({15, 8}, 4);
  DOCTEST_CHECK(same(map::by_percentile(random, 100), map::by_maximum(random)));
  auto sorted = map::absolute(random);
  std::sort(sorted.begin(), sorted.end());
  const double rank = 0.93 * 119;
  const double scale = sorted.data()[110] + (rank - 110) * (sorted.data()[111] - sorted.data()[110]);
  xt::xarray<double> expected = xt::cast<double>(random);
  for (double& value : expected) value = std::clamp(value / scale, -1.0, 1.0);
  DOCTEST_CHECK(distance(map::by_percentile(random, 93), expected) <= 1e-6);
}

DOCTEST_TEST_CASE_TEMPLATE("by_maximum and by_range", T, float, double) {
  const xt::xtensor<T, 2> x{{-4, 0}, {2, 1}};
  DOCTEST_CHECK(same(map::by_maximum(x), xt::xarray<T>{{-1, 0}, {T(0.5), T(0.25)}}));
  DOCTEST_CHECK(same(map::by_range(x), xt::xarray<T>{{0, T(4) / T(6)}, {1, T(5) / T(6)}}));
  const auto random = random_map<T>({1, 1, 6, 7}, 9);
  const auto unit = map::by_range(random);
  DOCTEST_CHECK(*std::ranges::min_element(unit) == T{0});
  DOCTEST_CHECK(*std::ranges::max_element(unit) == T{1});
}

DOCTEST_TEST_CASE("every normalising is idempotent up to its cut, and free of scale") {
  //! [normalise]
  const xt::xtensor<double, 2> map{{-4, 0}, {2, 1}};
  const auto symmetric = lumen::map::by_maximum(map);  // {-1, 0, 0.5, 0.25}
  const auto robust =
      lumen::map::by_percentile(map, 50.0);  // by the median magnitude, 1.5: {-1, 0, 1, 2 / 3}
  const auto captum = lumen::map::by_cumulative_magnitude(map, 2.0);
  const auto unit = lumen::map::by_range(map);  // {0, 2 / 3, 1, 5 / 6}
  //! [normalise]
  DOCTEST_CHECK(distance(robust, xt::xarray<double>{{-1, 0}, {1, 2.0 / 3}}) <= 1e-15);
  DOCTEST_CHECK(distance(unit, xt::xarray<double>{{0, 2.0 / 3}, {1, 5.0 / 6}}) <= 1e-15);
  DOCTEST_CHECK(same(map::by_maximum(symmetric), symmetric));
  DOCTEST_CHECK(same(map::by_range(unit), unit));
  const auto x = random_map<double>({9, 9}, 1);
  DOCTEST_CHECK(distance(map::by_percentile(x * 8.0, 90), map::by_percentile(x, 90)) <= 1e-15);
  DOCTEST_CHECK(distance(map::by_cumulative_magnitude(x * 8.0, 5), map::by_cumulative_magnitude(x, 5)) <=
                1e-15);
  DOCTEST_CHECK(same(captum, symmetric));
}

DOCTEST_TEST_CASE_TEMPLATE("constant and sparse maps have a stated answer", T, float, double) {
  const auto zeros = map::filled<T>({2, 3}, T{0});
  const auto threes = map::filled<T>({2, 3}, T{-3});
  const auto minus = map::filled<T>({2, 3}, T{-1});
  DOCTEST_CHECK(same(map::by_maximum(zeros), zeros));
  DOCTEST_CHECK(same(map::by_percentile(zeros), zeros));
  DOCTEST_CHECK(same(map::by_cumulative_magnitude(zeros), zeros));
  DOCTEST_CHECK(same(map::by_range(zeros), zeros));
  DOCTEST_CHECK(same(map::by_maximum(threes), minus));
  DOCTEST_CHECK(same(map::by_percentile(threes), minus));
  DOCTEST_CHECK(same(map::by_cumulative_magnitude(threes), minus));
  DOCTEST_CHECK(same(map::by_range(threes), zeros));
  const xt::xarray<T> sparse{0, 0, 0, 0, T(0.5), -7};  // its median magnitude is 0
  DOCTEST_CHECK(same(map::by_percentile(sparse, 50), xt::xarray<T>{0, 0, 0, 0, 1, -1}));
  DOCTEST_CHECK(same(map::by_percentile(xt::xarray<T>{-2}, 99), xt::xarray<T>{-1}));
}

DOCTEST_TEST_CASE("bad maps and options") {
  const xt::xarray<float> x{1, 2};
  const xt::xarray<float> bad{1, nan_of<float>};
  const auto nothing = xt::xarray<float>::from_shape({2, 0});
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::by_maximum(bad)); }),
                     "by_maximum: the map holds nan at [1]"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(map::by_range(bad)); }), "by_range: the map holds nan at [1]"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::by_percentile(bad)); }),
                     "by_percentile: the map holds nan"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(map::by_cumulative_magnitude(bad)); }), "holds nan at [1]"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(map::by_maximum(nothing)); }), "[2, 0] has no elements"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::by_percentile(x, 101)); }), "percent is 101"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::by_cumulative_magnitude(x, 100)); }),
                     "outlier_percent is 100; expected a number in [0, 100)"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::by_range(xt::xarray<double>{1e308, -1e308})); }),
                     "overflows"));
}
