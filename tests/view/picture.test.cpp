// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/picture.hpp>

#include <doctest/doctest.h>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::Rgb;

DOCTEST_TEST_CASE("gray and RGB images of every type become uint8 [3, H, W]") {
  const Tensor gray = at::tensor({0, 128, 255}, at::kByte).reshape({1, 3});
  for (const Tensor& image : {gray, gray.unsqueeze(0), gray.reshape({1, 1, 1, 3}), gray.to(at::kFloat) / 255,
                              gray.to(at::kInt) * 257}) {
    const Tensor picture = view::picture(image);
    DOCTEST_CHECK((picture.sizes() == at::IntArrayRef({3, 1, 3})));
    DOCTEST_CHECK(pixel(picture, 0, 0) == Rgb{0, 0, 0});
    DOCTEST_CHECK(pixel(picture, 0, 1) == Rgb{128, 128, 128});
    DOCTEST_CHECK(pixel(picture, 0, 2) == Rgb{255, 255, 255});
  }
  const Tensor rgb = at::tensor({1, 2, 3}, at::kByte).reshape({3, 1, 1});
  DOCTEST_CHECK(pixel(view::picture(rgb), 0, 0) == Rgb{1, 2, 3});
}

DOCTEST_TEST_CASE("a range sets black and white; beyond it is clamped, NaN is black") {
  const Tensor image = at::tensor({-5.0f, 2.0f, 3.0f, 9.0f, NAN}).reshape({1, 5});
  const Tensor picture = view::picture(image, view::Range{2.0, 4.0});
  DOCTEST_CHECK(at::equal(picture[1][0], at::tensor({0, 0, 128, 255, 0}, at::kByte)));
}

DOCTEST_TEST_CASE("a picture is a copy, and the image stays as it was") {
  Tensor image = at::zeros({3, 2, 2}, at::kByte);
  view::Canvas(view::picture(image)).fill(0, 0, 2, 2, {9, 9, 9});
  DOCTEST_CHECK(image.max().item<int>() == 0);
}

DOCTEST_TEST_CASE("magnified pixels are squares") {
  const Tensor picture = view::picture(at::tensor({10, 20}, at::kByte).reshape({1, 2}));
  const Tensor large = view::magnify(picture, 3);
  DOCTEST_CHECK((large.sizes() == at::IntArrayRef({3, 3, 6})));
  DOCTEST_CHECK(count(large, {10, 10, 10}) == 9);
  DOCTEST_CHECK(pixel(large, 2, 2) == Rgb{10, 10, 10});
  DOCTEST_CHECK(pixel(large, 0, 3) == Rgb{20, 20, 20});
}

DOCTEST_TEST_CASE("a canvas leaves out what lies outside") {
  Tensor picture = view::blank(4, 5, {1, 1, 1});
  view::Canvas canvas(picture);
  canvas.fill(-2, 3, 4, 10, {7, 8, 9});
  DOCTEST_CHECK(count(picture, {7, 8, 9}) == 4);
  canvas.dot(4, 0, {7, 8, 9});
  canvas.dot(0, -1, {7, 8, 9});
  DOCTEST_CHECK(count(picture, {7, 8, 9}) == 4);
  canvas.paste(view::blank(2, 2, {5, 5, 5}), 3, 4);
  DOCTEST_CHECK(count(picture, {5, 5, 5}) == 1);
}

DOCTEST_TEST_CASE("other shapes are refused") {
  DOCTEST_CHECK(holds(message_of([] { (void)view::picture(at::zeros({2, 4, 4})); }), "1 or 3 channels"));
  DOCTEST_CHECK(holds(message_of([] { (void)view::picture(at::zeros({2, 3, 4, 4})); }), "pick one sample"));
  DOCTEST_CHECK(holds(message_of([] { (void)view::picture(Tensor()); }), "undefined"));
  DOCTEST_CHECK(holds(message_of([] { (void)view::plane(at::zeros({3, 4, 4})); }), "reduce the channels"));
  DOCTEST_CHECK(
      holds(message_of([] { (void)view::magnify(at::zeros({3, 4, 4}), 2); }), "expected a picture"));
  DOCTEST_CHECK(holds(message_of([] { (void)view::magnify(view::blank(2, 2, {}), 0); }), "factor"));
  DOCTEST_CHECK((view::plane(at::zeros({1, 1, 4, 6})).sizes() == at::IntArrayRef({4, 6})));
}
