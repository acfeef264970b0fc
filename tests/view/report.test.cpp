// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/report.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <random>

#include "view/pictures.hpp"

#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>

using namespace lumen;
using namespace lumen::testing;
using view::Report;

namespace {

Tensor small() { return view::blank(2, 3, {10, 20, 30}); }

}  // namespace

DOCTEST_TEST_CASE("a page stands alone") {
  const auto path =
      std::filesystem::temp_directory_path() / text("lumen-report-", std::random_device{}(), ".html");
  const Tensor image = at::rand({1, 16, 16}), relevance = at::randn({16, 16});
  //! [report]
  namespace lm = lumen::view;
  lm::Report report{.title = "Why these pixels are a vessel",
                    .lead = "What the page shows, in two sentences."};
  auto& result = report.section("What came out");
  result.facts({{.value = "0.826", .label = "Test IoU", .note = "mean over 20 images"}});
  result.text("First paragraph.\n\nSecond paragraph.");
  result.plot({.x_label = "epoch", .y_label = "loss", .series = {{.name = "test", .y = {1.0, 0.6, 0.5}}}});
  auto& maps = report.section("Maps");
  const lm::Range range = lm::symmetric_range(relevance, 99.5);
  maps.matrix({.columns = {"Image", "Map"},
               .rows = {{.label = "Integrated gradients",
                         .note = "50 passes",
                         .figures = {{.picture = lm::picture(image)},
                                     {.picture = lm::colorize(relevance, lm::colormap::rd_yl_gn, range)}}}}});
  maps.table({.headers = {"Method", "Passes", "Completeness error"},
              .rows = {{"Saliency", "1", "\u2013"}, {"Integrated gradients", "50", lm::number(2e-4)}},
              .best = {lm::Best::None, lm::Best::Lowest, lm::Best::Lowest},
              .caption = "Means over all images."});
  maps.code("./examples/run.sh --out out");
  report.save(path);
  //! [report]
  const std::string page = report.html();
  const auto bytes = io::read_file(path);
  DOCTEST_CHECK(std::string(bytes.begin(), bytes.end()) == page);
  std::filesystem::remove(path);

  DOCTEST_CHECK(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
  DOCTEST_CHECK(page.ends_with("</html>\n"));
  DOCTEST_CHECK(occurrences(page, "<p>") == 2);
  DOCTEST_CHECK(occurrences(page, "<img src=\"data:image/png;base64,iVBORw0KGgo") == 2);
  DOCTEST_CHECK(occurrences(page, "<img") == 2);
  DOCTEST_CHECK(holds(page, "alt=\"Integrated gradients, Map\""));
  for (const char* fetched : {"http:", "https:", "<link", "src=\"/", "@import", "url("})
    DOCTEST_CHECK_FALSE(holds(page, fetched));
}

DOCTEST_TEST_CASE("a picture in the page is the picture that was given") {
  view::Section section("x");
  section.figure(small(), "A caption", "What is seen", 4);
  const std::string& html = section.html();
  DOCTEST_CHECK(holds(html, "data:image/png;base64," + view::base64(io::encode_png(small()))));
  DOCTEST_CHECK(holds(html, "width=\"3\" height=\"2\" alt=\"What is seen\""));
  DOCTEST_CHECK(holds(html, "width:12px"));
  DOCTEST_CHECK(holds(html, "A caption"));
}

DOCTEST_TEST_CASE("no words are obeyed as HTML, wherever they stand") {
  const std::string evil = "<script>alert('1')</script>\"&";
  Report report{.title = evil, .lead = evil, .byline = evil, .footnotes = {evil}, .language = "\"><x"};
  for (int i = 0; i < 3; ++i) {
    view::Section& section = report.section(evil);
    section.heading(evil).text(evil).note(evil).code(evil);
    section.facts({{evil, evil, evil}}).key({{{1, 2, 3}, evil}});
    section.figure({.picture = small(), .title = evil, .caption = evil, .alt = evil});
    section.grid({{.picture = small(), .title = evil, .caption = evil, .alt = evil}});
    section.matrix(
        {.columns = {evil}, .rows = {{.label = evil, .note = evil, .figures = {{.picture = small()}}}}});
    section.table({.headers = {evil}, .rows = {{evil}}, .caption = evil});
    section.plot(
        {.title = evil, .x_label = evil, .y_label = evil, .series = {{evil, {1, 2}}, {evil, {2, 1}}}}, evil);
  }
  const std::string page = report.html();
  DOCTEST_CHECK(occurrences(page, "<script") == 1);  // the page's own
  DOCTEST_CHECK(occurrences(page, "alert(&#39;1&#39;)") > 60);
  DOCTEST_CHECK_FALSE(holds(page, "alert('"));
  DOCTEST_CHECK_FALSE(holds(page, "<x"));
}

DOCTEST_TEST_CASE("sections of one name have places of their own, and references to them stay valid") {
  Report report{.title = "t"};
  view::Section& first = report.section("Maps");
  for (int i = 0; i < 50; ++i) report.section("Maps");
  first.text("here");
  const std::string page = report.html();
  DOCTEST_CHECK(occurrences(page, "id=\"maps\"") == 1);
  DOCTEST_CHECK(occurrences(page, "id=\"maps-51\"") == 1);
  DOCTEST_CHECK(occurrences(page, "href=\"#maps-51\"") == 1);
  DOCTEST_CHECK(page.find("<p>here</p>") < page.find("id=\"maps-2\""));
}

DOCTEST_TEST_CASE("a matrix keeps gaps and refuses rows of another length, without a trace") {
  view::Section section("x");
  section.matrix({.columns = {"a", "b"}, .rows = {{.label = "r", .figures = {{.picture = small()}, {}}}}});
  DOCTEST_CHECK(occurrences(section.html(), "<td></td>") == 2);  // the corner and the gap
  const std::string before = section.html();
  const auto bad = [&] {
    section.matrix({.columns = {"a", "b"}, .rows = {{.label = "r", .figures = {{}}}}});
  };
  DOCTEST_CHECK(holds(message_of(bad), "'r' has 1 pictures, but there are 2 columns"));
  DOCTEST_CHECK(section.html() == before);
}

DOCTEST_TEST_CASE("bad input is refused") {
  view::Section section("x");
  DOCTEST_CHECK(
      holds(message_of([&] { section.figure({.picture = at::zeros({3, 2, 2})}); }), "expected a picture"));
  DOCTEST_CHECK(holds(message_of([&] { section.figure({.picture = small()}, 0); }), "zoom"));
  DOCTEST_CHECK(holds(message_of([] { (void)Report{}.html(); }), "needs a title"));
  DOCTEST_CHECK(
      holds(message_of([] { Report{.title = "t"}.save("/nonexistent/report.html"); }), "report.html"));
}
