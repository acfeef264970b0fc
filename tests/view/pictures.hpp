// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include <lumen/view/picture.hpp>

#include "support/message.hpp"

namespace lumen::testing {

/// The colour of one pixel.
inline view::Rgb pixel(const Tensor& picture, std::int64_t row, std::int64_t column) {
  const auto part = [&](std::int64_t channel) { return picture[channel][row][column].item<std::uint8_t>(); };
  return {part(0), part(1), part(2)};
}

/// How many pixels have this colour.
inline std::int64_t count(const Tensor& picture, view::Rgb color) {
  return ((picture[0] == color.red) & (picture[1] == color.green) & (picture[2] == color.blue))
      .sum()
      .item<std::int64_t>();
}

/// How often `part` occurs in `text`.
inline int occurrences(std::string_view text, std::string_view part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

}  // namespace lumen::testing
