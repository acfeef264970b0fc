// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/check.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::nan_of;
using lumen::testing::says;

DOCTEST_TEST_CASE("an offset and its index") {
  DOCTEST_CHECK(map::index_of(0, {2, 3, 4}) == std::vector<std::size_t>{0, 0, 0});
  DOCTEST_CHECK(map::index_of(23, {2, 3, 4}) == std::vector<std::size_t>{1, 2, 3});
  DOCTEST_CHECK(map::index_of(0, {}).empty());
}

DOCTEST_TEST_CASE("only leading axes of extent 1 are dropped") {
  DOCTEST_CHECK(map::picture_shape({1, 1, 4, 5}) == std::vector<std::size_t>{4, 5});
  DOCTEST_CHECK(map::picture_shape({1, 4, 1, 5}) == std::vector<std::size_t>{4, 1, 5});
  DOCTEST_CHECK(map::picture_shape({1, 1}).empty());
}

DOCTEST_TEST_CASE("the first value that is not finite is named") {
  xt::xarray<double> a = xt::zeros<double>({2, 3});
  DOCTEST_CHECK(error_of([&] { map::require_finite(map::Flat(a), "here"); }).empty());
  a(1, 1) = std::numeric_limits<double>::infinity();
  a(1, 2) = nan_of<double>;
  const std::string message = error_of([&] { map::require_finite(map::Flat(a), "here"); });
  DOCTEST_CHECK(says(message, "here: the map holds inf at [1, 1] of [2, 3]"));
  DOCTEST_CHECK(says(message, "at::nan_to_num"));
  a(1, 0) = -1;
  DOCTEST_CHECK(says(error_of([&] { map::require_non_negative(map::Flat(a), "here"); }), "inf at [1, 1]"));
  a(1, 1) = a(1, 2) = 0;
  const std::string negative = error_of([&] { map::require_non_negative(map::Flat(a), "here"); });
  DOCTEST_CHECK(says(negative, "holds -1 at [1, 0] of [2, 3]"));
  DOCTEST_CHECK(says(negative, "map::split_signs(map).positive"));
}

DOCTEST_TEST_CASE("no elements") {
  const auto nothing = xt::xarray<float>::from_shape({0, 3});
  DOCTEST_CHECK(
      says(error_of([&] { map::require_finite(map::Flat(nothing), "here"); }), "[0, 3] has no elements"));
}

DOCTEST_TEST_CASE("pictures of different shapes name both") {
  const auto check = [](std::vector<std::size_t> a, std::vector<std::size_t> b) {
    const auto x = map::filled(a, 0.0F);
    const auto y = map::filled(b, false);
    return error_of([&] { map::require_same_picture(map::Flat(x), map::Flat(y), "here"); });
  };
  DOCTEST_CHECK(check({1, 1, 2, 3}, {2, 3}).empty());
  DOCTEST_CHECK(check({1, 3}, {3}).empty());
  DOCTEST_CHECK(says(check({2, 3}, {3, 2}), "shapes [2, 3] and [3, 2] differ"));
  DOCTEST_CHECK(says(check({2, 1, 3}, {2, 3}), "shapes [2, 1, 3] and [2, 3] differ"));
}

DOCTEST_TEST_CASE("one picture has rows and columns") {
  DOCTEST_CHECK(map::plane_of({1, 1, 4, 5}, "here").rows == 4);
  DOCTEST_CHECK(map::plane_of({1, 5}, "here").columns == 5);
  DOCTEST_CHECK(says(error_of([] { static_cast<void>(map::plane_of({2, 1, 4, 5}, "here")); }),
                     "shape [2, 1, 4, 5] is not one picture"));
  DOCTEST_CHECK(says(error_of([] { static_cast<void>(map::plane_of({5}, "here")); }), "expected [H, W]"));
}
