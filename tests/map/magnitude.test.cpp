// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/map/magnitude.hpp>

#include <doctest/doctest.h>

#include "map/maps.hpp"

namespace map = lumen::map;

DOCTEST_TEST_CASE_TEMPLATE("sorted magnitudes are std::sort's", T, float, double) {
  for (const std::size_t size : {0U, 1U, 2U, 1000U, 5000U}) {
    auto values = lumen::testing::random_map<T>({size}, static_cast<std::uint32_t>(size));
    for (std::size_t i = 0; i < size; ++i)
      values(i) *= static_cast<T>(std::pow(10.0, static_cast<double>(i % 61) - 30.0));
    if (size > 10) {
      values(3) = -T{0};
      values(4) = std::numeric_limits<T>::denorm_min();
      values(5) = -std::numeric_limits<T>::max();
      values(6) = values(7) = T{1};
    }
    std::vector<T> expected(values.begin(), values.end());
    for (T& x : expected) x = std::abs(x);
    std::ranges::sort(expected);
    const map::Flat flat(values);
    DOCTEST_CHECK(map::sorted_magnitudes(flat.values()) == expected);
    DOCTEST_CHECK(map::largest_magnitude(flat.values()) ==
                  (size == 0 ? 0.0 : static_cast<double>(expected.back())));
  }
}
