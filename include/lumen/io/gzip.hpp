// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/crc32.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/stb.hpp>

namespace lumen::io {

[[nodiscard]] inline bool is_gzip(std::span<const std::uint8_t> file) {
  return file.size() >= 3 && file[0] == 0x1F && file[1] == 0x8B && file[2] == 8;
}

/// What a gzip file in memory, of one member, expands to. stb's Deflate reader does it, so no further
/// dependency is needed; the length that the file announces must be one that Deflate can reach (1032 times
/// the compressed size), and it and the checksum must come out. Format: RFC 1952.
/// @throws Error for another format, damage, and above `max_decoded_bytes`
[[nodiscard]] inline std::vector<std::uint8_t> gunzip(std::span<const std::uint8_t> file) {
  constexpr std::string_view damaged = "damaged or truncated gzip file; copy or download it again";
  require(is_gzip(file), "not a gzip file");
  require(file.size() >= 18 && file.size() <= INT_MAX && (file[3] & 0xE0u) == 0, damaged);
  const auto number = [&](std::size_t at, std::size_t width) {
    std::uint32_t value = 0;
    for (std::size_t i = width; i-- > 0;) value = (value << 8) | file[at + i];
    return value;
  };
  const std::size_t end = file.size() - 8;
  const unsigned flags = file[3];
  std::size_t at = 10;
  if ((flags & 4u) != 0) at += 2 + number(at, 2);  // extra field
  for (const unsigned bit : {8u, 16u}) {           // file name, comment
    if ((flags & bit) == 0) continue;
    while (at < end && file[at] != 0) ++at;
    ++at;
  }
  if ((flags & 2u) != 0) at += 2;  // checksum of the header
  require(at < end, damaged);

  const std::uint32_t checksum = number(end, 4), size = number(end + 4, 4);
  require(size <= max_decoded_bytes && size / 1032 <= end - at, [&] {
    return text("a gzip file that expands to ", size,
                " bytes is damaged or over the limit of 1 GiB; unpack it "
                "with gunzip");
  });
  std::vector<std::uint8_t> out(size + std::size_t{1});
  // stb takes the end of its input for damage while it looks ahead, so it is given the trailer too.
  const int got = stb::lumen_stbi_zlib_decode_noheader_buffer(
      reinterpret_cast<char*>(out.data()), static_cast<int>(out.size()),
      reinterpret_cast<const char*>(file.data() + at), static_cast<int>(file.size() - at));
  out.resize(size);
  require(got >= 0 && static_cast<std::uint32_t>(got) == size && crc32(out) == checksum, damaged);
  return out;
}

}  // namespace lumen::io
