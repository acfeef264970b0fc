// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/box.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::random_mask;
using lumen::testing::says;

DOCTEST_TEST_CASE("the box of a mask, and how much of it the mask fills") {
  //! [box]
  const xt::xtensor<bool, 2> mask{
      {false, false, false, false}, {false, true, false, true}, {false, true, true, false}};
  const auto box = lumen::map::bounding_box(mask);     // rows 1 and 2, columns 1 to 3
  const double filled = lumen::map::fill(mask, *box);  // 4 of 6 pixels
  //! [box]
  DOCTEST_CHECK(box == map::Box{.row_begin = 1, .row_end = 3, .column_begin = 1, .column_end = 4});
  DOCTEST_CHECK(box->height() == 2);
  DOCTEST_CHECK(box->width() == 3);
  DOCTEST_CHECK(box->area() == 6);
  DOCTEST_CHECK(filled == doctest::Approx(4.0 / 6));
}

DOCTEST_TEST_CASE("the smallest box that holds every pixel") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const auto mask = random_mask({1, 1, 9, 14}, 0.03, seed);
    const auto box = map::bounding_box(mask);
    std::int64_t inside = 0;
    std::int64_t top = 99, bottom = -1, left = 99, right = -1;
    for (std::int64_t r = 0; r < 9; ++r)
      for (std::int64_t c = 0; c < 14; ++c)
        if (mask(0, 0, static_cast<std::size_t>(r), static_cast<std::size_t>(c))) {
          ++inside;
          top = std::min(top, r), bottom = std::max(bottom, r);
          left = std::min(left, c), right = std::max(right, c);
        }
    DOCTEST_CHECK(box.has_value() == (inside > 0));
    if (!box) continue;
    DOCTEST_CHECK(*box == map::Box{top, bottom + 1, left, right + 1});
    DOCTEST_CHECK(map::fill(mask, *box) == static_cast<double>(inside) / static_cast<double>(box->area()));
  }
}

DOCTEST_TEST_CASE("empty masks, labels, slices and lazy expressions") {
  DOCTEST_CHECK_FALSE(map::bounding_box(map::filled({3, 4}, false)).has_value());
  DOCTEST_CHECK_FALSE(map::bounding_box(map::filled({0, 4}, true)).has_value());
  DOCTEST_CHECK(map::fill(map::filled({3, 4}, true), map::Box{}) == 0.0);
  const xt::xtensor<std::uint8_t, 2> labels{{0, 0}, {0, 255}};
  DOCTEST_CHECK(map::bounding_box(labels) == map::Box{1, 2, 1, 2});
  const xt::xtensor<float, 2> values{{0.1F, 0.9F}, {0.2F, 0.3F}};
  DOCTEST_CHECK(map::bounding_box(values > 0.5F) == map::Box{0, 1, 1, 2});
  xt::xtensor<bool, 3> batch = xt::zeros<bool>({2, 3, 3});
  batch(1, 2, 0) = true;
  DOCTEST_CHECK(map::bounding_box(xt::view(batch, 1)) == map::Box{2, 3, 0, 1});
}

DOCTEST_TEST_CASE("bad shapes and boxes") {
  const auto batch = map::filled({2, 3, 3}, true);
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::bounding_box(batch)); }),
                     "map::bounding_box: shape [2, 3, 3] is not one picture"));
  const auto mask = map::filled({3, 3}, true);
  for (const map::Box& box : {map::Box{0, 4, 0, 1}, map::Box{-1, 2, 0, 1}, map::Box{2, 1, 0, 1},
                              map::Box{0, 1, 0, 4}, map::Box{0, 1, -1, 1}, map::Box{0, 1, 3, 2}})
    DOCTEST_CHECK(
        says(error_of([&] { static_cast<void>(map::fill(mask, box)); }), "leaves the mask of shape [3, 3]"));
}
