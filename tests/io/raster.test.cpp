// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/raster.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

DOCTEST_TEST_CASE("samples have the sizes and names of numpy") {
  DOCTEST_CHECK(io::bytes_of(io::Sample::Bool) == 1);
  DOCTEST_CHECK(io::bytes_of(io::Sample::U16) == 2);
  DOCTEST_CHECK(io::bytes_of(io::Sample::I64) == 8);
  DOCTEST_CHECK(io::bytes_of(io::Sample::F64) == 8);
  DOCTEST_CHECK(io::name_of(io::Sample::U16) == "uint16");
  DOCTEST_CHECK(io::name_of(io::Sample::F64) == "float64");
}

DOCTEST_TEST_CASE("the size of an image is computed without overflow, up to 1 GiB") {
  DOCTEST_CHECK(io::raster_bytes(3, 5, 7, io::Sample::F32, "x") == 3 * 5 * 7 * 4);
  DOCTEST_CHECK(io::raster_bytes(1, 1 << 15, 1 << 15, io::Sample::U8, "x") == std::size_t{1} << 30);
  const auto refused = [](std::int64_t c, std::int64_t h, std::int64_t w) {
    return message_of([=] { (void)io::raster_bytes(c, h, w, io::Sample::U8, "x"); });
  };
  DOCTEST_CHECK(holds(refused(1, (1 << 15) + 1, 1 << 15), "over the limit of 1 GiB"));
  DOCTEST_CHECK(holds(refused(1, std::int64_t{1} << 31, std::int64_t{1} << 31), "over the limit"));
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  DOCTEST_CHECK(holds(refused(most, most, most), "over the limit"));
  DOCTEST_CHECK(holds(refused(1, 0, 4), "is empty"));
  DOCTEST_CHECK(holds(refused(1, -1, 4), "is empty"));
}
