// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/otsu.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::same;
using lumen::testing::says;

namespace {

/// The variance between {x < threshold} and {x >= threshold}, from the values themselves.
template <class T>
double between(const map::Array<T>& x, double threshold) {
  double below = 0;
  double above = 0;
  double sum_below = 0;
  double sum_above = 0;
  for (const T value : x) {
    const double v = static_cast<double>(value);
    (v < threshold ? below : above) += 1;
    (v < threshold ? sum_below : sum_above) += v;
  }
  if (below == 0 || above == 0) return 0;
  const double gap = sum_below / below - sum_above / above;
  return below * above * gap * gap;
}

}  // namespace

DOCTEST_TEST_CASE_TEMPLATE("with bins finer than the values, no threshold is better", T, float, double) {
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    auto x = random_map<T>({12, 17}, seed, 8);
    for (std::size_t i = 0; i < 60; ++i) x.data()[i] += T{4};
    const double threshold = map::otsu_threshold(x, 4096);
    double best = 0;
    for (const T value : x) best = std::max(best, between(x, static_cast<double>(value)));
    DOCTEST_CHECK(between(x, threshold) == doctest::Approx(best).epsilon(1e-9));
    DOCTEST_CHECK(std::ranges::find(x, static_cast<T>(threshold)) != x.end());
    DOCTEST_CHECK(same(map::otsu(x, 4096), map::at_least(x, threshold)));
    DOCTEST_CHECK(same(map::otsu(x), map::otsu(x * T{8} + T{3})));
  }
}

DOCTEST_TEST_CASE("two levels are told apart; a constant has no upper class") {
  //! [otsu]
  const xt::xtensor<float, 2> map{{0.1F, 0.2F, 5.0F}, {0.0F, 4.8F, 0.1F}};
  const double threshold = lumen::map::otsu_threshold(map);  // 4.8, the least of the upper class
  const auto mask = lumen::map::otsu(map);                   // the 5.0 and the 4.8
  //! [otsu]
  DOCTEST_CHECK(threshold == static_cast<double>(4.8F));
  DOCTEST_CHECK(same(mask, xt::xarray<bool>{{false, false, true}, {false, true, false}}));
  DOCTEST_CHECK(map::otsu_threshold(map, 2) == threshold);
  const auto constant = map::filled({3, 3}, 2.5);
  DOCTEST_CHECK(map::otsu_threshold(constant) == std::numeric_limits<double>::infinity());
  DOCTEST_CHECK(same(map::otsu(constant), map::filled({3, 3}, false)));
}

DOCTEST_TEST_CASE("bad maps and options") {
  const auto message = [](const map::Array<double>& x, int bins) {
    return error_of([&] { static_cast<void>(map::otsu(x, bins)); });
  };
  DOCTEST_CHECK(says(message({1, 2}, 1), "bins is 1; expected at least 2"));
  DOCTEST_CHECK(says(message({1, nan_of<double>}, 256), "map::otsu_threshold: the map holds nan at [1]"));
  DOCTEST_CHECK(says(message({1e308, -1e308}, 256), "overflows; scale the map down"));
}
