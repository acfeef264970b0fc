// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/image_integrity.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("crc32 has its published check value") {
  DOCTEST_CHECK(io::crc32(bytes("123456789")) == 0xCBF43926u);
  DOCTEST_CHECK(io::crc32({}) == 0u);
  DOCTEST_CHECK(io::crc32(bytes("IEND")) == 0xAE426082u);
}

DOCTEST_TEST_CASE("a PNG is walked chunk by chunk") {
  const Bytes end = bytes("\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82");
  DOCTEST_CHECK(io::png_damage(end).empty());
  Bytes wrong = end;
  wrong.back() ^= 1;
  DOCTEST_CHECK(holds(io::png_damage(wrong), "checksum"));
  DOCTEST_CHECK(holds(io::png_damage(std::span(end).first(19)), "before its IEND"));
  DOCTEST_CHECK(holds(io::png_damage(bytes("\x89PNG\r\n\x1a\n\xff\xff\xff\xffIEND\xae\x42\x60\x82")),
                      "beyond the end"));
}

DOCTEST_TEST_CASE("a JPEG ends with its marker, and its tables have their size") {
  DOCTEST_CHECK(
      io::jpeg_damage(bytes("\xff\xd8\xff\xe0\0\4ab\xff\xda\0\2xy\xff\0z\xff\xd0q\xff\xd9")).empty());
  DOCTEST_CHECK(holds(io::jpeg_damage(bytes("\xff\xd8\xff\xe0\0\4ab\xff\xda\0\2xy")), "end-of-image"));
  DOCTEST_CHECK(holds(io::jpeg_damage(bytes("\xff\xd8\xff\xe0\0\1\xff\xd9")), "segment reaches beyond"));
  DOCTEST_CHECK(holds(io::jpeg_damage(bytes("\xff\xd8\xff\xe0\1\0\xff\xd9")), "segment reaches beyond"));
  DOCTEST_CHECK(holds(io::jpeg_damage(bytes("\xff\xd8\xff\xc4\0\3\0\xff\xd9")), "Huffman table"));

  Bytes table = bytes("\xff\xd8\xff\xc4\2\x13");  // one table: a class byte, 16 counts, then codes
  table.push_back(0);
  table.insert(table.end(), 16, 32);  // 512 codes, where a table has at most 256
  table.insert(table.end(), 512, 0);
  table.insert(table.end(), {0xff, 0xd9});
  DOCTEST_CHECK(io::jpeg_damage(table) == "a Huffman table is broken");
}

DOCTEST_TEST_CASE("a BMP holds all its rows") {
  Bytes bmp(54 + 8, 0);
  bmp[0] = 'B', bmp[1] = 'M', bmp[10] = 54, bmp[14] = 40, bmp[18] = 2, bmp[22] = 1, bmp[28] = 24;
  DOCTEST_CHECK(io::bmp_damage(bmp).empty());
  bmp[22] = 2;
  DOCTEST_CHECK(holds(io::bmp_damage(bmp), "rows are missing"));
  for (const std::size_t i : {22, 23, 24, 25}) bmp[i] = 255;  // height -1: from the top down
  DOCTEST_CHECK(io::bmp_damage(bmp).empty());
  DOCTEST_CHECK(holds(io::bmp_damage(std::span(bmp).first(29)), "inside its header"));
}
