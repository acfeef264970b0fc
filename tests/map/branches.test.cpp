// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/branches.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include <lumen/io/read.hpp>
#include <lumen/map/view.hpp>

#include "map/maps.hpp"
#include "support/segments.hpp"
#include "support/shared.hpp"

namespace map = lumen::map;
using lumen::Tensor;
using lumen::testing::error_of;
using lumen::testing::random_mask;
using lumen::testing::says;

namespace {

map::Array<bool> drawn(const std::vector<std::string>& lines) {
  auto mask = map::filled({lines.size(), lines[0].size()}, false);
  for (std::size_t r = 0; r < lines.size(); ++r)
    for (std::size_t c = 0; c < lines[r].size(); ++c) mask(r, c) = lines[r][c] != '.';
  return mask;
}

map::Array<bool> outside(const map::Array<bool>& mask) {
  auto padded = map::filled({mask.shape(0) + 2, mask.shape(1) + 2}, true);
  for (std::size_t r = 0; r < mask.shape(0); ++r)
    for (std::size_t c = 0; c < mask.shape(1); ++c) padded(r + 1, c + 1) = !mask(r, c);
  return padded;
}

/// Blobs: random pixels, each grown to a disc.
map::Array<bool> blobs(std::size_t size, std::uint32_t seed) {
  const auto points = random_mask({size, size}, 0.01, seed);
  auto mask = map::filled({size, size}, false);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!points.data()[i]) continue;
    const auto radius = static_cast<double>(1 + i % 5);
    for (std::size_t j = 0; j < points.size(); ++j) {
      const double y = static_cast<double>(i / size) - static_cast<double>(j / size),
                   x = static_cast<double>(i % size) - static_cast<double>(j % size);
      if (y * y + x * x <= radius * radius) mask.data()[j] = true;
    }
  }
  return mask;
}

}  // namespace

DOCTEST_TEST_CASE("a skeleton lies inside, is thin, and keeps pieces and holes") {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    const map::Array<bool> mask = blobs(48, seed);
    const map::Array<bool> lines = map::skeleton(mask);
    std::size_t blocks = 0, left = 0, all = 0;
    for (std::size_t r = 0; r < 48; ++r)
      for (std::size_t c = 0; c < 48; ++c) {
        DOCTEST_CHECK((!lines(r, c) || mask(r, c)));
        left += lines(r, c);
        all += mask(r, c);
        if (r + 2 < 48 && c + 2 < 48) {
          bool full = true;
          for (std::size_t k = 0; k < 9; ++k) full = full && lines(r + k / 3, c + k % 3);
          blocks += full;
        }
      }
    DOCTEST_CHECK(blocks == 0);
    DOCTEST_CHECK(left * 2 < all);
    DOCTEST_CHECK(map::components(lines).count() == map::components(mask).count());
    DOCTEST_CHECK(map::components(outside(lines), map::Connectivity::Four).count() ==
                  map::components(outside(mask), map::Connectivity::Four).count());
  }
}

DOCTEST_TEST_CASE("thin slanted lines do not vanish") {
  auto lines = map::filled({20, 20}, false);
  for (std::size_t i = 2; i < 17; ++i)
    lines(i, i) = lines(i, i + 1) = lines(19 - i, i) = lines(19 - i, i - 1) = true;
  const auto thin = map::skeleton(lines);
  std::size_t left = 0;
  for (const bool each : thin) left += each;
  DOCTEST_CHECK(left > 20);
  DOCTEST_CHECK(map::components(thin).count() == 1);
  for (std::uint32_t seed = 40; seed < 60; ++seed) {
    const auto mask = random_mask({24, 24}, 0.55, seed);
    const auto skeleton = map::skeleton(mask);
    DOCTEST_CHECK(map::components(skeleton).count() == map::components(mask).count());
    DOCTEST_CHECK(map::components(outside(skeleton), map::Connectivity::Four).count() ==
                  map::components(outside(mask), map::Connectivity::Four).count());
  }
}

DOCTEST_TEST_CASE("a bar is its middle line, a line is itself, nothing stays nothing") {
  auto bar = map::filled({9, 30}, false);
  for (std::size_t r = 2; r < 7; ++r)
    for (std::size_t c = 3; c < 27; ++c) bar(r, c) = true;
  const auto lines = map::skeleton(bar);
  for (std::size_t c = 6; c < 24; ++c)
    for (std::size_t r = 0; r < 9; ++r) DOCTEST_CHECK(lines(r, c) == (r == 4));
  const auto line = drawn({"......", ".####.", "......"});
  DOCTEST_CHECK(map::skeleton(line) == line);
  DOCTEST_CHECK(map::skeleton(drawn({"...", "..."})) == drawn({"...", "..."}));
  DOCTEST_CHECK(says(error_of([] { (void)map::skeleton(map::filled({2, 3, 3}, true)); }), "map::skeleton"));
}

DOCTEST_TEST_CASE(
    "branches: a Y has three, a ring one, stairs, crossings alone and small squares are one each") {
  const auto count = [](const map::Array<bool>& mask) {
    const auto labels = map::branches(mask);
    std::int32_t most = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      DOCTEST_CHECK((labels.data()[i] != 0) == mask.data()[i]);
      most = std::max(most, labels.data()[i]);
    }
    for (std::int32_t b = 1; b <= most; ++b) {  // every number is there, in one piece
      auto one = map::filled(std::vector<std::size_t>{mask.shape(0), mask.shape(1)}, false);
      for (std::size_t i = 0; i < labels.size(); ++i) one.data()[i] = labels.data()[i] == b;
      DOCTEST_CHECK(map::components(one).count() == 1);
    }
    return most;
  };
  DOCTEST_CHECK(count(drawn({"#.......#",  //
                             ".#.....#.",  //
                             "..#...#..",  //
                             "...#.#...",  //
                             "....#....",  //
                             "....#....",  //
                             "....#....",  //
                             "....#....",  //
                             "....#...."})) == 3);
  DOCTEST_CHECK(count(drawn({"##.......",  // stairs are no crossings
                             ".##......",  //
                             "..##.....",  //
                             "...#.....",  //
                             "...##....",  //
                             "....####."})) == 1);
  DOCTEST_CHECK(count(drawn({".####.",  //
                             "#....#",  //
                             "#....#",  //
                             ".####."})) == 1);
  DOCTEST_CHECK(count(drawn({"......", ".##...", ".##...", "......"})) == 1);
  DOCTEST_CHECK(count(drawn({".#.", "###", ".#."})) == 1);
  DOCTEST_CHECK(count(drawn({"...", "..."})) == 0);
  DOCTEST_CHECK(count(drawn({"###....###"})) == 2);
  for (std::uint32_t seed = 20; seed < 30; ++seed) {
    const auto mask = blobs(40, seed);
    DOCTEST_CHECK(count(mask) >= static_cast<std::int32_t>(map::components(mask).count()));
  }
}

DOCTEST_TEST_CASE("the skeletons of vessels keep pieces and holes, and lie where scikit-image's do") {
  const auto folder = lumen::testing::shared("data/vessmap/labels");
  if (!folder) return;
  std::int64_t mine = 0, theirs = 0, mine_apart = 0, theirs_apart = 0;
  for (const char* name : {"10084", "10571", "11098"}) {
    const Tensor label = lumen::io::read(*folder / (std::string(name) + ".png")).ne(0).reshape({256, 256});
    const auto mask = map::transform<bool>(map::Flat(map::view<bool>(label)), [](bool x) { return x; });
    const auto lines = map::skeleton(mask);
    DOCTEST_CHECK(map::components(lines).count() == map::components(mask).count());
    DOCTEST_CHECK(map::components(outside(lines), map::Connectivity::Four).count() ==
                  map::components(outside(mask), map::Connectivity::Four).count());
    const auto other = lumen::testing::by_scikit_image("skimage.morphology.skeletonize(x > 0)", label);
    if (!other) continue;
    const Tensor a = map::tensor(lines), b = other->ne(0);
    const auto near = [](const Tensor& x) {
      return at::max_pool2d(x.to(at::kFloat).reshape({1, 1, 256, 256}), 3, 1, 1).reshape({256, 256}).gt(0);
    };
    mine += a.sum().item<std::int64_t>();
    theirs += b.sum().item<std::int64_t>();
    mine_apart += a.logical_and(near(b).logical_not()).sum().item<std::int64_t>();
    theirs_apart += b.logical_and(near(a).logical_not()).sum().item<std::int64_t>();
  }
  if (theirs == 0) return;
  DOCTEST_MESSAGE(mine, " and ", theirs, " pixels; not within a pixel of the other: ", mine_apart, " and ",
                  theirs_apart);
  DOCTEST_CHECK(std::abs(mine - theirs) * 20 < theirs);
  DOCTEST_CHECK(mine_apart * 20 < mine);
  DOCTEST_CHECK(theirs_apart * 20 < theirs);
}
