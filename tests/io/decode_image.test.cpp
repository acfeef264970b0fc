// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/decode_image.hpp>

#include <doctest/doctest.h>

#include <lumen/io/file.hpp>
#include <lumen/io/png.hpp>
#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

Bytes corpus(const std::string& name) {
  return io::read_file(std::filesystem::path(LUMEN_SOURCE_DIR) / "tests/fuzz/corpus/image" / name);
}

std::string refusal(std::span<const std::uint8_t> file) {
  return message_of([&] { (void)io::decode_image(file); });
}

/// A PNG of one gray row that claims another size.
Bytes claiming(std::uint64_t height, std::uint64_t width) {
  Bytes png = io::encode_png(io::Raster{.channels = 1, .height = 1, .width = 1, .bytes = {0}});
  Bytes sides;
  io::png_detail::put32(sides, width);
  io::png_detail::put32(sides, height);
  std::copy(sides.begin(), sides.end(), png.begin() + 16);
  Bytes sum;
  io::png_detail::put32(sum, io::crc32(std::span(png).subspan(12, 17)));
  std::copy(sum.begin(), sum.end(), png.begin() + 29);
  return png;
}

}  // namespace

DOCTEST_TEST_CASE("files of other programs decode") {
  const io::Raster rgb = io::decode_image(corpus("rgb.png")), bmp = io::decode_image(corpus("rgb.bmp"));
  DOCTEST_CHECK(rgb.channels == 3);
  DOCTEST_CHECK(rgb.height == 6);
  DOCTEST_CHECK(rgb.width == 5);
  DOCTEST_CHECK(bmp.bytes == rgb.bytes);
  const io::Raster gray = io::decode_image(corpus("gray.png")), deep = io::decode_image(corpus("gray16.png"));
  DOCTEST_CHECK(gray.channels == 1);
  DOCTEST_CHECK(deep.sample == io::Sample::U16);
  for (std::size_t i = 0; i < gray.bytes.size(); ++i) {
    DOCTEST_CHECK(deep.bytes[2 * i] == gray.bytes[i]);  // written as 257 times the gray
    DOCTEST_CHECK(deep.bytes[2 * i + 1] == gray.bytes[i]);
  }
  DOCTEST_CHECK(io::decode_image(corpus("palette.png")).channels == 3);
  DOCTEST_CHECK(io::decode_image(corpus("rgba.png")).channels == 4);
  DOCTEST_CHECK(io::decode_image(corpus("rgb.jpg")).channels == 3);
  DOCTEST_CHECK(io::decode_image(corpus("progressive.jpg")).channels == 1);
}

DOCTEST_TEST_CASE("a file that was cut off anywhere is refused") {
  for (const std::string name :
       {"gray.png", "rgb.png", "gray16.png", "rgb.jpg", "progressive.jpg", "rgb.bmp"}) {
    const Bytes whole = corpus(name);
    for (std::size_t length = 0; length < whole.size(); ++length)
      DOCTEST_CHECK_MESSAGE(!refusal(std::span(whole).first(length)).empty(), name, " cut to ", length);
  }
}

DOCTEST_TEST_CASE("a flipped bit in a PNG is noticed") {
  const Bytes whole = corpus("rgb.png");
  for (std::size_t at = 8; at < whole.size() - 12; ++at) {
    Bytes bad = whole;
    bad[at] ^= 4;
    DOCTEST_CHECK_MESSAGE(!refusal(bad).empty(), "byte ", at);
  }
}

DOCTEST_TEST_CASE("absurd sizes are refused without allocating them") {
  DOCTEST_CHECK(holds(refusal(claiming(0x7FFFFFFF, 0x7FFFFFFF)), "PNG"));
  DOCTEST_CHECK(holds(refusal(claiming(20000, 20000)), "over the limit of 1 GiB"));
  DOCTEST_CHECK(holds(refusal(claiming(10000, 10000)), "cannot hold 10000 x 10000 pixels"));
  DOCTEST_CHECK(!refusal(claiming(0, 5)).empty());
}

DOCTEST_TEST_CASE("other formats are named") {
  DOCTEST_CHECK(holds(refusal({}), "no bytes"));
  DOCTEST_CHECK(holds(refusal(bytes("GIF89a")), "not a PNG, JPEG or BMP, but a GIF image: convert"));
  DOCTEST_CHECK(holds(refusal(bytes("II*\0abcd")), "a TIFF"));
}
