// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/pair_grid.hpp>

#include <limits>

#include <doctest/doctest.h>

#include "support/message.hpp"
#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::PairGrid;
using view::Rgb;

namespace {

view::Pair pair(double value, std::int64_t side = 20) {
  return {
      .image = at::zeros({1, side, side}), .map = at::full({1, side, side}, value), .title = "disk 0.998"};
}

}  // namespace

//! [pair_grid]
DOCTEST_TEST_CASE("one range serves all maps: equal values have equal colours") {
  const PairGrid grid{.pairs = {pair(-1.0), pair(0.5), pair(3.0), pair(3.0)},
                      .columns = 2,
                      .magnify = 2,
                      .colors = view::colormap::viridis,
                      .unit = "log-odds"};
  DOCTEST_CHECK(grid.ends() == view::Range{-1.0, 3.0});
  const Tensor picture = grid.draw();
  const Rgb high{253, 231, 37}, low{68, 1, 84};
  DOCTEST_CHECK(count(picture, high) >= 2 * 40 * 40);  // two maps, and the bar's end
  DOCTEST_CHECK(count(picture, low) >= 40 * 40);
  DOCTEST_CHECK(count(picture, low) < 2 * 40 * 40);
  DOCTEST_CHECK(picture.size(2) == 2 * (2 * 41) + 3 * 10);
}
//! [pair_grid]

DOCTEST_TEST_CASE("a given range is kept, values that are not finite do not move it") {
  PairGrid grid{.pairs = {pair(1.0), pair(2.0)}};
  grid.pairs[0].map[0][0][0] = std::numeric_limits<double>::quiet_NaN();
  DOCTEST_CHECK(grid.ends() == view::Range{1.0, 2.0});
  grid.range = view::Range{0.0, 9.0};
  DOCTEST_CHECK(grid.ends() == view::Range{0.0, 9.0});
}

DOCTEST_TEST_CASE("maps stand alone where there is no image") {
  PairGrid grid{.pairs = {pair(1.0), pair(2.0)}, .magnify = 2, .colors = view::colormap::viridis};
  for (view::Pair& one : grid.pairs) one.image = Tensor(), one.title.clear();
  const Tensor picture = grid.draw();
  DOCTEST_CHECK(picture.size(2) == 2 * 80 + 3 * 10);  // the least width of a cell
  DOCTEST_CHECK(count(picture, {253, 231, 37}) >= 40 * 40);
}

DOCTEST_TEST_CASE("grids that cannot be drawn are refused") {
  DOCTEST_CHECK(holds(message_of([] { (void)PairGrid{}.draw(); }), "nothing to draw"));
  PairGrid grid{.pairs = {pair(1.0)}};
  grid.pairs[0].image = at::zeros({1, 5, 5});
  DOCTEST_CHECK(holds(message_of([&] { (void)grid.draw(); }), "resize the map"));
  grid.pairs[0].map.fill_(std::numeric_limits<double>::infinity());
  DOCTEST_CHECK(holds(message_of([&] { (void)grid.draw(); }), "no map holds a finite value"));
}
