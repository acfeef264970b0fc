// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/metric/cl_dice.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;
namespace metric = lumen::metric;
using doctest::Approx;
using lumen::testing::error_of;
using lumen::testing::random_mask;
using lumen::testing::says;

DOCTEST_TEST_CASE("the harmonic mean of the two skeletons' shares") {
  //! [cl_dice]
  const xt::xtensor<bool, 2> label{{true, true, true, true}, {true, true, true, true}};
  const xt::xtensor<bool, 2> label_skeleton{{true, true, true, true}, {false, false, false, false}};
  const xt::xtensor<bool, 2> found{{true, true, false, false},
                                   {false, false, false, false}};  // half of the vessel
  const double score =
      lumen::metric::ClDice{}(found, found, label, label_skeleton);  // precision 1, sensitivity 1/2
  //! [cl_dice]
  DOCTEST_CHECK(score == Approx(2.0 / 3));
  DOCTEST_CHECK(metric::ClDice{}(label, label_skeleton, label, label_skeleton) == 1.0);
}

DOCTEST_TEST_CASE("the definition, pixel by pixel, and its symmetry") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const auto p = random_mask({6, 8}, 0.5, seed);
    const auto l = random_mask({6, 8}, 0.5, seed + 50);
    const auto sp = random_mask({6, 8}, 0.2, seed + 100);
    const auto sl = random_mask({6, 8}, 0.2, seed + 150);
    double skeleton_p = 0, right = 0, skeleton_l = 0, reached = 0;
    for (std::size_t i = 0; i < 48; ++i) {
      skeleton_p += sp.data()[i] ? 1 : 0;
      right += sp.data()[i] && l.data()[i] ? 1 : 0;
      skeleton_l += sl.data()[i] ? 1 : 0;
      reached += sl.data()[i] && p.data()[i] ? 1 : 0;
    }
    const double precision = right / skeleton_p;
    const double sensitivity = reached / skeleton_l;
    const double expected = 2 * precision * sensitivity / (precision + sensitivity);
    DOCTEST_CHECK(metric::ClDice{}(p, sp, l, sl) == Approx(expected));
    DOCTEST_CHECK(metric::ClDice{}(l, sl, p, sp) == Approx(expected));
  }
}

DOCTEST_TEST_CASE("empty masks and skeletons have a stated answer") {
  const auto none = map::filled({1, 2, 2}, false);
  const auto all = map::filled({2, 2}, true);
  DOCTEST_CHECK(metric::ClDice{}(none, none, none, none) == 1.0);
  DOCTEST_CHECK(metric::ClDice{.empty = 0}(none, none, none, none) == 0.0);
  DOCTEST_CHECK(metric::ClDice{}(none, none, all, all) == 0.0);
  DOCTEST_CHECK(metric::ClDice{}(all, all, none, none) == 0.0);
  DOCTEST_CHECK(metric::ClDice{}(none, all, none, all) == 0.0);
}

DOCTEST_TEST_CASE("each of the four shapes is checked") {
  const auto a = map::filled({2, 3}, true);
  const auto b = map::filled({3, 2}, true);
  const auto message = [](const auto&... masks) {
    return error_of([&] { static_cast<void>(metric::ClDice{}(masks...)); });
  };
  DOCTEST_CHECK(message(a, a, a, a).empty());
  for (const std::string& one :
       {message(b, a, a, a), message(a, b, a, a), message(a, a, b, a), message(a, a, a, b)}) {
    DOCTEST_CHECK(says(one, "metric::ClDice: shapes"));
    DOCTEST_CHECK(says(one, "[2, 3]"));
    DOCTEST_CHECK(says(one, "[3, 2]"));
  }
}
