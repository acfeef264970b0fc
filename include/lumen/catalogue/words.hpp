// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/catalogue/features.hpp>
#include <lumen/catalogue/parse.hpp>
#include <lumen/core/error.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/trace/layer.hpp>

namespace lumen::catalogue {

/// The words for a type with few values: specialised as `static constexpr std::array<std::pair<std::string_view, T>, n>
/// all`.
template <class T>
struct Words;

template <class T>
concept Choice = requires { Words<T>::all.front().second; };

/// What kind of value a T is, for lists of options: "integer", "none|nearest|bilinear".
template <class T>
[[nodiscard]] std::string type_words() {
  if constexpr (Choice<T>) {
    std::string all;
    for (const auto& [word, value] : Words<T>::all) append(all, '|', word);
    return all;
  } else if constexpr (std::same_as<T, bool>) {
    return "true|false";
  } else if constexpr (std::integral<T>) {
    return "integer";
  } else if constexpr (std::floating_point<T>) {
    return "number";
  } else if constexpr (std::same_as<T, std::string>) {
    return "name";
  } else if constexpr (std::same_as<T, std::vector<std::int64_t>>) {
    return "integers";
  } else if constexpr (std::same_as<T, std::vector<double>>) {
    return "numbers";
  } else if constexpr (std::same_as<T, perturb::Features>) {
    return "features";
  } else {
    static_assert(std::same_as<T, std::vector<trace::Layer>>, "this type has no words yet");
    return "layers";
  }
}

template <class T>
[[nodiscard]] std::string written(const T& value) {
  if constexpr (Choice<T>) {
    for (const auto& [word, known] : Words<T>::all) {
      if (known == value) return std::string(word);
    }
    return "";
  } else if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::floating_point<T>) {
    return written_number(value);
  } else if constexpr (std::same_as<T, std::string>) {
    return value;
  } else if constexpr (std::same_as<T, perturb::Features>) {
    return value.name();
  } else if constexpr (std::same_as<T, std::vector<std::int64_t>>) {
    std::string all;
    for (const std::int64_t each : value) append(all, ',', std::to_string(each));
    return all;
  } else if constexpr (std::same_as<T, std::vector<double>>) {
    std::string all;
    for (const double each : value) append(all, ',', written_number(each));
    return all;
  } else if constexpr (std::same_as<T, std::vector<trace::Layer>>) {
    std::string all;
    for (const trace::Layer& layer : value) append(all, ',', written_layer(layer));
    return all;
  } else {
    return std::to_string(value);
  }
}

/// @throws Error that says what was expected
template <class T>
[[nodiscard]] T parsed(std::string_view word) {
  if constexpr (Choice<T>) {
    for (const auto& [known, value] : Words<T>::all) {
      if (known == word) return value;
    }
    throw Error(text("'", word, "' is none of ", type_words<T>()));
  } else if constexpr (std::same_as<T, bool>) {
    require(word == "true" || word == "false",
            [&] { return text("'", word, "' is neither true nor false"); });
    return word == "true";
  } else if constexpr (std::same_as<T, std::string>) {
    return std::string(word);
  } else if constexpr (std::same_as<T, perturb::Features>) {
    return to_features(std::string(word));
  } else if constexpr (std::same_as<T, std::vector<std::int64_t>>) {
    return to_integers(word);
  } else if constexpr (std::same_as<T, std::vector<double>>) {
    return to_numbers(word);
  } else if constexpr (std::same_as<T, std::vector<trace::Layer>>) {
    T layers;
    for (const std::string& each : cut(word, ',')) layers.push_back(to_layer(each));
    return layers;
  } else if constexpr (std::integral<T>) {
    return static_cast<T>(to_integer(word));
  } else {
    return static_cast<T>(to_number(word));
  }
}

}  // namespace lumen::catalogue
