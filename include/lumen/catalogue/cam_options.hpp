// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/layout.hpp>
#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/engine/noise.hpp>

namespace lumen::catalogue {

template <>
struct Words<Upsample> {
  static constexpr std::array<std::pair<std::string_view, Upsample>, 5> all{{{"none", Upsample::None},
                                                                             {"nearest", Upsample::Nearest},
                                                                             {"bilinear", Upsample::Bilinear},
                                                                             {"bicubic", Upsample::Bicubic},
                                                                             {"area", Upsample::Area}}};
};

template <>
struct Words<NoiseScale> {
  static constexpr std::array<std::pair<std::string_view, NoiseScale>, 2> all{
      {{"of-range", NoiseScale::OfRange}, {"input-units", NoiseScale::InputUnits}}};
};

// A layout is written as-found, channels-first, channels-last, tokens, tokens:ROWSxCOLUMNS,
// tokens:ROWSxCOLUMNS+CLASS_TOKENS or tokens+CLASS_TOKENS.
template <>
inline std::string type_words<Layout>() {
  return "as-found|channels-first|channels-last|tokens[:ROWSxCOLUMNS][+CLASS_TOKENS]";
}
template <>
inline std::string written<Layout>(const Layout& value) {
  return value.given() ? "given" : "as-found";
}
template <>
inline Layout parsed<Layout>(std::string_view word) {
  if (word == "as-found") return {};
  if (word == "channels-first") return layout::ChannelsFirst{};
  if (word == "channels-last") return layout::ChannelsLast{};
  constexpr std::string_view name = "tokens";
  const auto refuse = [&] { return text("'", word, "' is no layout"); };
  require(word.starts_with(name), refuse);
  std::string_view rest = word.substr(name.size());
  require(rest.empty() || rest.front() == ':' || rest.front() == '+', refuse);
  const bool grid = rest.starts_with(':');
  if (grid) rest.remove_prefix(1);
  const std::vector<std::string> parts = cut(rest, '+');
  require(parts.size() <= 2 && parts.front().empty() != grid, refuse);
  layout::Tokens tokens;
  if (grid) {
    const std::vector<std::string> sides = cut(parts.front(), 'x');
    require(sides.size() == 2, refuse);
    tokens.rows = to_integer(sides[0]);
    tokens.columns = to_integer(sides[1]);
  }
  if (parts.size() == 2) tokens.class_tokens = to_integer(parts[1]);
  return tokens;
}

/// Where the channels of a CAM's layer are.
template <class A>
Table<A> with_layout(Table<A> table) {
  return table.option("layout", "where the channels and cells of its values are", &A::layout);
}

/// The options that all CAMs share.
template <class A>
Table<A> with_cam_options(Table<A> table) {
  return with_layout(table.option("positive-part", "what speaks for the score only", &A::positive_part)
                         .option("upsample", "to the input's resolution", &A::upsample));
}

}  // namespace lumen::catalogue
