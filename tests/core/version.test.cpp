// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/version.hpp>

#include <doctest/doctest.h>

#include <string>

DOCTEST_TEST_CASE("the text of the version is that of its numbers") {
  const std::string expected = std::to_string(LUMEN_VERSION_MAJOR) + "." +
                               std::to_string(LUMEN_VERSION_MINOR) + "." +
                               std::to_string(LUMEN_VERSION_PATCH);
  DOCTEST_CHECK(lumen::version == expected);
}
