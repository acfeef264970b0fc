// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/threshold.hpp>

#include <numeric>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::random_map;
using lumen::testing::same;
using lumen::testing::says;

namespace {

/// By a stable sort of all indices: the slow way.
template <class T>
map::Array<bool> top_by_sorting(const map::Array<T>& x, std::size_t k) {
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return x.data()[a] > x.data()[b]; });
  auto out = map::filled(map::Flat(x).shape(), false);
  for (std::size_t i = 0; i < k; ++i) out.data()[order[i]] = true;
  return out;
}

}  // namespace

DOCTEST_TEST_CASE_TEMPLATE("top_fraction is the head of a stable sort", T, float, double) {
  for (const int levels : {0, 1, 3})
    for (const double fraction : {0.0, 0.004, 0.05, 0.5, 0.731, 1.0}) {
      const auto x = random_map<T>({1, 1, 13, 11}, static_cast<std::uint32_t>(levels) + 7, levels);
      const auto k = static_cast<std::size_t>(std::llround(fraction * 143));
      DOCTEST_CHECK(same(map::top_fraction(x, fraction), top_by_sorting(x, k)));
    }
}

DOCTEST_TEST_CASE("top_fraction takes exactly k, of equals the first") {
  //! [top_fraction]
  const xt::xtensor<float, 2> map{{1, 3, 2}, {2, 2, 0}};
  const auto mask = lumen::map::top_fraction(map, 0.5);  // 3 of 6 pixels: the 3, then the first two of the 2s
  //! [top_fraction]
  DOCTEST_CHECK(same(mask, xt::xarray<bool>{{false, true, true}, {true, false, false}}));
  DOCTEST_CHECK(
      same(map::top_fraction(map::filled({4}, 0.0F), 0.5), xt::xarray<bool>{true, true, false, false}));
  DOCTEST_CHECK(
      same(map::top_fraction(xt::xarray<double>{-1, -2, -9}, 0.34), xt::xarray<bool>{true, false, false}));
}

DOCTEST_TEST_CASE("kth_largest") {
  const std::vector<int> values{5, 1, 4, 4, 2};
  const std::vector<int> expected{5, 4, 4, 2, 1};
  for (std::size_t k = 1; k <= 5; ++k)
    DOCTEST_CHECK(map::kth_largest(std::span(values), k) == expected[k - 1]);
}

DOCTEST_TEST_CASE_TEMPLATE("at_least and at_least_of_maximum", T, float, double) {
  const xt::xarray<T> x{{-4, 1}, {2, 0}};
  DOCTEST_CHECK(same(map::at_least(x, 1), xt::xarray<bool>{{false, true}, {true, false}}));
  DOCTEST_CHECK(same(map::at_least(x, -1), xt::xarray<bool>{{false, true}, {true, true}}));
  DOCTEST_CHECK(same(map::at_least_of_maximum(x, 0.5), xt::xarray<bool>{{false, true}, {true, false}}));
  DOCTEST_CHECK(same(map::at_least_of_maximum(x, 1), xt::xarray<bool>{{false, false}, {true, false}}));
  DOCTEST_CHECK(same(map::at_least_of_maximum(x, 0), xt::xarray<bool>{{false, true}, {true, true}}));
  const xt::xarray<bool> none{{false, false}, {false, false}};
  DOCTEST_CHECK(same(map::at_least_of_maximum(-xt::abs(x), 0), none));
  DOCTEST_CHECK(same(map::at_least_of_maximum(x * T{0}, 0.2), none));
}

DOCTEST_TEST_CASE("slices and lazy expressions") {
  const auto x = random_map<float>({4, 9}, 5);
  const xt::xarray<float> row = xt::view(x, 2);
  DOCTEST_CHECK(same(map::top_fraction(xt::view(x, 2), 0.3), map::top_fraction(row, 0.3)));
  DOCTEST_CHECK(same(map::at_least(x * 2.0F, 1), map::at_least(x, 0.5)));
}

DOCTEST_TEST_CASE("bad maps and options") {
  const xt::xarray<float> x{1, 2};
  const xt::xarray<float> bad{1, nan_of<float>};
  const auto nothing = xt::xarray<float>::from_shape({0});
  const auto top = [](const auto& map, double fraction) {
    return error_of([&] { static_cast<void>(map::top_fraction(map, fraction)); });
  };
  DOCTEST_CHECK(says(top(x, 1.5), "fraction is 1.5; expected a number in [0, 1]"));
  DOCTEST_CHECK(says(top(x, nan_of<double>), "fraction is nan"));
  DOCTEST_CHECK(says(top(bad, 0.5), "map::top_fraction: the map holds nan at [1]"));
  DOCTEST_CHECK(says(top(nothing, 0.5), "[0] has no elements"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(map::at_least(bad, 0)); }), "map::at_least: the map holds nan"));
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::at_least(x, nan_of<double>)); }), "value is NaN"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(map::at_least_of_maximum(x, -1)); }), "fraction is -1"));
  DOCTEST_CHECK(
      says(error_of([&] { static_cast<void>(map::at_least_of_maximum(bad, 1)); }), "holds nan at [1]"));
}
