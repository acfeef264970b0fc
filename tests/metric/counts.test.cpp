// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/counts.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
namespace metric = lumen::metric;
using lumen::testing::error_of;
using lumen::testing::says;

DOCTEST_TEST_CASE("pixels are counted, whatever the masks are made of") {
  const xt::xtensor<bool, 2> a{{true, true, false}, {false, true, false}};
  const xt::xtensor<std::uint8_t, 2> b{{0, 255, 1}, {0, 0, 0}};
  const auto check = [](const metric::Counts& n) {
    DOCTEST_CHECK(n.pixels == 6);
    DOCTEST_CHECK(n.first == 3);
    DOCTEST_CHECK(n.second == 2);
    DOCTEST_CHECK(n.both == 1);
  };
  check(metric::count(a, b, "here"));
  check(metric::count(a, xt::cast<int>(b) * 2, "here"));
  const xt::xtensor<bool, 2> columns = xt::transpose(a);
  check(metric::count(xt::transpose(columns), b, "here"));
  xt::xtensor<bool, 4> stack = xt::zeros<bool>({2, 1, 2, 3});
  xt::view(stack, 1, 0) = a;
  check(metric::count(xt::view(stack, xt::range(1, 2)), b, "here"));
}

DOCTEST_TEST_CASE("different shapes, and no pixels") {
  const auto message = [](std::vector<std::size_t> a, std::vector<std::size_t> b) {
    return error_of(
        [&] { static_cast<void>(metric::count(map::filled(a, true), map::filled(b, true), "here")); });
  };
  DOCTEST_CHECK(says(message({1, 2, 3}, {3, 2}), "here: shapes [1, 2, 3] and [3, 2] differ"));
  DOCTEST_CHECK(says(message({0, 3}, {0, 3}), "here: [0, 3] has no elements"));
}
