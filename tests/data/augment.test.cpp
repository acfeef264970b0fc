// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/augment.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

using lumen::Tensor;
using lumen::data::Augment;
using lumen::data::Sample;

namespace {

/// Image, label and skeleton that hold the same thing: each pixel its own number, or a function of it.
Sample numbered(std::int64_t height, std::int64_t width) {
  const Tensor number = at::arange(height * width, at::kLong).view({height, width});
  return {.image = number.to(at::kFloat).unsqueeze(0),
          .label = number,
          .skeleton = number.remainder(3).eq(0),
          .name = "numbers",
          .weight = number.to(at::kFloat) / 2};
}

}  // namespace

DOCTEST_TEST_CASE("Augment: image, label, skeleton and weight stay aligned") {
  const Sample sample = numbered(20, 30);
  std::set<std::string> seen;
  for (std::uint64_t index = 0; index < 64; ++index) {
    const Sample view = Augment{.crop = 16, .seed = 5}(sample, 2, index);
    DOCTEST_REQUIRE((view.image.sizes() == at::IntArrayRef{1, 16, 16}));
    DOCTEST_REQUIRE(view.image.is_contiguous());
    DOCTEST_CHECK(at::equal(view.image[0].to(at::kLong), view.label));
    DOCTEST_CHECK(at::equal(view.label.remainder(3).eq(0), view.skeleton));
    DOCTEST_CHECK(at::equal(view.image[0] / 2, view.weight));
    const auto at_corner = [&](std::int64_t r, std::int64_t c) {
      return view.label[r][c].item<std::int64_t>();
    };
    const bool mirrored = at_corner(0, 0) > at_corner(0, 15);
    const bool upside_down = at_corner(0, 0) > at_corner(15, 0);
    seen.insert(std::to_string(mirrored) + std::to_string(upside_down));
  }
  DOCTEST_CHECK(seen.size() == 4);  // every combination of the flips
  DOCTEST_CHECK(at::equal(sample.label, numbered(20, 30).label));
}

DOCTEST_TEST_CASE("Augment: what is drawn depends on seed, epoch and index alone") {
  const Sample sample = numbered(40, 40);
  const auto label = [&](std::uint64_t seed, std::uint64_t epoch, std::uint64_t index) {
    return Augment{.crop = 8, .seed = seed}(sample, epoch, index).label;
  };
  const Tensor one = label(1, 2, 3);
  static_cast<void>(label(9, 9, 9));
  DOCTEST_CHECK(at::equal(one, label(1, 2, 3)));
  DOCTEST_CHECK(!at::equal(one, label(0, 2, 3)));
  DOCTEST_CHECK(!at::equal(one, label(1, 0, 3)));
  DOCTEST_CHECK(!at::equal(one, label(1, 2, 0)));
}

DOCTEST_TEST_CASE("Augment: no crop and no flip is the sample itself; a missing skeleton stays missing") {
  Sample sample = numbered(6, 9);
  sample.skeleton = Tensor();
  const Sample same = Augment{.crop = 0, .horizontal_flip = 0.0, .vertical_flip = 0.0}(sample, 0, 0);
  DOCTEST_CHECK(at::equal(same.image, sample.image));
  DOCTEST_CHECK(!same.skeleton.defined());
}

DOCTEST_TEST_CASE("Augment: a crop that does not fit names the sample") {
  DOCTEST_CHECK_THROWS_WITH_AS(
      static_cast<void>(Augment{.crop = 10}(numbered(6, 30), 0, 0)),
      "Augment: a crop of 10 pixels does not fit into 'numbers' (6 x 30); choose a smaller "
      "crop, or 0 for the whole image",
      lumen::Error);
}

DOCTEST_TEST_CASE("Augment: transposition keeps the parts aligned, brightness changes the image alone") {
  const Sample sample = numbered(12, 12);
  const Augment turn{.crop = 0, .horizontal_flip = 0, .vertical_flip = 0, .transposition = 1};
  const Sample turned = turn(sample, 0, 0);
  DOCTEST_CHECK(at::equal(turned.label, sample.label.t()));
  DOCTEST_CHECK(at::equal(turned.image[0], sample.image[0].t()));
  DOCTEST_CHECK(at::equal(turned.skeleton, sample.skeleton.t()));
  DOCTEST_CHECK_THROWS_WITH_AS(static_cast<void>(turn(numbered(4, 6), 0, 0)),
                               "Augment: only a square can be transposed, not 4 x 6", lumen::Error);

  Sample gray = sample;
  gray.image = at::full({1, 12, 12}, 0.5);
  std::set<float> seen;
  for (std::uint64_t index = 0; index < 40; ++index) {
    const Sample view = Augment{.crop = 4, .gain = 0.9}(gray, 0, index);
    const float value = view.image[0][0][0].item<float>();
    DOCTEST_CHECK((view.image == value).all().item<bool>());
    DOCTEST_CHECK(value >= 0.5F * std::exp(-0.9F) - 1e-6F);
    DOCTEST_CHECK(value <= 1.0F);
    DOCTEST_CHECK(at::equal(view.label, Augment{.crop = 4}(gray, 0, index).label));
    seen.insert(value);
  }
  DOCTEST_CHECK(seen.size() > 20);
  DOCTEST_CHECK(at::equal(gray.image, at::full({1, 12, 12}, 0.5)));
}
