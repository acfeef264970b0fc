// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/map/flat.hpp>

namespace lumen::testing {

/// Normal numbers; with `levels` > 0 rounded to that many steps a unit, so that values tie.
template <class T>
map::Array<T> random_map(const std::vector<std::size_t>& shape, std::uint32_t seed, int levels = 0) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  auto out = map::filled(shape, T{0});
  for (auto& value : out) {
    const double x = normal(engine);
    value = static_cast<T>(levels > 0 ? std::round(x * levels) / levels : x);
  }
  return out;
}

inline map::Array<bool> random_mask(const std::vector<std::size_t>& shape, double density,
                                    std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::bernoulli_distribution inside(density);
  auto out = map::filled(shape, false);
  for (auto& value : out) value = inside(engine);
  return out;
}

/// The same numbers in another order.
template <class T>
map::Array<T> shuffled(map::Array<T> values, std::uint32_t seed) {
  std::shuffle(values.data(), values.data() + values.size(), std::mt19937(seed));
  return values;
}

/// The message of the lumen::Error that f throws; empty if it throws none.
template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

inline bool says(const std::string& message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

template <class T>
constexpr T nan_of = std::numeric_limits<T>::quiet_NaN();

/// Whether two expressions have equal shapes and elements.
template <class A, class B>
bool same(const A& a, const B& b) {
  const map::Flat<A> x(a);
  const map::Flat<B> y(b);
  return x.shape() == y.shape() && std::ranges::equal(x.values(), y.values());
}

}  // namespace lumen::testing
