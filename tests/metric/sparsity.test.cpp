// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/sparsity.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
namespace metric = lumen::metric;
using doctest::Approx;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::says;
using lumen::testing::shuffled;

namespace {

/// The Gini index as the mean absolute difference of all pairs over twice the mean: no sorting.
template <class T>
double gini_by_pairs(const map::Array<T>& x) {
  double differences = 0;
  double sum = 0;
  for (const T a : x) {
    sum += std::abs(static_cast<double>(a));
    for (const T b : x)
      differences += std::abs(std::abs(static_cast<double>(a)) - std::abs(static_cast<double>(b)));
  }
  return differences / (2 * static_cast<double>(x.size()) * sum);
}

}  // namespace

DOCTEST_TEST_CASE_TEMPLATE("Gini is the mean difference of all pairs", T, float, double) {
  for (std::uint32_t seed = 0; seed < 6; ++seed) {
    const auto x = random_map<T>({1, 1, 5 + seed, 7}, seed, seed % 2 == 0 ? 0 : 2);
    DOCTEST_CHECK(metric::Gini{}(x) == Approx(gini_by_pairs(x)).epsilon(1e-12));
  }
}

DOCTEST_TEST_CASE("closed forms") {
  //! [sparsity]
  const xt::xtensor<double, 1> map{3, 0, -4, 0};
  const double gini = lumen::metric::Gini{}(map);             // 1 - 2 (3 * 1.5 + 4 * 0.5) / (7 * 4) = 15 / 28
  const double hoyer = lumen::metric::Hoyer{}(map);           // (2 - 7 / 5) / (2 - 1) = 0.6
  const double above = lumen::metric::L0{.epsilon = 3}(map);  // 1 value
  //! [sparsity]
  DOCTEST_CHECK(gini == Approx(15.0 / 28));
  DOCTEST_CHECK(hoyer == Approx(0.6));
  DOCTEST_CHECK(above == 1);
  DOCTEST_CHECK(metric::L0{}(map) == 2);
}

DOCTEST_TEST_CASE_TEMPLATE("constant maps, zeros, single values and one element", T, float, double) {
  const auto zeros = map::filled<T>({5, 4}, T{0});
  const auto constant = map::filled<T>({5, 4}, T(-0.3));
  auto single = zeros;
  single(2, 1) = T(-7);
  for (const auto& flat : {zeros, constant}) {
    DOCTEST_CHECK(metric::Gini{}(flat) == Approx(0.0));
    DOCTEST_CHECK(metric::Hoyer{}(flat) == Approx(0.0));
  }
  DOCTEST_CHECK(metric::L0{}(zeros) == 0);
  DOCTEST_CHECK(metric::L0{}(constant) == 20);
  DOCTEST_CHECK(metric::Gini{}(single) == Approx(1 - 1.0 / 20));
  DOCTEST_CHECK(metric::Hoyer{}(single) == Approx(1.0));
  const xt::xarray<T> one{5};
  DOCTEST_CHECK(metric::Gini{}(one) == 0.0);
  DOCTEST_CHECK(metric::Hoyer{}(one) == 0.0);
  DOCTEST_CHECK(metric::L0{}(one) == 1);
}

DOCTEST_TEST_CASE("neither order nor scale nor sign matters; cloning keeps Gini") {
  const auto x = random_map<double>({8, 9}, 3);
  const auto y = random_map<double>({8, 9}, 4);
  for (const auto& variant : {shuffled(x, 1), map::Array<double>(x * 1e300), map::Array<double>(x * 1e-300),
                              map::Array<double>(-x)}) {
    DOCTEST_CHECK(metric::Gini{}(variant) == Approx(metric::Gini{}(x)).epsilon(1e-12));
    DOCTEST_CHECK(metric::Hoyer{}(variant) == Approx(metric::Hoyer{}(x)).epsilon(1e-12));
    DOCTEST_CHECK(metric::L0{}(variant) == metric::L0{}(x));
  }
  auto twice = map::Array<double>::from_shape({2, 8, 9});
  xt::view(twice, 0) = x;
  xt::view(twice, 1) = x;
  DOCTEST_CHECK(metric::Gini{}(twice) == Approx(metric::Gini{}(x)).epsilon(1e-12));
  DOCTEST_CHECK(metric::Gini{}(xt::view(twice, 0)) == metric::Gini{}(x));
  DOCTEST_CHECK(metric::Hoyer{}(x + y) == metric::Hoyer{}(map::Array<double>(x + y)));
}

DOCTEST_TEST_CASE("Hoyer is its definition") {
  const auto x = random_map<double>({6, 6}, 8);
  double l1 = 0;
  double l2 = 0;
  for (const double value : x) l1 += std::abs(value), l2 += value * value;
  DOCTEST_CHECK(metric::Hoyer{}(x) == Approx((6 - l1 / std::sqrt(l2)) / 5).epsilon(1e-12));
}

DOCTEST_TEST_CASE("bad maps and options") {
  const xt::xarray<float> bad{{1, 2}, {nan_of<float>, nan_of<float>}};
  const auto nothing = xt::xarray<float>::from_shape({0});
  const auto message = [](const auto& metric, const auto& map) {
    return error_of([&] { static_cast<void>(metric(map)); });
  };
  DOCTEST_CHECK(says(message(metric::Gini{}, bad), "metric::Gini: the map holds nan at [1, 0] of [2, 2]"));
  DOCTEST_CHECK(says(message(metric::Hoyer{}, bad), "metric::Hoyer: the map holds nan at [1, 0]"));
  DOCTEST_CHECK(says(message(metric::L0{}, bad), "metric::L0: the map holds nan at [1, 0]"));
  DOCTEST_CHECK(says(message(metric::Gini{}, nothing), "metric::Gini: [0] has no elements"));
  DOCTEST_CHECK(says(message(metric::Hoyer{}, nothing), "metric::Hoyer: [0] has no elements"));
  DOCTEST_CHECK(says(message(metric::L0{.epsilon = -1}, xt::xarray<float>{1}),
                     "epsilon is -1; expected a number >= 0"));
}
