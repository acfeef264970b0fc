// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/overlay.hpp>

#include <doctest/doctest.h>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::Blend;
using view::Overlay;
using view::Rgb;

DOCTEST_TEST_CASE("by magnitude: the image where the map is zero, its colour where it is largest") {
  const Tensor image = at::full({1, 1, 3}, 100, at::kByte);
  const Tensor map = at::tensor({-1.0, 0.0, 1.0}).reshape({1, 3});
  //! [overlay]
  const lumen::view::Overlay overlay{.range = lumen::view::Range{-1, 1}, .alpha = 1.0};
  const lumen::Tensor picture = overlay(image, map);
  //! [overlay]
  DOCTEST_CHECK(pixel(picture, 0, 0) == Rgb{165, 0, 38});
  DOCTEST_CHECK(pixel(picture, 0, 1) == Rgb{100, 100, 100});
  DOCTEST_CHECK(pixel(picture, 0, 2) == Rgb{0, 104, 55});
}

DOCTEST_TEST_CASE("a constant share mixes everywhere alike, and leaves NaN to the image") {
  const Tensor image = at::full({1, 2}, 200, at::kByte);
  const Tensor map = at::tensor({0.0f, NAN}).reshape({1, 2});
  const Overlay half{
      .colors = view::colormap::gray, .range = view::Range{0, 1}, .alpha = 0.5, .blend = Blend::Constant};
  DOCTEST_CHECK(pixel(half(image, map), 0, 0) == Rgb{100, 100, 100});
  DOCTEST_CHECK(pixel(half(image, map), 0, 1) == Rgb{200, 200, 200});
  DOCTEST_CHECK(pixel(Overlay{.alpha = 0.0, .blend = Blend::Constant}(image, map), 0, 0) ==
                Rgb{200, 200, 200});
}

DOCTEST_TEST_CASE("a map of zeros leaves the image") {
  const Tensor image = at::full({4, 4}, 77, at::kByte);
  DOCTEST_CHECK(count(Overlay{}(image, at::zeros({4, 4})), {77, 77, 77}) == 16);
}

DOCTEST_TEST_CASE(
    "an outline is the mask's pixels with a neighbour outside; the border of the image is none") {
  const Tensor mask = at::zeros({5, 6});
  mask.narrow(0, 1, 4).narrow(1, 1, 3).fill_(1);  // rows 1 to 4, columns 1 to 3, down to the border
  const Tensor edge = view::outline(mask);
  DOCTEST_CHECK(edge.sum().item<int>() == 12 - 3);
  DOCTEST_CHECK_FALSE(edge[2][2].item<bool>());
  DOCTEST_CHECK_FALSE(edge[4][2].item<bool>());
  DOCTEST_CHECK(edge[1][2].item<bool>());
  DOCTEST_CHECK(edge[4][3].item<bool>());
  DOCTEST_CHECK(view::outline(at::ones({3, 3})).sum().item<int>() == 0);
  DOCTEST_CHECK(view::outline(at::zeros({1, 1})).sum().item<int>() == 0);
}

DOCTEST_TEST_CASE("a tint colours the mask and nothing else") {
  const Tensor image = at::full({1, 2}, 100, at::kByte);
  const Tensor mask = at::tensor({0, 1}).reshape({1, 2});
  const Tensor picture = view::tint(image, mask, {200, 0, 100}, 0.5);
  DOCTEST_CHECK(pixel(picture, 0, 0) == Rgb{100, 100, 100});
  DOCTEST_CHECK(pixel(picture, 0, 1) == Rgb{150, 50, 100});
}

DOCTEST_TEST_CASE("sizes that differ are refused") {
  const Tensor image = at::zeros({1, 4, 4});
  DOCTEST_CHECK(
      holds(message_of([&] { (void)Overlay{}(image, at::zeros({4, 5})); }), "4 x 4, but the map 4 x 5"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)view::tint(image, at::zeros({3, 4}), {}); }), "but the mask 3 x 4"));
  DOCTEST_CHECK(holds(message_of([&] { (void)Overlay{.alpha = 2.0}(image, at::zeros({4, 4})); }), "0..1"));
}
