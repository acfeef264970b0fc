// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/mark.hpp>

#include <doctest/doctest.h>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::Mark;
using view::MarkShape;
using view::Rgb;

namespace {

constexpr Rgb ground{50, 50, 50}, yellow{255, 214, 10}, rim{20, 20, 20};

Tensor marked(const Mark& mark, std::int64_t magnified = 1) {
  Tensor picture = view::blank(41, 41, ground);
  view::draw(picture, mark, magnified);
  return picture;
}

}  // namespace

DOCTEST_TEST_CASE("a cross has four arms with a rim and leaves its pixel visible") {
  const Tensor picture = marked({.row = 20, .column = 15, .radius = 6});
  DOCTEST_CHECK(pixel(picture, 20, 15) == ground);
  DOCTEST_CHECK(pixel(picture, 14, 15) == yellow);
  DOCTEST_CHECK(pixel(picture, 20, 21) == yellow);
  DOCTEST_CHECK(pixel(picture, 20, 22) == rim);
  DOCTEST_CHECK(pixel(picture, 20, 23) == ground);
  DOCTEST_CHECK(count(picture, yellow) == 16);
}

DOCTEST_TEST_CASE("a dot is a disk, a box a frame") {
  const Tensor dot = marked({.row = 20, .column = 20, .shape = MarkShape::Dot, .radius = 2});
  DOCTEST_CHECK(count(dot, yellow) == 13);
  const Tensor box = marked({.row = 20, .column = 20, .shape = MarkShape::Box, .radius = 5});
  DOCTEST_CHECK(count(box, yellow) == 40);
  DOCTEST_CHECK(pixel(box, 20, 20) == ground);
  DOCTEST_CHECK(pixel(box, 15, 25) == yellow);
}

DOCTEST_TEST_CASE("the place is in pixels of the image, magnified to the middle of its square") {
  const Tensor picture = marked({.row = 5, .column = 3, .shape = MarkShape::Dot, .radius = 1}, 4);
  DOCTEST_CHECK(pixel(picture, 22, 14) == yellow);
  DOCTEST_CHECK(count(picture, yellow) == 5);
}

DOCTEST_TEST_CASE("a mark may be cut by the border, but its pixel lies inside") {
  DOCTEST_CHECK(count(marked({.row = 0, .column = 0, .shape = MarkShape::Dot, .radius = 2}), yellow) == 6);
  DOCTEST_CHECK(holds(message_of([] { (void)marked({.row = 41}); }), "row 41, column 0 lies outside"));
  DOCTEST_CHECK(holds(message_of([] { (void)marked({.row = -1}); }), "lies outside"));
  DOCTEST_CHECK(holds(message_of([] { (void)marked({.radius = 0}); }), "radius"));
}
