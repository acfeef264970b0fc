// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/data/random.hpp>

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

using lumen::data::Random;
using lumen::data::shuffled;

DOCTEST_TEST_CASE("Random: equal keys give equal numbers, any other list of keys another stream") {
  const std::uint64_t first = Random({1, 2, 3}).bits();
  DOCTEST_CHECK(first == Random({1, 2, 3}).bits());
  for (const auto other :
       {Random({3, 2, 1}), Random({1, 2}), Random({1, 2, 3, 0}), Random({1, 2, 4}), Random({})})
    DOCTEST_CHECK(first != Random(other).bits());
}

DOCTEST_TEST_CASE("Random: moments of the uniform and the normal distribution") {
  Random random({7});
  constexpr int count = 200000;
  double mean = 0, normal = 0, square = 0, fourth = 0;
  std::vector<int> counts(5, 0);
  for (int i = 0; i < count; ++i) {
    const double u = random.uniform();
    DOCTEST_REQUIRE((u >= 0.0 && u < 1.0));
    mean += u / count;
    const double z = random.normal();
    normal += z / count;
    square += z * z / count;
    fourth += z * z * z * z / count;
    ++counts.at(random.below(5));
  }
  // Five standard errors each.
  DOCTEST_CHECK(std::abs(mean - 0.5) < 5 * 0.2887 / std::sqrt(count));
  DOCTEST_CHECK(std::abs(normal) < 5 / std::sqrt(count));
  DOCTEST_CHECK(std::abs(square - 1) < 5 * std::sqrt(2.0 / count));
  DOCTEST_CHECK(std::abs(fourth - 3) < 5 * std::sqrt(96.0 / count));
  for (const int n : counts) DOCTEST_CHECK(std::abs(n - count / 5) < 5 * std::sqrt(count * 0.16));
}

DOCTEST_TEST_CASE("shuffled: a permutation that every platform agrees on") {
  const auto order = shuffled(10, Random({0}));
  auto sorted = order;
  std::ranges::sort(sorted);
  for (std::size_t i = 0; i < 10; ++i) DOCTEST_CHECK(sorted[i] == i);
  DOCTEST_CHECK((order == std::vector<std::size_t>{4, 2, 1, 3, 7, 9, 5, 0, 6, 8}));
  DOCTEST_CHECK(shuffled(0, Random({0})).empty());
}

DOCTEST_TEST_CASE("shuffled: every item is as likely at every place") {
  constexpr int runs = 20000;
  std::vector<int> first(6, 0);
  for (std::uint64_t run = 0; run < runs; ++run) ++first.at(shuffled(6, Random({run})).front());
  for (const int n : first) DOCTEST_CHECK(std::abs(n - runs / 6) < 5 * std::sqrt(runs * 5.0 / 36.0));
}
