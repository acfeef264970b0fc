// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/table.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::Best;
using view::Table;

DOCTEST_TEST_CASE("an entry's number is what it begins with") {
  DOCTEST_CHECK(*Table::value("0.83") == 0.83);
  DOCTEST_CHECK(*Table::value("-1e-5") == -1e-5);
  DOCTEST_CHECK(*Table::value("12 ms") == 12.0);
  DOCTEST_CHECK(*Table::value("85%") == 85.0);
  DOCTEST_CHECK(*Table::value("0.8 \u00b1 0.1") == 0.8);
  DOCTEST_CHECK(*Table::value("3\u00d7") == 3.0);
  DOCTEST_CHECK(std::isnan(*Table::value("\u2013")));
  DOCTEST_CHECK(std::isnan(*Table::value("")));
  for (const char* words : {"Saliency", "3D U-Net", "infinite", "-x", "10084.tiff"})
    DOCTEST_CHECK_FALSE(Table::value(words).has_value());
}

DOCTEST_TEST_CASE("numeric columns are set to the right and carry their value; the best is marked") {
  const std::string html =
      Table{.headers = {"Method", "Passes", "Overlap"},
            .rows = {{"Saliency", "1", "0.20"}, {"IG", "50", "0.61"}, {"Blur IG", "50", "\u2013"}},
            .best = {Best::None, Best::Lowest, Best::Highest},
            .caption = "Means."}
          .html();
  DOCTEST_CHECK(occurrences(html, "<th scope=\"col\" class=\"n\">") == 2);
  DOCTEST_CHECK(occurrences(html, "<th scope=\"row\">") == 3);
  DOCTEST_CHECK(occurrences(html, "n best") == 2);
  DOCTEST_CHECK(holds(html, "<td class=\"n best\" data-v=\"1\">1</td>"));
  DOCTEST_CHECK(holds(html, "<td class=\"n best\" data-v=\"0.61\">0.61</td>"));
  DOCTEST_CHECK(holds(html, "data-v=\"NaN\">\u2013</td>"));
  DOCTEST_CHECK(holds(html, "<figcaption>Means.</figcaption>"));
}

DOCTEST_TEST_CASE("equal best values are all marked; a column of dashes marks none") {
  const std::string html = Table{
      .headers = {"a", "b"},
      .rows = {{"1", "-"}, {"1", "-"}, {"2", "-"}},
      .best = {Best::Lowest,
               Best::Highest}}.html();
  DOCTEST_CHECK(occurrences(html, "n best") == 2);
}

DOCTEST_TEST_CASE("entries are escaped, and rows of another length refused") {
  const std::string html = Table{.headers = {"<h>"}, .rows = {{"<x>"}}}.html();
  DOCTEST_CHECK(holds(html, "&lt;h&gt;"));
  DOCTEST_CHECK(holds(html, "&lt;x&gt;"));
  DOCTEST_CHECK(holds(message_of([] { (void)Table{.headers = {"a", "b"}, .rows = {{"1"}}}.html(); }),
                      "1 entries, but there are 2 headers"));
  DOCTEST_CHECK(holds(message_of([] { (void)Table{}.html(); }), "needs headers"));
}
