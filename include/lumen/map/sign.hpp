// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>

#include <lumen/map/flat.hpp>

namespace lumen::map {

/// What speaks for the score and what speaks against it: both >= 0, nowhere both above 0.
template <class T>
struct Signs {
  Array<T> positive;
  Array<T> negative;
};

/// positive = max(map, 0), negative = max(-map, 0), so that positive - negative = map exactly. A NaN stays
/// NaN in both.
template <Map E>
[[nodiscard]] Signs<Value<E>> split_signs(const E& map) {
  using T = Value<E>;
  const Flat<E> from(map);
  const auto part = [](T x) { return x > 0 || std::isnan(x) ? x : T{0}; };
  return {.positive = transform<T>(from, part),
          .negative = transform<T>(from, [&](T x) { return part(-x); })};
}

/// |map|: evidence of either sign.
template <Map E>
[[nodiscard]] Array<Value<E>> absolute(const E& map) {
  return transform<Value<E>>(Flat<E>(map), [](auto x) { return std::abs(x); });
}

}  // namespace lumen::map
