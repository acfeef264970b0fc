// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/localisation.hpp>

#include <numeric>

#include <doctest/doctest.h>

#include "map/maps.hpp"

#include <lumen/map/sign.hpp>

namespace map = lumen::map;
namespace metric = lumen::metric;
using doctest::Approx;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::random_mask;
using lumen::testing::says;

DOCTEST_TEST_CASE("closed forms") {
  //! [localisation]
  const xt::xtensor<float, 2> map{{4, 3}, {2, 1}};
  const xt::xtensor<bool, 2> mask{{true, false}, {true, false}};
  const double mass = lumen::metric::MassAccuracy{}(map, mask);  // 6 of 10
  const double rank = lumen::metric::RankAccuracy{}(map, mask);  // of the top 2, one lies inside
  //! [localisation]
  DOCTEST_CHECK(mass == Approx(0.6));
  DOCTEST_CHECK(rank == 0.5);
  const xt::xtensor<float, 2> signed_map{{-9, 3}, {2, 1}};
  DOCTEST_CHECK(metric::RankAccuracy{}(signed_map, mask) == 0.5);
}

DOCTEST_TEST_CASE_TEMPLATE("each is its definition on maps without ties", T, float, double) {
  for (std::uint32_t seed = 0; seed < 10; ++seed) {
    const auto x = map::absolute(random_map<T>({1, 1, 6, 11}, seed));
    const auto mask = random_mask({6, 11}, 0.1 + 0.05 * seed, seed);
    std::vector<std::size_t> order(66);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return x.data()[a] > x.data()[b]; });
    const auto k = static_cast<std::size_t>(std::ranges::count(mask, true));
    double found = 0;
    for (std::size_t i = 0; i < k; ++i) found += mask.data()[order[i]] ? 1 : 0;
    DOCTEST_CHECK(metric::RankAccuracy{}(x, mask) == Approx(found / static_cast<double>(k)));
    double inside = 0;
    double total = 0;
    for (std::size_t i = 0; i < 66; ++i) {
      total += static_cast<double>(x.data()[i]);
      if (mask.data()[i]) inside += static_cast<double>(x.data()[i]);
    }
    DOCTEST_CHECK(metric::MassAccuracy{}(x, mask) == Approx(inside / total).epsilon(1e-12));
    DOCTEST_CHECK(metric::MassAccuracy{}(x, mask) + metric::MassAccuracy{}(x, !mask) == Approx(1.0));
    DOCTEST_CHECK(metric::MassAccuracy{}(x * T{3}, mask) ==
                  Approx(metric::MassAccuracy{}(x, mask)).epsilon(1e-6));
  }
}

DOCTEST_TEST_CASE("rank accuracy with ties is the mean over the ways to break them") {
  const auto x = random_map<double>({5, 6}, 2, 1);
  const auto mask = random_mask({5, 6}, 0.4, 5);
  const auto k = static_cast<std::size_t>(std::ranges::count(mask, true));
  std::vector<std::size_t> order(30);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 engine(1);
  double sum = 0;
  constexpr int draws = 4000;
  for (int i = 0; i < draws; ++i) {
    std::ranges::shuffle(order, engine);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return x.data()[a] > x.data()[b]; });
    for (std::size_t j = 0; j < k; ++j) sum += mask.data()[order[j]] ? 1 : 0;
  }
  DOCTEST_CHECK(metric::RankAccuracy{}(x, mask) ==
                Approx(sum / draws / static_cast<double>(k)).epsilon(0.02));
}

DOCTEST_TEST_CASE("perfect, inverted, constant and empty") {
  const xt::xtensor<bool, 2> mask{{true, true, false, false, false}};
  const map::Array<double> perfect = xt::cast<double>(mask);
  const map::Array<double> inverted = 1.0 - perfect;
  const auto none = map::filled({1, 5}, false);
  DOCTEST_CHECK(metric::MassAccuracy{}(perfect, mask) == 1.0);
  DOCTEST_CHECK(metric::RankAccuracy{}(perfect, mask) == 1.0);
  DOCTEST_CHECK(metric::MassAccuracy{}(inverted, mask) == 0.0);
  DOCTEST_CHECK(metric::RankAccuracy{}(inverted, mask) == 0.0);
  for (const double level : {0.0, 0.3}) {
    const auto constant = map::filled({1, 5}, level);
    DOCTEST_CHECK(metric::MassAccuracy{}(constant, mask) == Approx(0.4));
    DOCTEST_CHECK(metric::RankAccuracy{}(constant, mask) == Approx(0.4));
    DOCTEST_CHECK(metric::MassAccuracy{}(constant, none) == 0.0);
    DOCTEST_CHECK(metric::RankAccuracy{}(constant, none) == 0.0);
    DOCTEST_CHECK(metric::RankAccuracy{}(constant, !none) == 1.0);
  }
}

DOCTEST_TEST_CASE("bad maps") {
  const auto check = [](const auto& metric, const std::string& name) {
    const auto message = [&](const auto& map, const auto& mask) {
      return error_of([&] { static_cast<void>(metric(map, mask)); });
    };
    DOCTEST_CHECK(says(message(map::filled({2, 3}, 0.0F), map::filled({3, 2}, true)),
                       name + ": shapes [2, 3] and [3, 2] differ"));
    DOCTEST_CHECK(says(message(map::filled({2, 3}, nan_of<float>), map::filled({2, 3}, true)),
                       name + ": the map holds nan at [0, 0] of [2, 3]"));
    DOCTEST_CHECK(
        says(message(map::filled({0}, 0.0F), map::filled({0}, true)), name + ": [0] has no elements"));
  };
  check(metric::MassAccuracy{}, "metric::MassAccuracy");
  check(metric::RankAccuracy{}, "metric::RankAccuracy");
  const xt::xarray<float> negative{1, -1};
  DOCTEST_CHECK(says(
      error_of([&] { static_cast<void>(metric::MassAccuracy{}(negative, xt::xarray<bool>{true, true})); }),
      "metric::MassAccuracy: the map holds -1 at [1] of [2]; expected values >= 0"));
}
