// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/data/random.hpp>

namespace lumen::data {

/// Which of a set's items train and which test: disjoint, together everything, each in ascending order.
struct Split {
  std::vector<std::size_t> train;
  std::vector<std::size_t> test;
};

/// The first floor(fraction * count) items of a seeded shuffle train, the others test. The same numbers on
/// every platform (see `shuffled`); the items' order must be the same too, so sort them first.
/// @param fraction  of the items that train, in [0, 1]
/// @throws Error    `fraction` is outside [0, 1]
[[nodiscard]] inline Split split(std::size_t count, double fraction = 0.8, std::uint64_t seed = 0) {
  require(fraction >= 0.0 && fraction <= 1.0,
          [&] { return text("split: the training fraction must be in [0, 1], not ", fraction); });
  const auto order = shuffled(count, Random({seed}));
  // The small term lets 0.8 * 5 be 4 although the product may fall just below it.
  const auto first = static_cast<std::size_t>(std::floor(fraction * static_cast<double>(count) + 1e-9));
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(first);
  Split result{.train = {order.begin(), middle}, .test = {middle, order.end()}};
  std::ranges::sort(result.train);
  std::ranges::sort(result.test);
  return result;
}

/// The chosen ones of `items`, in the order of `indices`.
template <class T>
[[nodiscard]] std::vector<T> select(const std::vector<T>& items, const std::vector<std::size_t>& indices) {
  std::vector<T> chosen;
  chosen.reserve(indices.size());
  for (const std::size_t index : indices) chosen.push_back(items.at(index));
  return chosen;
}

}  // namespace lumen::data
