// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/report_style.hpp>

#include <doctest/doctest.h>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE(
    "the style is whole: braces pair up, dark names every colour that light names, nothing is fetched") {
  const std::string_view css = view::report_style;
  DOCTEST_CHECK(occurrences(css, "{") == occurrences(css, "}"));
  for (const char* name : {"--paper:", "--card:", "--ink:", "--soft:", "--line:", "--wash:", "--accent:",
                           "--good:", "--series-1:", "--series-6:"})
    DOCTEST_CHECK_MESSAGE(occurrences(css, name) == 2, name);
  DOCTEST_CHECK(holds(css, "prefers-color-scheme:dark"));
  DOCTEST_CHECK(holds(css, "image-rendering:pixelated"));
  for (const char* fetched : {"url(", "@import", "http", "</style"}) DOCTEST_CHECK_FALSE(holds(css, fetched));
  for (const char* fetched : {"http", "fetch(", "import", "</script", "innerHTML"})
    DOCTEST_CHECK_FALSE(holds(view::report_script, fetched));
}
