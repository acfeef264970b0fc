// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

#include <lumen/core/seed.hpp>

namespace lumen::data {

/// Random numbers that are the same with every compiler and library: SplitMix64 (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014), its start hashed from a list of keys such
/// as {seed, epoch, index}. Lists that differ anywhere, in length too, start unrelated streams.
class Random {
 public:
  explicit Random(std::initializer_list<std::uint64_t> keys) : start_(keys.size()) {
    for (const std::uint64_t key : keys) start_ = mix(start_, key);
  }

  /// 64 uniform bits.
  [[nodiscard]] std::uint64_t bits() { return mix(start_, drawn_++); }

  /// Uniform in [0, 1), a multiple of 2^-53.
  [[nodiscard]] double uniform() { return static_cast<double>(bits() >> 11U) * 0x1.0p-53; }

  /// Uniform in [low, high).
  [[nodiscard]] double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// Uniform in {0, ..., count - 1}; `count` >= 1. Exact: the tail that would favour small numbers is
  /// redrawn.
  [[nodiscard]] std::uint64_t below(std::uint64_t count) {
    const std::uint64_t tail = (0 - count) % count;
    std::uint64_t draw = bits();
    while (draw < tail) draw = bits();
    return draw % count;
  }

  [[nodiscard]] bool chance(double probability) { return uniform() < probability; }

  /// Standard normal: Box and Muller, "A note on the generation of random normal deviates", 1958.
  [[nodiscard]] double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t start_;
  std::uint64_t drawn_ = 0;
};

/// The numbers 0 ... count - 1 in a random order (Fisher and Yates, Durstenfeld's form, from the last place
/// down). Unlike std::shuffle, whose result each standard library chooses, this order is part of the
/// contract.
[[nodiscard]] inline std::vector<std::size_t> shuffled(std::size_t count, Random random) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t last = count; last > 1; --last) std::swap(order[last - 1], order[random.below(last)]);
  return order;
}

}  // namespace lumen::data
