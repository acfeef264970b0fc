// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/close_up.hpp>

#include <doctest/doctest.h>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using influence::KeptRow;
using view::CloseUp;
using view::Rgb;

namespace {

constexpr Rgb green{0, 104, 55}, red{165, 0, 38}, blue{64, 160, 255};

/// A row of the pixel (12, 20) of an image of 30 x 40: -1 at (12, 12), 1 at (6, 20), 0.5 at (8, 14).
KeptRow kept() {
  Tensor window = at::zeros({10, 12});
  window[7][2] = -1;
  window[1][10] = 1;
  window[3][4] = 0.5;
  return {.row = 12, .column = 20, .window = window, .top = 5, .left = 10};
}

}  // namespace

DOCTEST_TEST_CASE("CloseUp: the row stands where it belongs, around the pixel's cross") {
  const Tensor image = at::rand({1, 30, 40});
  const auto close = CloseUp{.side = 20}(image, kept());  // rows 2 ... 21, columns 10 ... 29
  DOCTEST_CHECK((close.image.sizes() == at::IntArrayRef{3, 20, 20}));
  DOCTEST_CHECK((close.influence.sizes() == at::IntArrayRef{3, 20, 20}));
  DOCTEST_CHECK(pixel(close.influence, 6 - 2, 20 - 10) == green);
  DOCTEST_CHECK(pixel(close.influence, 12 - 2, 12 - 10) == red);
  const Rgb cross = view::Mark{}.color;
  for (const Tensor& picture : {close.image, close.influence}) {
    DOCTEST_CHECK(pixel(picture, 12 - 2, 20 - 10 + 3) == cross);
    DOCTEST_CHECK(pixel(picture, 12 - 2 + 3, 20 - 10) == cross);
  }
  // where the row is zero the darkened image is seen
  const Rgb before = pixel(close.image, 0, 0), after = pixel(close.influence, 0, 0);
  DOCTEST_CHECK(after.red == doctest::Approx(0.6 * before.red).epsilon(0.02).scale(10));
}

DOCTEST_TEST_CASE("CloseUp: the box holds what is above, and the part ends with the image") {
  const Tensor image = at::zeros({3, 30, 40});
  const auto boxed = CloseUp{.side = 20, .box_above = 0.4}(image, kept());
  // rows 6 ... 12 and columns 12 ... 20: its corners, but for what the cross covers
  DOCTEST_CHECK(pixel(boxed.influence, 6 - 2, 12 - 10) == blue);
  DOCTEST_CHECK(pixel(boxed.influence, 6 - 2, 20 - 10) == blue);
  DOCTEST_CHECK(pixel(boxed.influence, 12 - 2, 12 - 10) == blue);
  DOCTEST_CHECK_FALSE(pixel(boxed.influence, 8 - 2, 14 - 10) == blue);
  DOCTEST_CHECK(count(CloseUp{.side = 20}(image, kept()).influence, blue) == 0);
  DOCTEST_CHECK(count(CloseUp{.side = 20, .box_above = 2}(image, kept()).influence, blue) == 0);
  const auto all = CloseUp{.side = 100}(image, kept());
  DOCTEST_CHECK((all.image.sizes() == at::IntArrayRef{3, 30, 40}));
  KeptRow corner = kept();
  corner.row = 29;
  corner.column = 39;
  DOCTEST_CHECK((CloseUp{.side = 20}(image, corner).image.sizes() == at::IntArrayRef{3, 20, 20}));
}

DOCTEST_TEST_CASE("CloseUp: what does not lie in the image is refused") {
  const Tensor image = at::zeros({1, 30, 40});
  KeptRow outside = kept();
  outside.row = 30;
  DOCTEST_CHECK(
      holds(message_of([&] { (void)CloseUp{}(image, outside); }), "(30, 20) does not lie in the image"));
  outside = kept();
  outside.left = 35;
  DOCTEST_CHECK(holds(message_of([&] { (void)CloseUp{}(image, outside); }), "does not lie in the image"));
  DOCTEST_CHECK(holds(message_of([&] { (void)CloseUp{}(image[0], kept()); }), "expected an image [C, H, W]"));
}
