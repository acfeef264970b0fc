// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/io/gzip.hpp>

#include <doctest/doctest.h>

#include <lumen/io/file.hpp>

#include "io/files.hpp"

using namespace lumen;
using namespace lumen::testing;

namespace {

std::string refusal(const Bytes& file) {
  return message_of([&] { (void)io::gunzip(file); });
}

/// printf hello | gzip -n, and the same with every optional field of the header.
const Bytes plain = bytes(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00");
const Bytes fields = bytes(
    "\x1f\x8b\x08\x1e\x00\x00\x00\x00\x00\x03\x02\x00zzname\x00note\x00\x12\x34"
    "\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00");

}  // namespace

DOCTEST_TEST_CASE("a gzip file expands") {
  DOCTEST_CHECK(io::is_gzip(plain));
  DOCTEST_CHECK(io::gunzip(plain) == bytes("hello"));
  DOCTEST_CHECK(io::gunzip(fields) == bytes("hello"));
  const auto images =
      io::read_file(std::filesystem::path(LUMEN_SOURCE_DIR) / "tests/fuzz/corpus/idx/images.gz");
  DOCTEST_CHECK(io::gunzip(images).size() == 40);
}

DOCTEST_TEST_CASE("a damaged or hostile gzip file is refused") {
  for (const Bytes& whole : {plain, fields})
    for (std::size_t length = 0; length < whole.size(); ++length)
      DOCTEST_CHECK(
          !refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))).empty());
  DOCTEST_CHECK(holds(refusal(bytes("BZh")), "not a gzip file"));
  const auto with = [](std::size_t at, std::uint8_t byte) {
    Bytes file = plain;
    file[at] = byte;
    return file;
  };
  DOCTEST_CHECK(holds(refusal(with(17, 0)), "damaged or truncated"));  // checksum
  DOCTEST_CHECK(holds(refusal(with(21, 4)), "damaged or truncated"));  // length
  DOCTEST_CHECK(holds(refusal(with(21, 6)), "damaged or truncated"));
  DOCTEST_CHECK(holds(refusal(with(10, 0xFF)), "damaged or truncated"));  // Deflate
  DOCTEST_CHECK(holds(refusal(with(3, 0x20)), "damaged or truncated"));   // reserved flag
  DOCTEST_CHECK(holds(refusal(with(23, 0x7F)), "expands to 8323077 bytes"));
  DOCTEST_CHECK(holds(refusal(with(24, 0xFF)), "over the limit of 1 GiB"));
}
