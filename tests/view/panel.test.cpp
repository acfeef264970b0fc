// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/panel.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include <lumen/view/overlay.hpp>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::Cell;
using view::Panel;
using view::Rgb;

namespace {

constexpr Rgb red{250, 1, 2};

Cell cell(std::int64_t side = 60) { return {.picture = view::blank(side, side, red)}; }

}  // namespace

DOCTEST_TEST_CASE("a panel holds every picture, magnified") {
  const Tensor panel = Panel{.cells = {cell(), cell(), cell()}, .columns = 2, .magnify = 3}.draw();
  DOCTEST_CHECK(count(panel, red) == 3 * 180 * 180);
  DOCTEST_CHECK(panel.size(2) == 2 * 180 + 3 * 16);
  DOCTEST_CHECK(pixel(panel, 0, 0) == Panel{}.ground);
}

DOCTEST_TEST_CASE("titles, captions and bars take room and leave the pictures whole") {
  const Tensor bare = Panel{.cells = {cell()}}.draw();
  Cell full = cell();
  full.title = "Integrated gradients";
  full.caption = "50 passes";
  full.bar = view::ColorBar{view::colormap::viridis, {-1.0, 1.0}};
  const Tensor panel = Panel{.cells = {full}, .title = "One image"}.draw();
  DOCTEST_CHECK(panel.size(1) > bare.size(1) + 60);
  DOCTEST_CHECK(count(panel, red) == 120 * 120);
  DOCTEST_CHECK(count(panel, Panel{}.ink) > 100);       // the titles
  DOCTEST_CHECK(count(panel, Panel{}.soft_ink) > 100);  // the caption and the bar's numbers
  DOCTEST_CHECK(count(panel, {68, 1, 84}) > 0);         // both ends of viridis
  DOCTEST_CHECK(count(panel, {253, 231, 37}) > 0);
  DOCTEST_CHECK(count(bare, Panel{}.ink) == 0);
}

DOCTEST_TEST_CASE("zero is written only where the bar's range holds it") {
  const auto soft = [](view::Range range) {
    Cell one = cell(120);
    one.bar = view::ColorBar{view::colormap::viridis, range};
    return count(Panel{.cells = {one}}.draw(), Panel{}.soft_ink);
  };
  // "-1" and "1" differ from "1" and "1" by a minus sign of 4 pixels and the zero: 15 and its tick.
  DOCTEST_CHECK(soft({-1.0, 1.0}) - soft({1.0, 1.0}) > 4 * 4);
  DOCTEST_CHECK(soft({-1.0, -1.0}) - soft({1.0, 1.0}) == 2 * 4 * 4);
}

DOCTEST_TEST_CASE("marks lie on the magnified picture") {
  Cell marked = cell();
  marked.marks = {{.row = 30, .column = 30, .shape = view::MarkShape::Dot, .radius = 3}};
  const Tensor panel = Panel{.cells = {marked}, .magnify = 2}.draw();
  DOCTEST_CHECK(count(panel, marked.marks[0].color) == 29);
  DOCTEST_CHECK(pixel(panel, 16 + 61, 16 + 61) == marked.marks[0].color);
  marked.marks[0].row = 60;
  DOCTEST_CHECK(holds(message_of([&] { (void)Panel{.cells = {marked}}.draw(); }), "lies outside"));
}

DOCTEST_TEST_CASE("a panel is saved as PNG") {
  const auto path =
      std::filesystem::temp_directory_path() / text("lumen-panel-", std::random_device{}(), ".png");
  const Tensor image = at::rand({1, 32, 32}), relevance = at::randn({1, 1, 32, 32});
  //! [panel]
  namespace lm = lumen::view;
  const lm::Range range = lm::symmetric_range(relevance, 99.5);
  const lm::Panel panel{
      .cells = {{.picture = lm::picture(image), .title = "Image"},
                {.picture = lm::colorize(relevance, lm::colormap::rd_yl_gn, range),
                 .title = "Integrated gradients",
                 .caption = "completeness error 2e-4",
                 .bar = lm::ColorBar{lm::colormap::rd_yl_gn, range},
                 .marks = {{.row = 12, .column = 20}}},
                {.picture = lm::Overlay{.range = range}(image, relevance), .title = "Overlay"}},
      .columns = 3,
      .magnify = 4};
  panel.save(path);
  //! [panel]
  DOCTEST_CHECK(at::equal(io::read_image(path), panel.draw()));
  std::filesystem::remove(path);
}

DOCTEST_TEST_CASE("an empty panel and a cell that is no picture are refused; an empty place is not") {
  DOCTEST_CHECK(holds(message_of([] { (void)Panel{}.draw(); }), "nothing to draw"));
  DOCTEST_CHECK(holds(message_of([] { (void)Panel{.cells = {{.picture = at::zeros({3, 4, 4})}}}.draw(); }),
                      "expected a picture"));
  DOCTEST_CHECK(holds(message_of([] { (void)Panel{.cells = {cell()}, .columns = 0}.draw(); }), "columns"));
  DOCTEST_CHECK(count(Panel{.cells = {cell(), Cell{}}, .magnify = 1}.draw(), red) == 60 * 60);
}
