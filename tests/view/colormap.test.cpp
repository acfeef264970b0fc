// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/colormap.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::Range;
using view::Rgb;
namespace colormap = lumen::view::colormap;

namespace {

bool near(Rgb a, Rgb b) {
  return std::abs(a.red - b.red) <= 1 && std::abs(a.green - b.green) <= 1 && std::abs(a.blue - b.blue) <= 1;
}

}  // namespace

DOCTEST_TEST_CASE("the colours are matplotlib's, to a byte: ends, quarters and the middle") {
  // matplotlib 3.11: matplotlib.colormaps[name](t, bytes=True)
  const std::pair<view::Colormap, std::array<Rgb, 5>> expected[] = {
      {colormap::gray, {{{0, 0, 0}, {64, 64, 64}, {128, 128, 128}, {192, 192, 192}, {255, 255, 255}}}},
      {colormap::viridis, {{{68, 1, 84}, {58, 82, 139}, {32, 144, 140}, {94, 201, 97}, {253, 231, 36}}}},
      {colormap::rd_yl_gn, {{{165, 0, 38}, {248, 142, 82}, {254, 254, 189}, {132, 202, 102}, {0, 104, 55}}}},
      {colormap::rd_bu, {{{103, 0, 31}, {229, 131, 104}, {246, 246, 246}, {104, 170, 207}, {5, 48, 97}}}},
      {colormap::greens, {{{247, 252, 245}, {198, 232, 191}, {115, 195, 117}, {34, 138, 68}, {0, 68, 27}}}},
      {colormap::reds, {{{255, 245, 240}, {252, 186, 160}, {250, 105, 73}, {202, 23, 28}, {103, 0, 12}}}},
      {colormap::blues, {{{247, 251, 255}, {197, 218, 238}, {106, 173, 213}, {32, 112, 180}, {8, 48, 107}}}},
  };
  for (const auto& [colors, five] : expected)
    for (std::size_t i = 0; i < 5; ++i) DOCTEST_CHECK(near(colors(0.25 * static_cast<double>(i)), five[i]));
  static_assert(colormap::gray(0.0) == Rgb{0, 0, 0});
  DOCTEST_CHECK(colormap::viridis(-3.0) == colormap::viridis(0.0));
  DOCTEST_CHECK(colormap::viridis(7.0) == colormap::viridis(1.0));
}

DOCTEST_TEST_CASE("ranges: extremes, percentiles, and symmetric about zero") {
  const Tensor map = at::tensor({-1.0, 0.0, 1.0, 2.0, 7.0}).reshape({1, 5});
  DOCTEST_CHECK(view::min_max_range(map) == Range{-1.0, 7.0});
  DOCTEST_CHECK(view::symmetric_range(map) == Range{-7.0, 7.0});
  DOCTEST_CHECK(view::percentile_range(map, 25, 75) == Range{0.0, 2.0});
  DOCTEST_CHECK(view::percentile_range(map, 0, 90).high == doctest::Approx(5.0));  // numpy.percentile
  DOCTEST_CHECK(view::symmetric_range(map, 75).high == doctest::Approx(2.0));
}

DOCTEST_TEST_CASE("ranges look at finite values only; without any they are zero") {
  const Tensor map = at::tensor({NAN, 3.0f, INFINITY, -4.0f}).reshape({2, 2});
  DOCTEST_CHECK(view::min_max_range(map) == Range{-4.0, 3.0});
  DOCTEST_CHECK(view::symmetric_range(map) == Range{-4.0, 4.0});
  const Tensor none = at::full({2, 2}, NAN);
  DOCTEST_CHECK(view::min_max_range(none) == Range{0.0, 0.0});
  DOCTEST_CHECK(view::symmetric_range(none).high == 0.0);
}

DOCTEST_TEST_CASE("a map with a sign has the light middle at zero, and NaN in magenta") {
  const Tensor relevance = at::tensor({-2.0f, 0.0f, 2.0f, NAN}).reshape({2, 2});
  //! [colorize]
  const lumen::view::Range range = lumen::view::symmetric_range(relevance);
  const lumen::Tensor picture = lumen::view::colorize(relevance, lumen::view::colormap::rd_yl_gn, range);
  //! [colorize]
  DOCTEST_CHECK(pixel(picture, 0, 0) == Rgb{165, 0, 38});
  DOCTEST_CHECK(near(pixel(picture, 0, 1), {254, 254, 189}));
  DOCTEST_CHECK(pixel(picture, 1, 0) == Rgb{0, 104, 55});
  DOCTEST_CHECK(pixel(picture, 1, 1) == view::nan_color);
  DOCTEST_CHECK(pixel(view::colorize(relevance, colormap::gray, range, {1, 2, 3}), 1, 1) == Rgb{1, 2, 3});
}

DOCTEST_TEST_CASE("infinities have the end colours; a constant map the middle one") {
  const Tensor map = at::tensor({-INFINITY, INFINITY, 5.0f}).reshape({1, 3});
  const Tensor picture = view::colorize(map, colormap::gray, {0.0, 5.0});
  DOCTEST_CHECK(pixel(picture, 0, 0) == Rgb{0, 0, 0});
  DOCTEST_CHECK(pixel(picture, 0, 1) == Rgb{255, 255, 255});
  DOCTEST_CHECK(pixel(picture, 0, 2) == Rgb{255, 255, 255});
  DOCTEST_CHECK(pixel(view::colorize(at::full({1, 1}, 3.0), colormap::gray, {3.0, 3.0}), 0, 0) ==
                Rgb{128, 128, 128});
}

DOCTEST_TEST_CASE("bad ranges and shapes are refused") {
  const Tensor map = at::zeros({2, 2});
  const auto refused = [&](Range range) {
    return message_of([&] { (void)view::colorize(map, colormap::gray, range); });
  };
  DOCTEST_CHECK(holds(refused({1.0, 0.0}), "runs backwards"));
  DOCTEST_CHECK(holds(refused({0.0, NAN}), "not finite"));
  DOCTEST_CHECK(holds(message_of([] { (void)view::colorize(at::zeros({3, 2, 2}), colormap::gray, {}); }),
                      "map[0].sum(0)"));
  DOCTEST_CHECK(holds(message_of([&] { (void)view::percentile_range(map, 90, 10); }), "percent"));
}
