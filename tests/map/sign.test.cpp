// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/sign.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::same;

DOCTEST_TEST_CASE_TEMPLATE("the parts are >= 0, disjoint, and differ by the map", T, float, double) {
  const auto x = random_map<T>({1, 1, 9, 7}, 3, 2);
  const auto [positive, negative] = map::split_signs(x);
  DOCTEST_CHECK(same(xt::xarray<T>(positive - negative), x));
  DOCTEST_CHECK(same(xt::xarray<T>(positive + negative), map::absolute(x)));
  bool disjoint = true;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T p = positive.data()[i];
    const T n = negative.data()[i];
    disjoint = disjoint && p >= 0 && n >= 0 && (p == 0 || n == 0) && !std::signbit(p) && !std::signbit(n);
  }
  DOCTEST_CHECK(disjoint);
}

DOCTEST_TEST_CASE("slices and lazy expressions") {
  //! [signs]
  const xt::xtensor<float, 2> map{{2, -3}, {0, 1}};
  const auto [helps, hurts] = lumen::map::split_signs(map);  // {2, 0, 0, 1} and {0, 3, 0, 0}
  const auto loud = lumen::map::absolute(map);               // {2, 3, 0, 1}
  //! [signs]
  DOCTEST_CHECK(same(helps, xt::xarray<float>{{2, 0}, {0, 1}}));
  DOCTEST_CHECK(same(hurts, xt::xarray<float>{{0, 3}, {0, 0}}));
  DOCTEST_CHECK(same(loud, xt::xarray<float>{{2, 3}, {0, 1}}));
  DOCTEST_CHECK(same(map::split_signs(xt::view(map, xt::all(), 1)).negative, xt::xarray<float>{3, 0}));
  DOCTEST_CHECK(same(map::split_signs(-map).positive, hurts));
}

DOCTEST_TEST_CASE("NaN is not lost") {
  const xt::xarray<double> x{nan_of<double>, -0.0};
  const auto [positive, negative] = map::split_signs(x);
  DOCTEST_CHECK(std::isnan(positive(0)));
  DOCTEST_CHECK(std::isnan(negative(0)));
  DOCTEST_CHECK(std::isnan(map::absolute(x)(0)));
  DOCTEST_CHECK(positive(1) == 0.0);
}
