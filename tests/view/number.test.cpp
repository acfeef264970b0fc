// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/number.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace lumen;

DOCTEST_TEST_CASE("numbers are written as a person writes them") {
  DOCTEST_CHECK(view::number(0.0) == "0");
  DOCTEST_CHECK(view::number(-0.0) == "0");
  DOCTEST_CHECK(view::number(0.8264) == "0.826");
  DOCTEST_CHECK(view::number(-1.5) == "-1.5");
  DOCTEST_CHECK(view::number(1e-5) == "1e-5");
  DOCTEST_CHECK(view::number(-2.34567e-12, 2) == "-2.3e-12");
  DOCTEST_CHECK(view::number(31348738.0) == "3.13e7");
  DOCTEST_CHECK(view::number(4096.4) == "4096");
  DOCTEST_CHECK(view::number(std::numeric_limits<double>::quiet_NaN()) == "\u2013");
  DOCTEST_CHECK(view::number(-std::numeric_limits<double>::infinity()) == "-inf");
  DOCTEST_CHECK(view::decimals(0.5, 2) == "0.50");
  DOCTEST_CHECK(view::decimals(-1.0 / 3.0) == "-0.333");
  DOCTEST_CHECK(view::decimals(std::numeric_limits<double>::quiet_NaN()) == "\u2013");
}

DOCTEST_TEST_CASE("the marks of an axis are round and lie inside") {
  DOCTEST_CHECK(view::tick_step(0, 1) == doctest::Approx(0.2));
  DOCTEST_CHECK(view::tick_step(0, 60, 6) == doctest::Approx(10));
  DOCTEST_CHECK(view::tick_step(3, 3) == 1.0);
  const auto marks = view::ticks(-0.3, 0.5, 0.2);
  DOCTEST_REQUIRE(marks.size() == 4);
  DOCTEST_CHECK(marks[0] == doctest::Approx(-0.2));
  DOCTEST_CHECK(marks[1] == 0.0);
  DOCTEST_CHECK(marks[3] == doctest::Approx(0.4));
  DOCTEST_CHECK(view::ticks(0, 1e9, 1.0).size() == 100);
}
