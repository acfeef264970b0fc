// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/components.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
using lumen::testing::error_of;
using lumen::testing::random_mask;
using lumen::testing::same;
using lumen::testing::says;

namespace {

/// Labels by flood fill from each unlabelled pixel in turn: the plain way.
map::Array<std::int32_t> flood(const map::Array<bool>& mask, bool corners) {
  const auto rows = static_cast<std::int64_t>(mask.shape(0));
  const auto columns = static_cast<std::int64_t>(mask.shape(1));
  auto labels = map::filled({mask.shape(0), mask.shape(1)}, std::int32_t{0});
  std::int32_t next = 0;
  for (std::int64_t start = 0; start < rows * columns; ++start) {
    if (!mask.data()[start] || labels.data()[start] != 0) continue;
    ++next;
    std::vector<std::int64_t> todo{start};
    while (!todo.empty()) {
      const std::int64_t i = todo.back();
      todo.pop_back();
      if (labels.data()[i] != 0) continue;
      labels.data()[i] = next;
      for (std::int64_t dr = -1; dr <= 1; ++dr)
        for (std::int64_t dc = -1; dc <= 1; ++dc) {
          const std::int64_t r = i / columns + dr;
          const std::int64_t c = i % columns + dc;
          if ((!corners && dr != 0 && dc != 0) || r < 0 || c < 0 || r >= rows || c >= columns) continue;
          if (mask.data()[r * columns + c]) todo.push_back(r * columns + c);
        }
    }
  }
  return labels;
}

}  // namespace

DOCTEST_TEST_CASE("components are those of a flood fill, in the same order") {
  for (std::uint32_t seed = 0; seed < 40; ++seed)
    for (const bool corners : {false, true}) {
      const double density = 0.1 + 0.02 * seed;
      const auto mask = random_mask({1 + seed % 23, 31}, density, seed);
      const auto expected = flood(mask, corners);
      const auto found = map::components(mask, corners ? map::Connectivity::Eight : map::Connectivity::Four);
      DOCTEST_CHECK(same(found.labels, expected));
      DOCTEST_CHECK(static_cast<std::int32_t>(found.count()) ==
                    (expected.size() == 0 ? 0 : xt::amax(expected)()));
      std::int64_t pixels = 0;
      for (std::size_t i = 0; i < found.count(); ++i) {
        const auto one = map::transform<bool>(map::Flat(expected), [&](std::int32_t label) {
          return label == static_cast<std::int32_t>(i + 1);
        });
        const map::Component& component = found.components[i];
        DOCTEST_CHECK(component.box == *map::bounding_box(one));
        DOCTEST_CHECK(component.pixels == std::ranges::count(one, true));
        DOCTEST_CHECK(component.fill() == doctest::Approx(map::fill(one, component.box)));
        pixels += component.pixels;
      }
      DOCTEST_CHECK(pixels == std::ranges::count(mask, true));
    }
}

DOCTEST_TEST_CASE("corners count with eight neighbours only") {
  //! [components]
  const xt::xtensor<bool, 2> mask{{true, false, false, true}, {false, true, false, true}};
  const auto four = lumen::map::components(mask, lumen::map::Connectivity::Four);  // three components
  const auto eight = lumen::map::components(mask);                                 // two
  const auto body = lumen::map::largest_component(mask);                           // of equal ones, the first
  //! [components]
  DOCTEST_CHECK(same(four.labels, xt::xarray<std::int32_t>{{1, 0, 0, 2}, {0, 3, 0, 2}}));
  DOCTEST_CHECK(same(eight.labels, xt::xarray<std::int32_t>{{1, 0, 0, 2}, {0, 1, 0, 2}}));
  DOCTEST_CHECK(same(body, xt::xarray<bool>{{true, false, false, false}, {false, true, false, false}}));
  DOCTEST_CHECK(eight.components[0].box == map::Box{0, 2, 0, 2});
  DOCTEST_CHECK(same(map::largest_component(mask, map::Connectivity::Four),
                     xt::xarray<bool>{{false, false, false, true}, {false, false, false, true}}));
}

DOCTEST_TEST_CASE("a spiral and a comb, whose arms meet late") {
  const xt::xtensor<bool, 2> comb{{true, false, true, false, true}, {true, true, true, true, true}};
  DOCTEST_CHECK(map::components(comb, map::Connectivity::Four).count() == 1);
  const xt::xtensor<bool, 2> hook{{false, false, true}, {true, false, true}, {true, true, true}};
  DOCTEST_CHECK(map::components(hook, map::Connectivity::Four).count() == 1);
  DOCTEST_CHECK(map::components(hook).components[0].box == map::Box{0, 3, 0, 3});
}

DOCTEST_TEST_CASE("empty masks, labels, slices and lazy expressions") {
  const auto empty = map::filled({1, 1, 3, 4}, false);
  DOCTEST_CHECK(map::components(empty).count() == 0);
  DOCTEST_CHECK(same(map::components(empty).labels, map::filled({1, 1, 3, 4}, std::int32_t{0})));
  DOCTEST_CHECK(same(map::largest_component(empty), empty));
  DOCTEST_CHECK(map::components(map::filled({0, 4}, true)).count() == 0);
  const xt::xtensor<std::uint8_t, 2> labels{{255, 0, 1}};
  DOCTEST_CHECK(map::components(labels).count() == 2);
  DOCTEST_CHECK(map::components(xt::cast<int>(labels) > 1).count() == 1);
  DOCTEST_CHECK(map::components(xt::view(labels, xt::all(), xt::range(1, 3))).components[0].box ==
                map::Box{0, 1, 1, 2});
}

DOCTEST_TEST_CASE("several pictures") {
  const auto batch = map::filled({2, 1, 3, 3}, true);
  DOCTEST_CHECK(says(error_of([&] { static_cast<void>(map::components(batch)); }),
                     "map::components: shape [2, 1, 3, 3] is not one picture"));
}
