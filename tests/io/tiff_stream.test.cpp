// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/tiff_stream.hpp>

#include <doctest/doctest.h>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;
using io::tiff_detail::Stream;

DOCTEST_TEST_CASE("libtiff writes to memory and reads from it") {
  Bytes out;
  {
    Stream file(out);
    DOCTEST_REQUIRE(file.get() != nullptr);
    TIFFSetField(file.get(), TIFFTAG_IMAGEWIDTH, 4);
    TIFFSetField(file.get(), TIFFTAG_IMAGELENGTH, 1);
    TIFFSetField(file.get(), TIFFTAG_BITSPERSAMPLE, 8);
    std::uint8_t row[] = {1, 2, 3, 4};
    DOCTEST_CHECK(TIFFWriteEncodedStrip(file.get(), 0, row, 4) == 4);
  }
  DOCTEST_CHECK(out.size() > 12);
  const Stream file(std::span<const std::uint8_t>{out});
  DOCTEST_REQUIRE(file.get() != nullptr);
  DOCTEST_CHECK(file.field<std::uint32_t>(TIFFTAG_IMAGEWIDTH) == 4);
  DOCTEST_CHECK(file.field<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL) == 1);  // by default
  DOCTEST_CHECK(file.why().empty());
}

DOCTEST_TEST_CASE("what libtiff complains about is kept, and not printed") {
  const Bytes junk = bytes("not a tiff");
  const Stream file{std::span<const std::uint8_t>(junk)};
  DOCTEST_CHECK(file.get() == nullptr);
  DOCTEST_CHECK(holds(file.why(), "(libtiff: Not a TIFF"));
}
