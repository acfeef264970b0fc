// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/error.hpp>

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

using lumen::Error;
using lumen::require;
using lumen::text;

static_assert(std::is_base_of_v<std::invalid_argument, Error>);
static_assert(std::is_nothrow_copy_constructible_v<Error>);

DOCTEST_TEST_CASE("text prints its parts one after the other") {
  DOCTEST_CHECK(text("a ", 1, ' ', 2.5, std::string(" b")) == "a 1 2.5 b");
  DOCTEST_CHECK(text(3) == "3");
}

DOCTEST_TEST_CASE("require throws its message when the condition fails, and only then") {
  DOCTEST_CHECK_NOTHROW(require(true, "unused"));
  DOCTEST_CHECK_THROWS_WITH_AS(require(false, "the message"), "the message", Error);
  DOCTEST_CHECK_THROWS_WITH_AS(require(false, std::string("a string")), "a string", Error);
  DOCTEST_CHECK_THROWS_WITH_AS(require(false, [] { return text("built ", 7); }), "built 7", Error);
}

DOCTEST_TEST_CASE("a message is built only when it is needed") {
  int built = 0;
  const auto message = [&] {
    ++built;
    return std::string("x");
  };
  require(true, message);
  DOCTEST_CHECK(built == 0);
  DOCTEST_CHECK_THROWS_AS(require(false, message), Error);
  DOCTEST_CHECK(built == 1);
}

DOCTEST_TEST_CASE("an error knows the place that refused") {
  const auto here = std::source_location::current();
  try {
    require(false, "there");
    DOCTEST_FAIL("no exception");
  } catch (const Error& error) {
    DOCTEST_CHECK(error.where().line() == here.line() + 2);
    DOCTEST_CHECK(std::string(error.where().file_name()).ends_with("error.test.cpp"));
  }
}
