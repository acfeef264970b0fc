// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/png.hpp>

#include <doctest/doctest.h>

#include <lumen/io/decode_image.hpp>
#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

io::Raster raster(std::int64_t channels, std::int64_t height, std::int64_t width, io::Sample sample,
                  int colors) {
  io::Raster image{.channels = channels, .height = height, .width = width, .sample = sample};
  std::mt19937 draw(1);
  const std::size_t plane = static_cast<std::size_t>(height * width);
  image.bytes.resize(static_cast<std::size_t>(channels) * plane * io::bytes_of(sample));
  std::vector<std::uint8_t> picks(plane);
  for (auto& pick : picks) pick = static_cast<std::uint8_t>(draw() % static_cast<unsigned>(colors));
  for (std::size_t i = 0; i < image.bytes.size(); ++i)
    image.bytes[i] = colors < 256 ? static_cast<std::uint8_t>(picks[i % plane] * 37 + i / plane)
                                  : static_cast<std::uint8_t>(draw());
  return image;
}

int color_type(const Bytes& png) { return png[25]; }

}  // namespace

DOCTEST_TEST_CASE("every kind of PNG decodes to the same samples") {
  for (const auto sample : {io::Sample::U8, io::Sample::U16})
    for (std::int64_t channels = 1; channels <= 4; ++channels)
      for (const auto& [height, width] : {std::pair{1, 1}, {1, 9}, {9, 1}, {31, 17}}) {
        const io::Raster image = raster(channels, height, width, sample, 256);
        const io::Raster back = io::decode_image(io::encode_png(image));
        DOCTEST_CHECK(back.channels == channels);
        DOCTEST_CHECK(back.height == height);
        DOCTEST_CHECK(back.width == width);
        DOCTEST_CHECK(back.sample == sample);
        DOCTEST_CHECK(back.bytes == image.bytes);
      }
}

DOCTEST_TEST_CASE("few colours take a palette, and read back as the same RGB") {
  const io::Raster few = raster(3, 40, 40, io::Sample::U8, 200);
  const io::Raster many = raster(3, 40, 40, io::Sample::U8, 256);
  const Bytes small = io::encode_png(few), large = io::encode_png(many);
  DOCTEST_CHECK(color_type(small) == 3);
  DOCTEST_CHECK(color_type(large) == 2);
  DOCTEST_CHECK(small.size() < large.size() * 2 / 3);
  DOCTEST_CHECK(io::decode_image(small).bytes == few.bytes);
  DOCTEST_CHECK(io::decode_image(large).bytes == many.bytes);
}

DOCTEST_TEST_CASE("what PNG does not hold is refused") {
  const auto refused = [](const io::Raster& image) {
    return message_of([&] { (void)io::encode_png(image); });
  };
  DOCTEST_CHECK(holds(refused(raster(5, 2, 2, io::Sample::U8, 256)), "1 to 4 channels, and not 5"));
  DOCTEST_CHECK(holds(refused(raster(1, 2, 2, io::Sample::F32, 256)), "not float32"));
  DOCTEST_CHECK(holds(refused({.channels = 1, .height = 2, .width = 2, .bytes = {1}}), "do not fit"));
}
