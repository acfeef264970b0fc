// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/progress.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <lumen/core/terminal_bar.hpp>

static_assert(std::is_convertible_v<lumen::TerminalBar, lumen::Progress>);
static_assert(!std::is_convertible_v<int, lumen::Progress>);

DOCTEST_TEST_CASE("no progress is false, a sink is told what, done and total") {
  DOCTEST_CHECK_FALSE(static_cast<bool>(lumen::Progress{}));
  std::vector<std::string> heard;
  const lumen::Progress sink = [&](std::string_view what, std::int64_t done, std::int64_t total) {
    heard.push_back(std::string(what) + " " + std::to_string(done) + "/" + std::to_string(total));
  };
  sink("rows", 1, 3);
  DOCTEST_CHECK(heard == std::vector<std::string>{"rows 1/3"});
}
