// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lumen::map {

/// The largest of the magnitudes; 0 for no values.
template <std::floating_point T>
[[nodiscard]] double largest_magnitude(std::span<const T> values) {
  double largest = 0;
  for (const T x : values) largest = std::max(largest, std::abs(static_cast<double>(x)));
  return largest;
}

/// The magnitudes of finite values, ascending: what percentiles by mass and measures of sparsity need. A
/// radix sort on the bits, which for numbers >= 0 are ordered as the numbers are; O(n), some ten times as
/// fast as std::sort on a picture.
template <class T>
  requires std::same_as<T, float> || std::same_as<T, double>
[[nodiscard]] std::vector<T> sorted_magnitudes(std::span<const T> values) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr unsigned digit_bits = 11;
  constexpr std::size_t digits = std::size_t{1} << digit_bits;

  std::vector<T> from(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) from[i] = std::abs(values[i]);
  std::vector<T> to(from.size());
  for (unsigned shift = 0; shift < 8 * sizeof(T); shift += digit_bits) {
    const auto digit = [shift](T x) {
      return static_cast<std::size_t>((std::bit_cast<Bits>(x) >> shift) & static_cast<Bits>(digits - 1));
    };
    std::array<std::size_t, digits> start{};
    for (const T x : from) ++start[digit(x)];
    std::size_t sum = 0;
    for (std::size_t& entry : start) entry = std::exchange(sum, sum + entry);
    for (const T x : from) to[start[digit(x)]++] = x;
    from.swap(to);
  }
  return from;
}

}  // namespace lumen::map
