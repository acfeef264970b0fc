// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/plot.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::LineChart;

DOCTEST_TEST_CASE("a chart draws its series in its frame") {
  //! [plot]
  const lumen::view::LineChart chart{.title = "Loss",
                                     .x_label = "epoch",
                                     .y_label = "cross-entropy + Dice",
                                     .series = {{.name = "training", .y = {1.0, 0.5, 0.25}},
                                                {.name = "test", .y = {1.1, 0.7, 0.6}, .dashed = true}}};
  const std::string svg = chart.svg();
  //! [plot]
  DOCTEST_CHECK(svg.starts_with("<svg class=\"chart\""));
  DOCTEST_CHECK(svg.ends_with("</svg>"));
  for (const char* words : {">Loss<", ">epoch<", ">cross-entropy + Dice<", ">training<", ">test<"})
    DOCTEST_CHECK(holds(svg, words));
  DOCTEST_CHECK(occurrences(svg, "<circle") == 6);
  DOCTEST_CHECK(occurrences(svg, "stroke-dasharray") == 2);  // the line and its sign in the legend
  DOCTEST_CHECK(holds(svg, "training: 0.25 (epoch 3)"));
}

DOCTEST_TEST_CASE("a series of points alone has no line, not even in the legend") {
  LineChart chart{.series = {{.name = "pixels", .y = std::vector<double>(20, 1.0), .line = false},
                             {.name = "fit", .y = {1.0, 2.0}}}};
  const std::string svg = chart.svg();
  DOCTEST_CHECK(occurrences(svg, "<path") == 2);     // the fit, and its sign in the legend
  DOCTEST_CHECK(occurrences(svg, "<circle") == 23);  // 20 and 2 points, and the sign of the points
  DOCTEST_CHECK_FALSE(holds(svg, "transparent"));
  chart.series[0].line = true;
  DOCTEST_CHECK(occurrences(chart.svg(), "<path") == 4);
}

DOCTEST_TEST_CASE("values stand where the axes say") {
  const auto frame = LineChart{.series = {{.y = {0.0, 1.0}}}, .width = 560, .height = 300}.fit();
  DOCTEST_CHECK(frame.y == view::Range{0.0, 1.0});
  DOCTEST_CHECK(frame.column(1.0) == frame.left);
  DOCTEST_CHECK(frame.column(2.0) == frame.right);
  DOCTEST_CHECK(frame.row(0.0) == frame.bottom);
  DOCTEST_CHECK(frame.row(1.0) == frame.top);
  const auto wide = LineChart{.series = {{.y = {0.13, 0.91}}}}.fit();
  DOCTEST_CHECK(wide.y.low == doctest::Approx(0.0));
  DOCTEST_CHECK(wide.y.high == doctest::Approx(1.0));
}

DOCTEST_TEST_CASE("what is not finite leaves a gap") {
  const std::string svg = LineChart{.series = {{.y = {1.0, NAN, 2.0, INFINITY, 3.0, 3.5}}}}.svg();
  DOCTEST_CHECK(occurrences(svg, "<circle") == 4);
  const std::size_t start = svg.find("<path d=\"M");
  const std::string path = svg.substr(start, svg.find('"', start + 10) - start);
  DOCTEST_CHECK(occurrences(path, "M") == 3);
  DOCTEST_CHECK(occurrences(path, "L") == 1);
  DOCTEST_CHECK_FALSE(holds(svg, "nan"));
  DOCTEST_CHECK_FALSE(holds(svg, "inf"));
}

DOCTEST_TEST_CASE("one point, a constant, and a given range have a frame") {
  for (const auto& y :
       {std::vector<double>{3.0}, std::vector<double>{0.0, 0.0}, std::vector<double>{-7.0, -7.0, -7.0}})
    DOCTEST_CHECK_FALSE(holds(LineChart{.series = {{.y = y}}}.svg(), "nan"));
  const auto frame = LineChart{.series = {{.y = {0.4, 0.6}}}, .y_range = view::Range{0, 1}}.fit();
  DOCTEST_CHECK(frame.y == view::Range{0, 1});
}

DOCTEST_TEST_CASE("words are escaped, and bad input is refused") {
  const std::string svg =
      LineChart{.title = "<b>", .series = {{.name = "a<b", .y = {1, 2}}, {.name = "c", .y = {1, 2}}}}.svg();
  DOCTEST_CHECK(holds(svg, "&lt;b&gt;"));
  DOCTEST_CHECK_FALSE(holds(svg, "<b>"));
  DOCTEST_CHECK_FALSE(holds(svg, "a<b"));
  const auto refused = [](const LineChart& chart) { return message_of([&] { (void)chart.svg(); }); };
  DOCTEST_CHECK(holds(refused({}), "no finite value"));
  DOCTEST_CHECK(holds(refused({.series = {{.y = {NAN}}}}), "no finite value"));
  DOCTEST_CHECK(holds(refused({.series = {{.name = "s", .y = {1, 2}, .x = {1}}}}), "'s' has 1 x but 2 y"));
  DOCTEST_CHECK(holds(refused({.series = {{.y = {1}}}, .y_range = view::Range{1, 1}}), "y range"));
}
