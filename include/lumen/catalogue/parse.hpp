// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/trace/layer.hpp>

/// How values are written where programs take them as words.
namespace lumen::catalogue {

namespace detail {

template <class T>
T read(std::string_view word, const char* kind) {
  T value{};
  const char* const end = word.data() + word.size();
  const auto [stop, failed] = std::from_chars(word.data(), end, value);
  require(failed == std::errc() && stop == end && !word.empty(),
          [&] { return text("'", word, "' is not ", kind); });
  return value;
}

inline bool is_integer(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace detail

/// `all` with one word more, behind a separator unless it is the first.
inline void append(std::string& all, char separator, std::string_view word) {
  if (!all.empty()) all += separator;
  all += word;
}

/// "a, b, c" cut at `at`; a trailing separator gives an empty last part.
[[nodiscard]] inline std::vector<std::string> cut(std::string_view words, char at) {
  std::vector<std::string> parts;
  for (std::size_t from = 0;;) {
    const std::size_t to = words.find(at, from);
    parts.emplace_back(words.substr(from, to - from));
    if (to == std::string_view::npos) return parts;
    from = to + 1;
  }
}

/// @throws Error unless all of `word` is such a number, a finite one
[[nodiscard]] inline std::int64_t to_integer(std::string_view word) {
  return detail::read<std::int64_t>(word, "an integer");
}

[[nodiscard]] inline double to_number(std::string_view word) {
  const auto value = detail::read<double>(word, "a number");
  require(std::isfinite(value), [&] { return text("'", word, "' is not a finite number"); });
  return value;
}

[[nodiscard]] inline std::vector<std::int64_t> to_integers(std::string_view words) {
  std::vector<std::int64_t> values;
  for (const std::string& word : cut(words, ',')) values.push_back(to_integer(word));
  return values;
}

[[nodiscard]] inline std::vector<double> to_numbers(std::string_view words) {
  std::vector<double> values;
  for (const std::string& word : cut(words, ',')) values.push_back(to_number(word));
  return values;
}

/// A number as short as it can be written and read back.
[[nodiscard]] inline std::string written_number(double value) {
  char buffer[32];
  const auto [end, failed] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return {buffer, failed == std::errc() ? end : buffer};
}

/// A layer: PATH, PATH#CALL (a TorchScript module, its call counted from 0), KIND:NUMBER (an operator, from the end if
/// negative), each with :input for what it is given.
/// @throws Error for an empty name or a number that is none
[[nodiscard]] inline trace::Layer to_layer(std::string_view words) {
  const std::string_view whole = words;
  constexpr std::string_view suffix = ":input";
  const bool input = words.ends_with(suffix);
  if (input) words.remove_suffix(suffix.size());
  trace::Layer layer;
  const std::size_t colon = words.rfind(':');
  const std::size_t hash = words.rfind('#');
  if (colon != std::string_view::npos) {
    require(detail::is_integer(words.substr(colon + 1)), [&] {
      return text("layer '", whole, "': '", words.substr(colon + 1),
                  "' is not the number of an operator; write relu:3, conv2d:-1, or a module's path such as ",
                  "layer4.1, and :input for what it is given");
    });
    layer = lumen::layer::nth(std::string(words.substr(0, colon)), to_integer(words.substr(colon + 1)));
  } else if (hash != std::string_view::npos) {
    require(detail::is_integer(words.substr(hash + 1)), [&] {
      return text("layer '", whole, "': '", words.substr(hash + 1), "' is not the number of a call");
    });
    layer = lumen::layer::tap(std::string(words.substr(0, hash)), to_integer(words.substr(hash + 1)));
  } else {
    layer = lumen::layer::tap(std::string(words));
  }
  require(!layer.name.empty(), [&] { return text("layer '", whole, "' has no name"); });
  layer.input = input;
  return layer;
}

[[nodiscard]] inline std::string written_layer(const trace::Layer& layer) {
  const bool tap = layer.by == trace::Layer::By::Tap;
  std::string words = layer.name;
  if (!tap || layer.nth != 0) append(words, tap ? '#' : ':', std::to_string(layer.nth));
  if (layer.input) words += ":input";
  return words;
}

}  // namespace lumen::catalogue
