// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace lumen::view {

/// A number as a person writes it: `digits` significant ones, without trailing zeros, an exponent only
/// outside 0.0001..1000000; a dash for NaN.
[[nodiscard]] inline std::string number(double value, int digits = 3) {
  if (std::isnan(value)) return "\u2013";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[64];
  if (const double size = std::abs(value); size >= std::pow(10.0, digits) && size < 1e6) {
    std::snprintf(text, sizeof(text), "%.0f", value);
  } else {
    std::snprintf(text, sizeof(text), "%.*g", digits, value);
  }
  const std::string out = text;
  const std::size_t e = out.find('e');
  if (e == std::string::npos) return out == "-0" ? "0" : out;
  std::string power = out.substr(e + 1);
  const bool minus = power.front() == '-';
  power.erase(0, std::min(power.find_first_not_of("+-0"), power.size() - 1));
  return out.substr(0, e) + (minus ? "e-" : "e") + power;
}

/// A number with a fixed count of decimals: for columns that are compared line by line. A dash for NaN.
[[nodiscard]] inline std::string decimals(double value, int count = 3) {
  if (std::isnan(value)) return "\u2013";
  char text[400];
  std::snprintf(text, sizeof(text), "%.*f", count, value);
  return text;
}

/// The step of an axis with about `count` marks between low and high: 1, 2 or 5 times a power of ten.
[[nodiscard]] inline double tick_step(double low, double high, int count = 5) {
  if (!(high > low) || !std::isfinite(low) || !std::isfinite(high)) return 1.0;
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  return power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10);
}

/// The multiples of `step` (above 0) inside low..high, at most 100.
[[nodiscard]] inline std::vector<double> ticks(double low, double high, double step) {
  std::vector<double> out;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step && out.size() < 100; k += 1)
    out.push_back(k == 0 ? 0.0 : k * step);
  return out;
}

}  // namespace lumen::view
