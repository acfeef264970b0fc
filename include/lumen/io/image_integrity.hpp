// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include <lumen/io/crc32.hpp>

namespace lumen::io {

// stb decodes a JPEG or BMP that was cut off as if the rest were black, and does not look at a PNG's
// checksums. These walk the file's structure first; an empty answer means whole, any other says what is
// wrong.

/// Every chunk lies inside the file with a right checksum, up to IEND.
[[nodiscard]] inline std::string_view png_damage(std::span<const std::uint8_t> file) {
  const auto u32 = [&](std::size_t at) {
    return (std::uint32_t{file[at]} << 24) | (std::uint32_t{file[at + 1]} << 16) |
           (std::uint32_t{file[at + 2]} << 8) | file[at + 3];
  };
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t length = u32(at);
    if (length > file.size() - at - 12) return "a chunk reaches beyond the end of the file";
    if (crc32(file.subspan(at + 4, length + 4)) != u32(at + 8 + length)) return "a chunk's checksum is wrong";
    if (u32(at + 4) == 0x49454E44u) return {};  // IEND
    at += length + 12;
  }
  return "the file ends before its IEND chunk";
}

/// A JPEG's Huffman tables, the body of one segment: stb writes beyond its arrays when one has over 256
/// codes.
[[nodiscard]] inline bool huffman_fits(std::span<const std::uint8_t> body) {
  while (!body.empty()) {
    if (body.size() < 17) return false;
    std::size_t codes = 0;
    for (const std::uint8_t count : body.subspan(1, 16)) codes += count;
    if (codes > 256 || codes > body.size() - 17) return false;
    body = body.subspan(17 + codes);
  }
  return true;
}

/// Segments follow one another up to the end-of-image marker, and Huffman tables have their size.
[[nodiscard]] inline std::string_view jpeg_damage(std::span<const std::uint8_t> file) {
  for (std::size_t at = 2; at + 1 < file.size();) {
    const std::uint8_t marker = file[at + 1];
    if (file[at] != 0xFF || marker == 0x00 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD7)) {
      ++at;  // coded pixels, a stuffed byte, padding, or a restart marker
    } else if (marker == 0xD9) {
      return {};
    } else if (at + 3 < file.size()) {
      const std::size_t length = (std::size_t{file[at + 2]} << 8) | file[at + 3];
      if (length < 2 || length > file.size() - at - 2) return "a segment reaches beyond the end of the file";
      if (marker == 0xC4 && !huffman_fits(file.subspan(at + 4, length - 2)))
        return "a Huffman table is broken";
      at += 2 + length;
    } else {
      break;
    }
  }
  return "the file ends before its end-of-image marker";
}

/// The rows that the header announces are there.
[[nodiscard]] inline std::string_view bmp_damage(std::span<const std::uint8_t> file) {
  const auto get = [&](std::size_t at, int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= std::uint64_t{file[at + static_cast<std::size_t>(i)]} << (8 * i);
    return value;
  };
  if (file.size() < 30) return "the file ends inside its header";
  const bool old = get(14, 4) == 12;
  const std::uint64_t width = old ? get(18, 2) : get(18, 4), bits = get(old ? 24 : 28, 2);
  const auto signed_height = static_cast<std::int32_t>(old ? get(20, 2) : get(22, 4));
  const auto height = static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(signed_height)));
  const std::uint64_t stride = (width * bits + 31) / 32 * 4, start = get(10, 4);
  if (start > file.size() || (stride != 0 && height > (file.size() - start) / stride))
    return "rows are missing at the end";
  return {};
}

}  // namespace lumen::io
