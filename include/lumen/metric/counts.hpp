// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string_view>

#include <lumen/map/check.hpp>

namespace lumen::metric {

/// Two masks, counted in pixels.
struct Counts {
  double pixels = 0;
  double first = 0;
  double second = 0;
  double both = 0;
};

/// @throws Error  different pictures, or no pixels
template <map::Mask A, map::Mask B>
[[nodiscard]] Counts count(const A& first, const B& second, std::string_view who) {
  const map::Flat<A> a(first);
  const map::Flat<B> b(second);
  map::require_same_picture(a, b, who);
  map::require_elements(a, who);
  std::size_t in_a = 0;
  std::size_t in_b = 0;
  std::size_t in_both = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool is_a = a[i] != 0;
    const bool is_b = b[i] != 0;
    in_a += is_a ? 1U : 0U;
    in_b += is_b ? 1U : 0U;
    in_both += is_a && is_b ? 1U : 0U;
  }
  return {.pixels = static_cast<double>(a.size()),
          .first = static_cast<double>(in_a),
          .second = static_cast<double>(in_b),
          .both = static_cast<double>(in_both)};
}

}  // namespace lumen::metric
