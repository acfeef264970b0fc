// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/drawn_disks.hpp>

#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/data/disks.hpp>

#include "support/message.hpp"
#include "support/shared.hpp"

using lumen::Tensor;
using lumen::data::DrawnDisks;
using lumen::data::paint_disks;
using lumen::data::Place;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// The blur by its definition: every point's light on every pixel, mirrored at the border.
Tensor slowly(std::int64_t size, const std::vector<Place>& points, double brightness) {
  std::vector<double> kernel;
  double sum = 0;
  for (int k = -4; k <= 4; ++k) kernel.push_back(std::exp(-0.5 * k * k)), sum += kernel.back();
  const auto mirrored = [&](std::int64_t i) { return i < 0 ? -1 - i : i >= size ? 2 * size - 1 - i : i; };
  Tensor out = at::zeros({size, size}, at::kByte);
  for (std::int64_t r = 0; r < size; ++r)
    for (std::int64_t c = 0; c < size; ++c) {
      double light = 0;
      for (int i = -4; i <= 4; ++i)
        for (int j = -4; j <= 4; ++j)
          for (const Place& p : points)
            if (mirrored(r + i) == p.row && mirrored(c + j) == p.column)
              light += brightness * kernel[static_cast<std::size_t>(i + 4)] *
                       kernel[static_cast<std::size_t>(j + 4)];
      out[r][c] = static_cast<int>(std::min(std::floor(light / (sum * sum) + 1e-9), 255.0));
    }
  return out;
}

struct Moments {
  double mean, spread, maximum;
};
Moments moments(const Tensor& images) {  // of the images' mean brightness, in 1/255
  const Tensor means = images.flatten(1).to(at::kDouble).mean(1) * 255;
  return {means.mean().item<double>(), means.std().item<double>(), images.max().item<double>() * 255};
}

}  // namespace

DOCTEST_TEST_CASE("paint_disks is the blur by its definition, borders included") {
  const std::vector<Place> points{{0, 0}, {0, 1}, {9, 3}, {5, 5}, {11, 11}};
  for (const double brightness : {255.0, 1000.0})
    DOCTEST_CHECK(at::equal(paint_disks(12, points, {}, brightness), slowly(12, points, brightness)));
  std::vector<Place> square;
  for (std::int64_t r = 4; r < 9; ++r)
    for (std::int64_t c = 3; c < 8; ++c) square.push_back({r, c});
  DOCTEST_CHECK(at::equal(paint_disks(12, {{6, 5}}, {{6, 5}}), slowly(12, square, 255)));
  DOCTEST_CHECK(holds(message_of([] { (void)paint_disks(12, {}, {{1, 5}}); }), "at row 1, column 5"));
}

//! [original]
DOCTEST_TEST_CASE("the original's images, to the last bit") {
  const auto folder = lumen::testing::shared("data/seed/disks");
  if (!folder) return;
  // The points of two of its images, found by taking the blur back.
  const std::vector<std::pair<std::int64_t, std::vector<Place>>> known{{0,
                                                                        {{0, 20},
                                                                         {2, 15},
                                                                         {3, 3},
                                                                         {3, 18},
                                                                         {3, 22},
                                                                         {4, 9},
                                                                         {7, 18},
                                                                         {9, 18},
                                                                         {11, 22},
                                                                         {13, 8},
                                                                         {15, 15},
                                                                         {16, 10},
                                                                         {16, 18},
                                                                         {21, 26},
                                                                         {25, 0}}},
                                                                       {6,
                                                                        {{1, 12},
                                                                         {1, 24},
                                                                         {5, 16},
                                                                         {6, 19},
                                                                         {7, 20},
                                                                         {8, 27},
                                                                         {10, 15},
                                                                         {12, 1},
                                                                         {13, 15},
                                                                         {17, 16},
                                                                         {25, 1},
                                                                         {25, 19},
                                                                         {25, 24},
                                                                         {26, 20},
                                                                         {27, 7}}}};
  for (const auto& [set, brightness] : {std::pair{"easier", 255.0}, std::pair{"harder", 1000.0}}) {
    const auto theirs = lumen::data::read_disks(*folder / (std::string("classification_") + set + ".pth"));
    for (const auto& [index, points] : known) {
      DOCTEST_CAPTURE(set);
      const auto bytes = [&](std::int64_t i) { return (theirs.images[i][0] * 255).round().to(at::kByte); };
      DOCTEST_CHECK(at::equal(paint_disks(28, points, {{14, 14}}, brightness), bytes(index)));
      DOCTEST_CHECK(at::equal(paint_disks(28, points, {}, brightness), bytes(100 + index)));
    }
  }
}
//! [original]

DOCTEST_TEST_CASE("drawn sets have the statistics of the original's") {
  const auto folder = lumen::testing::shared("data/seed/disks");
  if (!folder) return;
  for (const auto& [name, recipe] : {std::pair{"easier", DrawnDisks{.seed = 1}},
                                     std::pair{"harder", DrawnDisks{.brightness = 1000, .seed = 2}},
                                     std::pair{"vary_disk", DrawnDisks{.anywhere = true, .seed = 3}}}) {
    const auto theirs = lumen::data::read_disks(*folder / (std::string("classification_") + name + ".pth"));
    const auto ours = recipe.to_classify(100);
    DOCTEST_CHECK(at::equal(ours.labels, theirs.labels));
    DOCTEST_CHECK((ours.images.sizes() == theirs.images.sizes()));
    for (const std::int64_t first : {0, 100}) {
      DOCTEST_CAPTURE(name);
      DOCTEST_CAPTURE(first);
      const Moments a = moments(ours.images.narrow(0, first, 100)),
                    b = moments(theirs.images.narrow(0, first, 100));
      const double error = std::sqrt((a.spread * a.spread + b.spread * b.spread) / 100);
      DOCTEST_CHECK(std::abs(a.mean - b.mean) < 4 * error);
      // Noise varies by points that fall on one pixel alone: few, so that its spread is known to a third.
      DOCTEST_CHECK(a.spread / b.spread > 0.5);
      DOCTEST_CHECK(a.spread / b.spread < 2.0);
    }
    const auto masks = lumen::data::read_disks(*folder / (std::string("segmentation_") + name + ".pth"));
    const auto drawn = recipe.to_segment(100);
    DOCTEST_CHECK((drawn.labels.flatten(1).sum(1).eq(25).all().item<bool>()));
    DOCTEST_CHECK((masks.labels.flatten(1).sum(1).eq(25).all().item<bool>()));
    // Where disks lie: in no, or in all places.
    const Tensor here = drawn.labels.sum(0).gt(0), there = masks.labels.sum(0).gt(0);
    if (recipe.anywhere) {
      DOCTEST_CHECK(here.slice(0, 1, 27).slice(1, 1, 27).to(at::kDouble).mean().item<double>() > 0.9);
      DOCTEST_CHECK((here.sum() - here.slice(0, 1, 27).slice(1, 1, 27).sum()).item<std::int64_t>() == 0);
      DOCTEST_CHECK((there.sum() - there.slice(0, 1, 27).slice(1, 1, 27).sum()).item<std::int64_t>() == 0);
    } else {
      DOCTEST_CHECK(at::equal(here, there));
    }
  }
}

//! [drawn]
DOCTEST_TEST_CASE("an image is a function of the seed and its number, at any size") {
  const DrawnDisks recipe{.size = 64, .anywhere = true, .seed = 5};
  const auto few = recipe.to_segment(2), more = recipe.to_segment(3);
  DOCTEST_CHECK(at::equal(few.images, more.images.narrow(0, 0, 2)));
  DOCTEST_CHECK((more.images.sizes() == at::IntArrayRef{3, 1, 64, 64}));
  const auto classified = recipe.to_classify(2);
  DOCTEST_CHECK(at::equal(classified.images.narrow(0, 0, 2), few.images));
  DOCTEST_CHECK(at::equal(classified.labels, at::tensor({1, 1, 0, 0}, at::kLong)));
  DOCTEST_CHECK_FALSE(at::equal(DrawnDisks{.size = 64, .anywhere = true, .seed = 6}(0).disk, recipe(0).disk));
}
//! [drawn]

DOCTEST_TEST_CASE("disks that cannot be drawn are refused") {
  DOCTEST_CHECK(holds(message_of([] { (void)DrawnDisks{.size = 4}(0); }), "`size` must be at least 8"));
  DOCTEST_CHECK(holds(message_of([] { (void)DrawnDisks{}.to_segment(0); }), "at least one image"));
}
