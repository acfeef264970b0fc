// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/image_integrity.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/stb.hpp>

namespace lumen::io {

namespace png_detail {

using Bytes = std::vector<std::uint8_t>;

inline void put32(Bytes& out, std::uint64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>((value >> shift) & 0xFFu));
}

inline void chunk(Bytes& out, std::string_view type, std::span<const std::uint8_t> body) {
  put32(out, body.size());
  const std::size_t start = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), body.begin(), body.end());
  put32(out, crc32(std::span(out).subspan(start)));
}

inline std::uint8_t paeth(int left, int up, int corner) {
  const int p = left + up - corner;
  const int a = std::abs(p - left), b = std::abs(p - up), c = std::abs(p - corner);
  return static_cast<std::uint8_t>(a <= b && a <= c ? left : b <= c ? up : corner);
}

/// Each row behind its filter number, the filter chosen by the smallest sum of absolute differences.
inline Bytes filtered(const Bytes& rows, std::size_t stride, std::size_t pixel, bool plain) {
  Bytes out, best, row(stride);
  out.reserve(rows.size() + rows.size() / stride);
  for (std::size_t start = 0; start < rows.size(); start += stride) {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::uint8_t choice = 0;
    for (std::uint8_t filter = 0; filter < (plain ? 1 : 5); ++filter) {
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < stride; ++i) {
        const int left = i >= pixel ? rows[start + i - pixel] : 0;
        const int up = start > 0 ? rows[start - stride + i] : 0;
        const int corner = start > 0 && i >= pixel ? rows[start - stride + i - pixel] : 0;
        const int guess[] = {0, left, up, (left + up) / 2, paeth(left, up, corner)};
        row[i] = static_cast<std::uint8_t>(rows[start + i] - guess[filter]);
        sum += static_cast<std::uint64_t>(std::abs(static_cast<std::int8_t>(row[i])));
      }
      if (sum < least) least = sum, choice = filter, best = row;
    }
    out.push_back(choice);
    out.insert(out.end(), best.begin(), best.end());
  }
  return out;
}

/// A picture of at most 256 colours as one index a pixel; `colors` stays empty when there are more.
struct Palette {
  Bytes colors, indices;
};

inline Palette palette(const Bytes& rgb) {
  std::unordered_map<std::uint32_t, std::uint8_t> seen;
  Palette found;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    const std::uint32_t key = (std::uint32_t{rgb[i]} << 16) | (std::uint32_t{rgb[i + 1]} << 8) | rgb[i + 2];
    const auto [at, fresh] = seen.try_emplace(key, static_cast<std::uint8_t>(seen.size()));
    if (seen.size() > 256) return {};
    if (fresh) found.colors.insert(found.colors.end(), {rgb[i], rgb[i + 1], rgb[i + 2]});
    found.indices.push_back(at->second);
  }
  return found;
}

/// The samples of all channels pixel by pixel, the high byte of a 16-bit sample first.
inline Bytes interleaved(const Raster& image) {
  const std::size_t width = bytes_of(image.sample), channels = static_cast<std::size_t>(image.channels);
  const std::size_t pixels = static_cast<std::size_t>(image.height * image.width);
  Bytes out(image.bytes.size());
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t p = 0; p < pixels; ++p) {
      const std::uint8_t* from = image.bytes.data() + (c * pixels + p) * width;
      std::uint8_t* to = out.data() + (p * channels + c) * width;
      if (width == 1) {
        *to = *from;
      } else {
        std::uint16_t value = 0;
        std::copy(from, from + 2, reinterpret_cast<std::uint8_t*>(&value));
        to[0] = static_cast<std::uint8_t>(value >> 8);
        to[1] = static_cast<std::uint8_t>(value & 0xFFu);
      }
    }
  return out;
}

}  // namespace png_detail

/// A PNG of 8 or 16 bits a sample: 1 channel is gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. Without loss;
/// an 8-bit RGB picture of at most 256 colours (every map painted with a colour map) is stored with a
/// palette, a third of the size, and reads back as the same RGB.
/// @throws Error for other channel counts or samples, and above 512 MiB of samples
[[nodiscard]] inline std::vector<std::uint8_t> encode_png(const Raster& image) {
  using namespace png_detail;
  require(image.channels >= 1 && image.channels <= 4, [&] {
    return text("a PNG holds 1 to 4 channels, and not ", image.channels,
                "; write one picture for each channel");
  });
  require(image.sample == Sample::U8 || image.sample == Sample::U16,
          [&] { return text("a PNG holds uint8 or uint16 samples, and not ", name_of(image.sample)); });
  const std::size_t size = raster_bytes(image.channels, image.height, image.width, image.sample, "PNG");
  require(size <= static_cast<std::size_t>(max_decoded_bytes) / 2,
          "a PNG above 512 MiB of samples is not written");
  require(size == image.bytes.size(), "PNG: the raster's bytes do not fit its size");

  const bool deep = image.sample == Sample::U16;
  Bytes rows = interleaved(image);
  const Palette few = image.channels == 3 && !deep ? palette(rows) : Palette{};
  const bool indexed = !few.colors.empty();
  const std::size_t pixel = indexed ? 1 : static_cast<std::size_t>(image.channels) * bytes_of(image.sample);
  if (indexed) rows = few.indices;
  Bytes lines = filtered(rows, pixel * static_cast<std::size_t>(image.width), pixel, indexed);

  int length = 0;
  std::uint8_t* packed =
      stb::lumen_stbi_zlib_compress(lines.data(), static_cast<int>(lines.size()), &length, 8);
  require(packed != nullptr, "out of memory while compressing a PNG");
  const Bytes data(packed, packed + length);
  std::free(packed);

  static constexpr std::uint8_t kinds[] = {0, 4, 2, 6};
  Bytes head, out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  put32(head, static_cast<std::uint64_t>(image.width));
  put32(head, static_cast<std::uint64_t>(image.height));
  head.push_back(deep ? 16 : 8);
  head.push_back(indexed ? std::uint8_t{3} : kinds[image.channels - 1]);
  head.insert(head.end(), {0, 0, 0});
  chunk(out, "IHDR", head);
  if (indexed) chunk(out, "PLTE", few.colors);
  chunk(out, "IDAT", data);
  chunk(out, "IEND", {});
  return out;
}

}  // namespace lumen::io
