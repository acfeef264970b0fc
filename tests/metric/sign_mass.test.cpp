// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/sign_mass.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

#include <lumen/map/sign.hpp>

namespace map = lumen::map;
namespace metric = lumen::metric;
using doctest::Approx;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::says;

DOCTEST_TEST_CASE("the shares of both signs") {
  //! [sign_mass]
  const xt::xtensor<float, 2> map{{3, -1}, {0, 0}};
  const auto [positive, negative, mass] = lumen::metric::SignMass{}(map);  // 3/4, 1/4, 4
  //! [sign_mass]
  DOCTEST_CHECK(positive == 0.75);
  DOCTEST_CHECK(negative == 0.25);
  DOCTEST_CHECK(mass == 4.0);
}

DOCTEST_TEST_CASE_TEMPLATE("they are the sums of the split map, free of scale", T, float, double) {
  const auto x = random_map<T>({2, 3, 5}, 6);
  const auto parts = map::split_signs(x);
  const double up = xt::sum(xt::cast<double>(parts.positive))();
  const double down = xt::sum(xt::cast<double>(parts.negative))();
  const auto shares = metric::SignMass{}(x);
  DOCTEST_CHECK(shares.positive == Approx(up / (up + down)).epsilon(1e-12));
  DOCTEST_CHECK(shares.negative == Approx(down / (up + down)).epsilon(1e-12));
  DOCTEST_CHECK(shares.mass == Approx(up + down).epsilon(1e-12));
  DOCTEST_CHECK(shares.positive + shares.negative == Approx(1.0));
  DOCTEST_CHECK(metric::SignMass{}(x * T{-4}).positive == Approx(shares.negative));
  DOCTEST_CHECK(metric::SignMass{}(xt::view(x, 1)).mass < shares.mass);
}

DOCTEST_TEST_CASE("constant maps and zeros") {
  const auto zeros = metric::SignMass{}(map::filled({3}, 0.0));
  DOCTEST_CHECK(zeros.positive == 0);
  DOCTEST_CHECK(zeros.negative == 0);
  DOCTEST_CHECK(zeros.mass == 0);
  DOCTEST_CHECK(metric::SignMass{}(map::filled({3}, -2.0)).negative == 1);
}

DOCTEST_TEST_CASE("bad maps") {
  const xt::xarray<float> bad{1, nan_of<float>};
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(metric::SignMass{}(bad)); }),
                     "metric::SignMass: the map holds nan at [1] of [2]"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(metric::SignMass{}(xt::xarray<float>::from_shape({0}))); }),
           "has no elements"));
}
