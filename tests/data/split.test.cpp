// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/split.hpp>

#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using lumen::data::split;

DOCTEST_TEST_CASE("split: disjoint, complete, ascending, seeded") {
  for (const std::size_t count : {0U, 1U, 5U, 86U}) {
    const auto parts = split(count, 0.8, 3);
    DOCTEST_CHECK(std::ranges::is_sorted(parts.train));
    DOCTEST_CHECK(std::ranges::is_sorted(parts.test));
    std::set<std::size_t> all(parts.train.begin(), parts.train.end());
    all.insert(parts.test.begin(), parts.test.end());
    DOCTEST_CHECK(all.size() == count);
    DOCTEST_CHECK(parts.train.size() + parts.test.size() == count);
  }
  DOCTEST_CHECK(split(86).train.size() == 68);
  DOCTEST_CHECK(split(5).train.size() == 4);
  DOCTEST_CHECK(split(100).train.size() == 80);
  DOCTEST_CHECK(split(86, 0.8, 0).test == split(86, 0.8, 0).test);
  DOCTEST_CHECK(split(86, 0.8, 0).test != split(86, 0.8, 1).test);
  DOCTEST_CHECK(split(4, 0.0).train.empty());
  DOCTEST_CHECK(split(4, 1.0).test.empty());
}

DOCTEST_TEST_CASE("split: a fraction that is none") {
  DOCTEST_CHECK_THROWS_WITH_AS(static_cast<void>(split(4, 1.5)),
                               "split: the training fraction must be in [0, 1], not 1.5", lumen::Error);
}

DOCTEST_TEST_CASE("select: items in the order of the indices") {
  DOCTEST_CHECK((lumen::data::select(std::vector<std::string>{"a", "b", "c"}, {2, 0}) ==
                 std::vector<std::string>{"c", "a"}));
}
