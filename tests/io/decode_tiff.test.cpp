// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/decode_tiff.hpp>

#include <doctest/doctest.h>

#include <lumen/io/file.hpp>
#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

Bytes corpus(const std::string& name) {
  return io::read_file(std::filesystem::path(LUMEN_SOURCE_DIR) / "tests/fuzz/corpus/tiff" / name);
}

struct Field {
  std::uint16_t tag, type;
  std::uint32_t value;
};

/// A little-endian TIFF of one page with these fields and then these bytes, whose first is at 8.
Bytes page_of(std::vector<Field> fields, const Bytes& data) {
  Bytes out = bytes("II*\0");
  const auto put = [&](std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  put(static_cast<std::uint32_t>(8 + data.size()), 4);
  out.insert(out.end(), data.begin(), data.end());
  put(static_cast<std::uint32_t>(fields.size()), 2);
  for (const Field& field : fields) put(field.tag, 2), put(field.type, 2), put(1, 4), put(field.value, 4);
  put(0, 4);
  return out;
}

std::vector<Field> gray(std::uint32_t height, std::uint32_t width, std::uint32_t bits = 8,
                        std::uint32_t kind = 1) {
  return {{256, 4, width}, {257, 4, height}, {258, 3, bits},   {259, 3, 1},
          {262, 3, kind},  {273, 4, 8},      {278, 4, height}, {279, 4, height * width * bits / 8}};
}

std::string refusal(const Bytes& file, std::uint16_t page = 0) {
  return message_of([&] { (void)io::decode_tiff(file, page); });
}

}  // namespace

DOCTEST_TEST_CASE("a TIFF built by hand decodes, and gray that counts from white is turned round") {
  DOCTEST_CHECK(io::decode_tiff(page_of(gray(2, 3), {0, 1, 2, 250, 251, 252})).bytes ==
                Bytes{0, 1, 2, 250, 251, 252});
  DOCTEST_CHECK(io::decode_tiff(page_of(gray(1, 3, 8, 0), {0, 1, 255})).bytes == Bytes{255, 254, 0});
  const io::Raster deep = io::decode_tiff(page_of(gray(1, 2, 16), {1, 2, 3, 4}));
  DOCTEST_CHECK(deep.sample == io::Sample::U16);
  DOCTEST_CHECK(deep.bytes == Bytes{1, 2, 3, 4});
}

DOCTEST_TEST_CASE("files of other programs decode alike in every packing") {
  const io::Raster lzw = io::decode_tiff(corpus("lzw.tif"));
  DOCTEST_CHECK(lzw.channels == 3);
  DOCTEST_CHECK(io::decode_tiff(corpus("deflate.tif")).bytes == lzw.bytes);
  const io::Raster plain = io::decode_tiff(corpus("gray.tif"));
  DOCTEST_CHECK(io::decode_tiff(corpus("packbits.tif")).bytes == plain.bytes);
  DOCTEST_CHECK(io::decode_tiff(corpus("float.tif")).sample == io::Sample::F32);
  const io::Raster jpeg = io::decode_tiff(corpus("jpeg.tif"));
  DOCTEST_CHECK(jpeg.channels == 3);
  DOCTEST_CHECK(jpeg.bytes.size() == lzw.bytes.size());
}

DOCTEST_TEST_CASE("a file that lacks its pixels is refused, at every length of every file") {
  for (const std::string name : {"gray.tif", "lzw.tif", "deflate.tif", "float.tif", "packbits.tif"}) {
    const Bytes whole = corpus(name);
    for (std::size_t length = 0; length + 8 < whole.size(); ++length) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      const std::string refused = message_of([&] {
        if (io::decode_tiff(cut).bytes == io::decode_tiff(whole).bytes) throw Error("whole all the same");
      });
      DOCTEST_CHECK_MESSAGE(!refused.empty(), name, " cut to ", length);
    }
  }
}

DOCTEST_TEST_CASE("absurd sizes are refused without allocating them") {
  const Bytes few(16, 0);
  DOCTEST_CHECK(holds(refusal(page_of(gray(1u << 31, 1u << 31), few)), "damaged"));  // libtiff's own limits
  DOCTEST_CHECK(holds(refusal(page_of(gray(0xFFFFFFFF, 0xFFFFFFFF), few)), "damaged"));
  DOCTEST_CHECK(holds(refusal(page_of(gray(40000, 40000), few)), "over the limit of 1 GiB"));
  DOCTEST_CHECK(holds(refusal(page_of(gray(30000, 30000), few)), "cannot hold 1 x 30000 x 30000 uint8"));
  DOCTEST_CHECK(!refusal(page_of(gray(0, 4), few)).empty());
}

DOCTEST_TEST_CASE("kinds that are not read are named") {
  const Bytes few(16, 0);
  DOCTEST_CHECK(holds(refusal(page_of(gray(2, 2, 8, 5), few)), "photometric kind 5"));
  DOCTEST_CHECK(holds(refusal(page_of(gray(2, 8, 1), few)), "1-bit samples"));
  auto fax = gray(2, 2);
  fax[3].value = 4;
  DOCTEST_CHECK(holds(refusal(page_of(fax, few)), "compression 4 is not supported"));
  DOCTEST_CHECK(holds(refusal(page_of(gray(2, 2), few), 1), "no page 1"));
  DOCTEST_CHECK(holds(refusal(bytes("II*\0")), "not a TIFF, or a damaged one"));
  DOCTEST_CHECK(holds(refusal({}), "not a TIFF"));
}
