// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/view/font.hpp>
#include <lumen/view/picture.hpp>

namespace lumen::view {

/// How text is drawn: each pixel of the 9-row font as a square of `scale` x `scale`.
struct TextStyle {
  std::int64_t scale = 2;  ///< 1..64
  Rgb color{28, 28, 30};
};

namespace text_detail {

/// The glyphs of a line of UTF-8. Dashes and the minus sign become '-', the multiplication sign 'x',
/// typographic quotes plain ones; any other character outside ASCII becomes one hollow box.
inline std::vector<Glyph> glyphs(std::string_view line) {
  std::vector<Glyph> out;
  const auto ascii = [&](char c) { out.push_back(font[static_cast<std::size_t>(c - ' ')]); };
  for (std::size_t i = 0; i < line.size();) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
    const std::string_view sign = line.substr(i, length);
    i += sign.size();
    if (byte >= 0x20 && byte < 0x7F) {
      ascii(line[i - 1]);
    } else if (sign == "\u2212" || sign == "\u2013" || sign == "\u2014") {
      ascii('-');
    } else if (sign == "\u00d7") {
      ascii('x');
    } else if (sign == "\u2018" || sign == "\u2019") {
      ascii('\'');
    } else if (sign == "\u201c" || sign == "\u201d") {
      ascii('"');
    } else {
      out.push_back(missing_glyph);
    }
  }
  return out;
}

}  // namespace text_detail

/// Width of a line in screen pixels; its height is 9 * scale.
[[nodiscard]] inline std::int64_t text_width(std::string_view line, const TextStyle& style = {}) {
  std::int64_t width = 0;
  for (const Glyph& glyph : text_detail::glyphs(line)) width += glyph.width + 1;
  return std::max<std::int64_t>(width - 1, 0) * style.scale;
}

/// Draws one line with its upper left corner at (row, column); what lies outside the picture is left out.
inline void draw_text(Canvas& canvas, std::string_view line, std::int64_t row, std::int64_t column,
                      const TextStyle& style = {}) {
  require(style.scale >= 1 && style.scale <= 64, "the scale of text lies in 1..64");
  for (const Glyph& glyph : text_detail::glyphs(line)) {
    for (std::int64_t x = 0; x < glyph.width; ++x)
      for (std::int64_t y = 0; y < glyph_height; ++y)
        if (((glyph.columns[static_cast<std::size_t>(x)] >> y) & 1) != 0)
          canvas.fill(row + y * style.scale, column + x * style.scale, style.scale, style.scale, style.color);
    column += (glyph.width + 1) * style.scale;
  }
}

/// The text in lines that fit a width, broken at spaces and at '\n'; a word that is too long is broken
/// inside.
/// @param width  screen pixels
[[nodiscard]] inline std::vector<std::string> wrap_text(std::string_view text, std::int64_t width,
                                                        const TextStyle& style = {}) {
  std::vector<std::string> lines;
  const auto fits = [&](const std::string& line) { return text_width(line, style) <= width; };
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t stop = std::min(text.find('\n', start), text.size());
    std::string line;
    for (std::size_t at = start; at < stop;) {
      const std::size_t end = std::min({text.find(' ', at), stop});
      std::string word(text.substr(at, end - at));
      at = end + 1;
      const std::string longer = line.empty() ? word : line + ' ' + word;
      if (fits(longer)) {
        line = longer;
        continue;
      }
      if (!line.empty()) lines.push_back(line);
      while (!fits(word) && word.size() > 1) {
        std::size_t count = word.size() - 1;
        while (count > 1 && !fits(word.substr(0, count))) --count;
        while (count > 1 && (static_cast<unsigned char>(word[count]) & 0xC0) == 0x80)
          --count;  // whole characters
        lines.push_back(word.substr(0, count));
        word.erase(0, count);
      }
      line = word;
    }
    lines.push_back(line);
    start = stop + 1;
  }
  return lines;
}

}  // namespace lumen::view
