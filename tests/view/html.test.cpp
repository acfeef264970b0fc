// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/html.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace lumen;

DOCTEST_TEST_CASE("base64 gives the vectors of RFC 4648") {
  const auto of = [](std::string_view text) {
    return view::base64(std::vector<std::uint8_t>(text.begin(), text.end()));
  };
  DOCTEST_CHECK(of("").empty());
  DOCTEST_CHECK(of("f") == "Zg==");
  DOCTEST_CHECK(of("fo") == "Zm8=");
  DOCTEST_CHECK(of("foo") == "Zm9v");
  DOCTEST_CHECK(of("foob") == "Zm9vYg==");
  DOCTEST_CHECK(of("fooba") == "Zm9vYmE=");
  DOCTEST_CHECK(of("foobar") == "Zm9vYmFy");
  DOCTEST_CHECK(view::base64(std::vector<std::uint8_t>{0xFB, 0xFF, 0xFE}) == "+//+");
}

DOCTEST_TEST_CASE("markup becomes text") {
  DOCTEST_CHECK(view::escape("<a href=\"x\">&'</a>") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
  DOCTEST_CHECK(view::escape("a\x01\x7f\n\tb \u00e9") == "a  \n\tb \u00e9");
  DOCTEST_CHECK(view::escape(std::string_view("\0", 1)) == " ");
}

DOCTEST_TEST_CASE("anchors are letters, digits and dashes") {
  DOCTEST_CHECK(view::anchor("Methods by metrics") == "methods-by-metrics");
  DOCTEST_CHECK(view::anchor("  IoU > 0.8? ") == "iou-0-8");
  DOCTEST_CHECK(view::anchor("\u00e9\"<") == "section");
}
