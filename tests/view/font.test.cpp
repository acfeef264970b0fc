// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/font.hpp>

#include <doctest/doctest.h>

#include <set>

using namespace lumen;

DOCTEST_TEST_CASE("every printable character has a glyph of its own, no wider or higher than it says") {
  std::set<std::array<std::uint16_t, 5>> seen;
  for (std::size_t i = 0; i < view::font.size(); ++i) {
    const view::Glyph& glyph = view::font[i];
    DOCTEST_CHECK(glyph.width >= 1);
    DOCTEST_CHECK(glyph.width <= 5);
    DOCTEST_CHECK_MESSAGE(seen.insert(glyph.columns).second, "twice: ", static_cast<char>(' ' + i));
    for (std::size_t x = 0; x < 5; ++x) {
      DOCTEST_CHECK(glyph.columns[x] < (1 << view::glyph_height));
      if (static_cast<std::int64_t>(x) >= glyph.width) DOCTEST_CHECK(glyph.columns[x] == 0);
    }
  }
  DOCTEST_CHECK(seen.count(view::missing_glyph.columns) == 0);
}

DOCTEST_TEST_CASE("a few letters by eye") {
  DOCTEST_CHECK(view::font['T' - ' '].columns == std::array<std::uint16_t, 5>{1, 1, 0x7F, 1, 1});
  DOCTEST_CHECK(view::font['L' - ' '].columns == std::array<std::uint16_t, 5>{0x7F, 0x40, 0x40, 0x40, 0});
  DOCTEST_CHECK(view::font['|' - ' '].columns[0] == 0x1FF);
}
