// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/concentration.hpp>

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

DOCTEST_TEST_CASE("closed forms") {
  //! [concentration]
  const xt::xtensor<double, 2> map{{4, 0}, {-4, 8}};
  const double nats = lumen::metric::Entropy{}(map);                     // of (1/4, 0, 1/4, 1/2): 1.5 ln 2
  const double share = lumen::metric::Entropy{.normalised = true}(map);  // over ln 4: 3/4
  const double area = lumen::metric::EffectiveArea{.percent = 75}(map);  // 2 of 4 pixels hold 12 of 16
  //! [concentration]
  DOCTEST_CHECK(nats == Approx(1.5 * std::log(2.0)));
  DOCTEST_CHECK(share == Approx(0.75));
  DOCTEST_CHECK(area == 0.5);
  DOCTEST_CHECK(metric::EffectiveArea{.percent = 76}(map) == 0.75);
  DOCTEST_CHECK(metric::EffectiveArea{.percent = 100}(map) == 0.75);
  DOCTEST_CHECK(metric::EffectiveArea{.percent = 1e-9}(map) == 0.25);
}

DOCTEST_TEST_CASE_TEMPLATE("each is its definition", T, float, double) {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    const auto x = random_map<T>({1, 1, 9, 8}, seed, seed % 2 == 0 ? 0 : 2);
    double sum = 0;
    for (const T value : x) sum += std::abs(static_cast<double>(value));
    double entropy = 0;
    for (const T value : x) {
      const double p = std::abs(static_cast<double>(value)) / sum;
      if (p > 0) entropy -= p * std::log(p);
    }
    DOCTEST_CHECK(metric::Entropy{}(x) == Approx(entropy).epsilon(1e-12));
    // The smallest area: the k largest magnitudes hold the most that k pixels can.
    std::vector<double> magnitudes;
    for (const T value : x) magnitudes.push_back(std::abs(static_cast<double>(value)));
    std::ranges::sort(magnitudes, std::greater<>{});
    std::size_t k = 0;
    for (double held = 0; held < 0.7 * sum; ++k) held += magnitudes[k];
    DOCTEST_CHECK(metric::EffectiveArea{.percent = 70}(x) == Approx(static_cast<double>(k) / 72));
  }
}

DOCTEST_TEST_CASE_TEMPLATE("constant maps, zeros, single values and one element", T, float, double) {
  const auto zeros = map::filled<T>({5, 4}, T{0});
  auto single = zeros;
  single(0, 3) = T(-7);
  for (const auto& flat : {zeros, map::filled<T>({5, 4}, T(-0.3)), map::filled<T>({5, 4}, T(1))}) {
    DOCTEST_CHECK(metric::Entropy{}(flat) == Approx(std::log(20.0)));
    DOCTEST_CHECK(metric::Entropy{.normalised = true}(flat) == Approx(1.0));
    for (const double percent : {5.0, 15.0, 35.0, 55.0, 90.0, 95.0, 100.0})
      DOCTEST_CHECK(metric::EffectiveArea{.percent = percent}(flat) == Approx(percent / 100));
    DOCTEST_CHECK(metric::EffectiveArea{.percent = 91}(flat) == Approx(0.95));
  }
  DOCTEST_CHECK(metric::Entropy{}(single) == 0.0);
  DOCTEST_CHECK(metric::EffectiveArea{}(single) == Approx(1.0 / 20));
  const xt::xarray<T> one{5};
  DOCTEST_CHECK(metric::Entropy{}(one) == 0.0);
  DOCTEST_CHECK(metric::Entropy{.normalised = true}(one) == 0.0);
  DOCTEST_CHECK(metric::EffectiveArea{}(one) == 1.0);
}

DOCTEST_TEST_CASE("neither order nor scale nor sign matters") {
  const auto x = random_map<double>({8, 9}, 3);
  for (const auto& variant : {shuffled(x, 1), map::Array<double>(x * 1e300), map::Array<double>(x * 1e-300),
                              map::Array<double>(-x)}) {
    DOCTEST_CHECK(metric::Entropy{}(variant) == Approx(metric::Entropy{}(x)).epsilon(1e-12));
    DOCTEST_CHECK(metric::EffectiveArea{}(variant) == metric::EffectiveArea{}(x));
  }
  const map::Array<double> rows = xt::view(x, xt::range(2, 5));
  DOCTEST_CHECK(metric::Entropy{}(xt::view(x, xt::range(2, 5))) == metric::Entropy{}(rows));
  DOCTEST_CHECK(metric::EffectiveArea{}(xt::abs(x)) == metric::EffectiveArea{}(x));
}

DOCTEST_TEST_CASE("bad maps and options") {
  const xt::xarray<float> bad{{1, 2}, {nan_of<float>, 3}};
  const auto message = [](const auto& metric, const auto& map) {
    return error_of([&] { static_cast<void>(metric(map)); });
  };
  DOCTEST_CHECK(
      says(message(metric::Entropy{}, bad), "metric::Entropy: the map holds nan at [1, 0] of [2, 2]"));
  DOCTEST_CHECK(
      says(message(metric::EffectiveArea{}, bad), "metric::EffectiveArea: the map holds nan at [1, 0]"));
  DOCTEST_CHECK(says(message(metric::Entropy{}, xt::xarray<float>::from_shape({0})), "[0] has no elements"));
  DOCTEST_CHECK(says(message(metric::EffectiveArea{.percent = 0}, xt::xarray<float>{1}),
                     "percent is 0; expected a number in (0, 100]"));
  DOCTEST_CHECK(says(message(metric::EffectiveArea{.percent = 101}, xt::xarray<float>{1}), "percent is 101"));
}
