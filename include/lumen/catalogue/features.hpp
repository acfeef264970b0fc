// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <lumen/catalogue/parse.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/segment/branches.hpp>
#include <lumen/perturb/segment/cells.hpp>
#include <lumen/perturb/segment/connected.hpp>
#include <lumen/perturb/segment/felzenszwalb.hpp>
#include <lumen/perturb/segment/grid.hpp>
#include <lumen/perturb/segment/prediction.hpp>
#include <lumen/perturb/segment/slic.hpp>

namespace lumen::catalogue {

/// Masks of features that a program knows by further words, such as files: integers, [H, W] or [N, 1, H, W]. None for words
/// that it does not know.
using MoreMasks = std::function<std::optional<Tensor>(const std::string& words)>;

namespace detail {

constexpr const char* feature_words =
    "what is taken away together: elements, grid:SIDE, cells:COUNT, slic:SEGMENTS,COMPACTNESS, "
    "felzenszwalb:SCALE,SIGMA,SMALLEST, "
    "prediction, components and skeleton (of the predicted regions, or with :FILE of a mask), or a file of "
    "labels";

/// Up to `names.size()` numbers behind a name, each into its place.
inline void into(const std::string& words, const std::string& name, std::vector<double*> places) {
  if (words.empty()) return;
  const std::vector<double> values = to_numbers(words);
  require(values.size() <= places.size(), [&] {
    return text("features ", name, " takes at most ", places.size(), " numbers, got '", words, "'");
  });
  for (std::size_t i = 0; i < values.size(); ++i) *places[i] = values[i];
}

inline std::int64_t whole_number(double value, const std::string& words) {
  const auto whole = static_cast<std::int64_t>(value);
  require(static_cast<double>(whole) == value,
          [&] { return text("features '", words, "': ", value, " is not an integer"); });
  return whole;
}

/// Words that only a program can turn into features, once it is known: see `with_masks`.
struct UnknownFeatures {
  std::string words;
  [[nodiscard]] Tensor operator()(const Tensor&) const {
    throw Error(text("features '", words, "' are neither known nor a file; write ", feature_words));
  }
};

}  // namespace detail

namespace detail {

inline std::optional<perturb::Features> named_features(const std::string& words) {
  const std::size_t colon = words.find(':');
  const std::string name = words.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : words.substr(colon + 1);
  if (words == "elements") return perturb::Features{};
  if (words == "components") return perturb::Connected<>{};
  if (words == "skeleton") return perturb::Branches<>{};
  if (name == "grid") {
    double side = 0;
    into(rest, name, {&side});
    return perturb::Grid{.side = whole_number(side, words)};
  }
  if (name == "cells") {
    perturb::Cells cells;
    auto count = static_cast<double>(cells.count);
    into(rest, name, {&count});
    cells.count = whole_number(count, words);
    return cells;
  }
  if (name == "slic") {
    perturb::Slic slic;
    auto segments = static_cast<double>(slic.segments);
    into(rest, name, {&segments, &slic.compactness});
    slic.segments = whole_number(segments, words);
    return slic;
  }
  if (name == "felzenszwalb") {
    perturb::Felzenszwalb felzenszwalb;
    auto smallest = static_cast<double>(felzenszwalb.smallest);
    into(rest, name, {&felzenszwalb.scale, &felzenszwalb.sigma, &smallest});
    felzenszwalb.smallest = whole_number(smallest, words);
    return felzenszwalb;
  }
  if (name == "prediction") {
    double threshold = 0;
    into(rest, name, {&threshold});
    return perturb::Prediction{.threshold = rest.empty() ? std::optional<double>{} : threshold};
  }
  return std::nullopt;
}

}  // namespace detail

/// elements, grid, grid:16, slic:50,10, felzenszwalb:100,0.8,20, prediction, prediction:0.5, components, skeleton; words
/// that are none of these are kept for `with_masks`.
/// @throws Error for numbers that are none, or too many
[[nodiscard]] inline perturb::Features to_features(const std::string& words) {
  return detail::named_features(words).value_or(detail::UnknownFeatures{words}).named(words);
}

/// The same features; those whose words are FILE, components:FILE or skeleton:FILE by the mask that `more` knows.
/// @throws Error for words that nothing knows
[[nodiscard]] inline perturb::Features with_masks(const perturb::Features& features, const MoreMasks& more) {
  const std::string& words = features.name();
  if (words.empty() || detail::named_features(words)) return features;
  const std::size_t colon = words.find(':');
  const std::string kind = words.substr(0, colon);
  const bool components = kind == "components", of_mask = components || kind == "skeleton";
  const std::optional<Tensor> mask =
      more ? more(of_mask ? words.substr(colon + 1) : words) : std::optional<Tensor>{};
  if (!mask) (void)detail::UnknownFeatures{words}({});
  const perturb::GivenLabels labels{*mask};
  perturb::Features made = labels;
  if (of_mask) made = components ? perturb::Features(perturb::Connected{labels}) : perturb::Branches{labels};
  return made.named(words);
}

}  // namespace lumen::catalogue
