// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/view/text.hpp>

#include <doctest/doctest.h>

#include "view/pictures.hpp"

using namespace lumen;
using namespace lumen::testing;
using view::TextStyle;

namespace {

constexpr view::Rgb ink{1, 2, 3};

std::int64_t ink_of(std::string_view line, std::int64_t scale = 1) {
  Tensor picture = view::blank(20 * scale, 200 * scale, {255, 255, 255});
  view::Canvas canvas(picture);
  view::draw_text(canvas, line, 0, 0, {.scale = scale, .color = ink});
  return count(picture, ink);
}

}  // namespace

DOCTEST_TEST_CASE("text is as wide as its glyphs with a gap between them, times the scale") {
  DOCTEST_CHECK(view::text_width("", {.scale = 2}) == 0);
  DOCTEST_CHECK(view::text_width("T", {.scale = 1}) == 5);
  DOCTEST_CHECK(view::text_width("TT", {.scale = 3}) == 33);
}

DOCTEST_TEST_CASE("the pixels of a glyph become squares") {
  DOCTEST_CHECK(ink_of("L") == 10);
  DOCTEST_CHECK(ink_of("L", 3) == 90);
  DOCTEST_CHECK(ink_of(" ") == 0);
  Tensor picture = view::blank(18, 40, {255, 255, 255});
  view::Canvas canvas(picture);
  view::draw_text(canvas, "LL", 2, 4, {.scale = 2, .color = ink});
  DOCTEST_CHECK(pixel(picture, 2, 4) == ink);
  DOCTEST_CHECK(pixel(picture, 2, 13) != ink);
  DOCTEST_CHECK(pixel(picture, 2, 14) == ink);  // 4 columns and a gap, twice as large
}

DOCTEST_TEST_CASE("typographic signs have plain forms; others are one hollow box each") {
  DOCTEST_CHECK(ink_of("\u22121 \u00d7 2 \u2013 \u2019") == ink_of("-1 x 2 - '"));
  DOCTEST_CHECK(ink_of("\u00e9") == 18);
  DOCTEST_CHECK(ink_of("\u00e9\U0001F600") == 36);
  DOCTEST_CHECK(ink_of("\xC3") == 18);  // cut in the middle of a character
}

DOCTEST_TEST_CASE("text that leaves the picture is cut") {
  Tensor picture = view::blank(5, 5, {255, 255, 255});
  view::Canvas canvas(picture);
  view::draw_text(canvas, "WWW", -3, -2, {.scale = 2, .color = ink});
  DOCTEST_CHECK(count(picture, ink) > 0);
}

DOCTEST_TEST_CASE("lines are broken at spaces and newlines, and inside a word only when they must") {
  using Lines = std::vector<std::string>;
  const TextStyle one{.scale = 1};
  DOCTEST_CHECK(view::wrap_text("aa bb cc", view::text_width("aa bb", one), one) == Lines{"aa bb", "cc"});
  DOCTEST_CHECK(view::wrap_text("aa\nbb", 1000, one) == Lines{"aa", "bb"});
  DOCTEST_CHECK(view::wrap_text("aaaa b", view::text_width("aaa", one), one) == Lines{"aaa", "a b"});
  DOCTEST_CHECK(view::wrap_text("", 10, one) == Lines{""});
  DOCTEST_CHECK(view::wrap_text("ab", 0, one) == Lines{"a", "b"});
  for (const std::string& line : view::wrap_text("\u2013\u2013\u2013\u2013", 7, one))
    DOCTEST_CHECK(line.size() % 3 == 0);
}

DOCTEST_TEST_CASE("a scale outside 1..64 is refused") {
  Tensor picture = view::blank(5, 5, {});
  view::Canvas canvas(picture);
  DOCTEST_CHECK(holds(message_of([&] { view::draw_text(canvas, "a", 0, 0, {.scale = 0}); }), "scale"));
}
