// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/pointing_game.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
namespace metric = lumen::metric;
using doctest::Approx;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::random_mask;
using lumen::testing::says;

namespace {

/// Every maximal pixel against every pixel of the mask.
template <class T>
double by_all_pairs(const map::Array<T>& x, const map::Array<bool>& mask, double tolerance) {
  const T maximum = *std::ranges::max_element(x);
  double maxima = 0;
  double hits = 0;
  for (std::size_t r = 0; r < x.shape(0); ++r)
    for (std::size_t c = 0; c < x.shape(1); ++c) {
      if (x(r, c) != maximum) continue;
      maxima += 1;
      bool hit = false;
      for (std::size_t i = 0; i < x.shape(0); ++i)
        for (std::size_t j = 0; j < x.shape(1); ++j) {
          const double down = static_cast<double>(i) - static_cast<double>(r);
          const double across = static_cast<double>(j) - static_cast<double>(c);
          hit = hit || (mask(i, j) && std::sqrt(down * down + across * across) <= tolerance);
        }
      hits += hit ? 1 : 0;
    }
  return hits / maxima;
}

}  // namespace

DOCTEST_TEST_CASE_TEMPLATE("it is the distance of every maximum to every pixel of the mask", T, float,
                           double) {
  for (std::uint32_t seed = 0; seed < 30; ++seed)
    for (const double tolerance : {0.0, 1.0, 1.5, 2.9, 5.0, 100.0}) {
      const auto x = random_map<T>({11, 14}, seed, seed % 2 == 0 ? 0 : 1);
      const auto mask = random_mask({11, 14}, 0.03, seed);
      DOCTEST_CHECK(metric::PointingGame{.tolerance = tolerance}(x, mask) ==
                    Approx(by_all_pairs(x, mask, tolerance)));
      const auto constant = map::filled({11, 14}, T{2});
      DOCTEST_CHECK(metric::PointingGame{.tolerance = tolerance}(constant, mask) ==
                    Approx(by_all_pairs(constant, mask, tolerance)));
    }
}

DOCTEST_TEST_CASE("the paper's tolerance, and none") {
  //! [pointing_game]
  xt::xtensor<float, 2> map = xt::zeros<float>({20, 20});
  xt::xtensor<bool, 2> mask = xt::zeros<bool>({20, 20});
  map(0, 0) = 1;
  mask(9, 12) = true;                                           // 15 pixels away
  const double hit = lumen::metric::PointingGame{}(map, mask);  // 1: within the paper's 15 pixels
  const double miss = lumen::metric::PointingGame{.tolerance = 0}(map, mask);  // 0: not on the mask
  //! [pointing_game]
  DOCTEST_CHECK(hit == 1.0);
  DOCTEST_CHECK(miss == 0.0);
  DOCTEST_CHECK(metric::PointingGame{.tolerance = 14.99}(map, mask) == 0.0);
  map(9, 12) = -2;  // signed: not the largest magnitude
  DOCTEST_CHECK(metric::PointingGame{.tolerance = 0}(map, mask) == 0.0);
}

DOCTEST_TEST_CASE("constant maps score chance, empty masks cannot be hit") {
  const auto zeros = map::filled({1, 1, 4, 5}, 0.0F);
  const auto none = map::filled({4, 5}, false);
  auto two = none;
  two(0, 0) = two(3, 4) = true;
  DOCTEST_CHECK(metric::PointingGame{.tolerance = 0}(zeros, two) == Approx(2.0 / 20));
  DOCTEST_CHECK(metric::PointingGame{.tolerance = 1}(zeros, two) == Approx(6.0 / 20));
  DOCTEST_CHECK(metric::PointingGame{.tolerance = std::numeric_limits<double>::infinity()}(zeros, two) ==
                1.0);
  DOCTEST_CHECK(metric::PointingGame{}(zeros, none) == 0.0);
  DOCTEST_CHECK(metric::PointingGame{.tolerance = 0}(xt::view(zeros, 0, 0) + 1.0F, two) == Approx(0.1));
}

DOCTEST_TEST_CASE("bad maps and options") {
  const auto message = [](const metric::PointingGame& game, std::vector<std::size_t> a,
                          std::vector<std::size_t> b, float value) {
    return error_of([&] { static_cast<void>(game(map::filled(a, value), map::filled(b, true))); });
  };
  DOCTEST_CHECK(
      says(message({}, {2, 3}, {3, 2}, 0), "metric::PointingGame: shapes [2, 3] and [3, 2] differ"));
  DOCTEST_CHECK(says(message({}, {2, 3}, {2, 3}, nan_of<float>), "the map holds nan at [0, 0]"));
  DOCTEST_CHECK(says(message({}, {2, 2, 3}, {2, 2, 3}, 0), "shape [2, 2, 3] is not one picture"));
  DOCTEST_CHECK(says(message({}, {0, 3}, {0, 3}, 0), "has no elements"));
  DOCTEST_CHECK(says(message({.tolerance = -1}, {2, 3}, {2, 3}, 0),
                     "tolerance is -1; expected a number of pixels >= 0"));
  DOCTEST_CHECK(says(message({.tolerance = nan_of<double>}, {2, 3}, {2, 3}, 0), "tolerance is nan"));
}
