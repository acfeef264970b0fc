// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/pace.hpp>

#include <doctest/doctest.h>

#include <chrono>

using lumen::Pace;

DOCTEST_TEST_CASE("what is left follows the pace of this piece of work") {
  const Pace::Clock::time_point start{};
  const auto after = [&](int seconds) { return start + std::chrono::seconds(seconds); };
  Pace pace;
  pace.tell("rows", 10, 100, start);  // ten were done before anybody looked
  DOCTEST_CHECK(pace.seconds_left() == 0.0);
  pace.tell("rows", 30, 100, after(4));
  DOCTEST_CHECK(pace.seconds() == 4.0);
  DOCTEST_CHECK(pace.seconds_left() == doctest::Approx(14.0));
  pace.tell("rows", 30, 200, after(4));  // more turned out to be wanted
  DOCTEST_CHECK(pace.seconds_left() == doctest::Approx(34.0));
  pace.tell("masks", 40, 200, after(5));  // another piece of work
  DOCTEST_CHECK(pace.seconds_left() == 0.0);
  pace.tell("masks", 20, 200, after(7));  // it began again
  DOCTEST_CHECK(pace.seconds() == 0.0);
  pace.tell("masks", 110, 200, after(10));
  DOCTEST_CHECK(pace.seconds_left() == doctest::Approx(3.0));
}
