// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <lumen/core/seed.hpp>

namespace lumen::detail {

/// Random numbers of one draw, one after the other: the n-th is a function of (seed, draw, n) alone. The same for all
/// samples of a batch, which so share their coalitions.
class KeyedStream {
 public:
  KeyedStream(std::uint64_t seed, std::int64_t draw) : key_(key_of(seed, 0, draw)) {}

  /// In [0, 1).
  double uniform() { return static_cast<double>(mix(key_, next_++) >> 11) * 0x1p-53; }

  /// In 0 ... n - 1.
  std::int64_t below(std::int64_t n) {
    return std::min(n - 1, static_cast<std::int64_t>(uniform() * static_cast<double>(n)));
  }

  /// The numbers 0 ... n - 1, of which the first `count` are in random places (Fisher and Yates).
  std::vector<std::int64_t> shuffled(std::int64_t n, std::int64_t count) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    for (std::int64_t i = 0; i < count; ++i) {
      std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(i + below(n - i))]);
    }
    return order;
  }

 private:
  std::uint64_t key_, next_ = 0;
};

}  // namespace lumen::detail
