// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include <lumen/core/error.hpp>
#include <lumen/io/image_integrity.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/stb.hpp>
#include <lumen/io/unread_format.hpp>

namespace lumen::io {

namespace image_detail {

struct Free {
  void operator()(void* block) const noexcept { std::free(block); }
};

inline bool starts_with(std::span<const std::uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace image_detail

/// Decodes a PNG, JPEG or BMP that lies in memory, told apart by their first bytes. The channels are those
/// that the file holds (1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha; a palette becomes RGB); the samples
/// are U16 for a 16-bit PNG and U8 otherwise. EXIF orientation, gamma and colour profiles are not applied.
/// @throws Error for another format, for a damaged or truncated file, and above `max_decoded_bytes`
[[nodiscard]] inline Raster decode_image(std::span<const std::uint8_t> bytes) {
  using image_detail::starts_with;
  require(!bytes.empty(), "the image has no bytes; write or download it again");
  const bool png = starts_with(bytes, "\x89PNG");
  const bool jpeg = starts_with(bytes, "\xFF\xD8\xFF");
  require(png || jpeg || starts_with(bytes, "BM"), [&] {
    const bool tiff = starts_with(bytes, "II*") || starts_with(bytes, "MM");
    if (const UnreadFormat* format = unread_format(bytes))
      return text("not a PNG, JPEG or BMP, but ", format->name, ": ", format->remedy);
    return text("not a PNG, JPEG or BMP",
                tiff ? ", but a TIFF, whatever its name: read it with lumen::io::read_tiff or lumen::io::read"
                     : ": convert it to one");
  });
  const char* const format = png ? "PNG" : jpeg ? "JPEG" : "BMP";
  require(bytes.size() <= static_cast<std::size_t>(max_decoded_bytes),
          [&] { return text("a ", format, " of ", bytes.size(), " bytes is over the limit of 1 GiB"); });
  const auto* data = bytes.data();
  const int length = static_cast<int>(bytes.size());
  const std::string_view flaw = png ? png_damage(bytes) : jpeg ? jpeg_damage(bytes) : bmp_damage(bytes);
  require(flaw.empty(), [&] {
    return text("damaged or truncated ", format, " of ", bytes.size(), " bytes: ", flaw,
                "; copy or download it again");
  });
  const auto damaged = [&] {
    const char* why = stb::lumen_stbi_failure_reason();
    return text("damaged or unsupported ", format, " (", why != nullptr ? why : "no reason given",
                "); write it again as an ordinary 8- or 16-bit ", format);
  };

  int width = 0, height = 0, channels = 0;
  stb::allocation_limit = std::size_t{16} << 20;  // the header alone: tables, and no picture yet
  require(stb::lumen_stbi_info_from_memory(data, length, &width, &height, &channels) != 0, damaged);
  const bool deep = png && stb::lumen_stbi_is_16_bit_from_memory(data, length) != 0;
  const Sample sample = deep ? Sample::U16 : Sample::U8;
  const std::size_t largest = raster_bytes(4, height, width, sample, format);
  // Deflate packs at most 1032:1, so one bit a pixel is the extreme: 8256 pixels a byte, with four samples
  // each here.
  require(largest / 65536 <= bytes.size(), [&] {
    return text("truncated ", format, ": ", bytes.size(), " bytes cannot hold ", height, " x ", width,
                " pixels");
  });

  stb::allocation_limit = (std::size_t{16} << 20) + 3 * largest;
  const std::unique_ptr<void, image_detail::Free> pixels(
      deep ? static_cast<void*>(
                 stb::lumen_stbi_load_16_from_memory(data, length, &width, &height, &channels, 0))
           : static_cast<void*>(
                 stb::lumen_stbi_load_from_memory(data, length, &width, &height, &channels, 0)));
  require(pixels != nullptr, damaged);

  Raster image{
      .channels = channels, .height = height, .width = width, .sample = sample, .alpha = channels % 2 == 0};
  image.bytes.resize(raster_bytes(channels, height, width, sample, format));
  const std::size_t step = bytes_of(sample), plane = static_cast<std::size_t>(image.height * image.width);
  const auto depth = static_cast<std::size_t>(channels);
  const auto* from = static_cast<const std::uint8_t*>(pixels.get());
  for (std::size_t p = 0; p < plane; ++p)
    for (std::size_t c = 0; c < depth; ++c, from += step)
      std::memcpy(image.bytes.data() + (c * plane + p) * step, from, step);
  return image;
}

}  // namespace lumen::io
