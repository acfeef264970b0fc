// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/tiff_stream.hpp>

namespace lumen::io {

namespace tiff_detail {

inline std::optional<Sample> sample_in(std::uint16_t bits, std::uint16_t format) {
  for (const Sample s : {Sample::U8, Sample::U16, Sample::U32, Sample::I8, Sample::I16, Sample::I32,
                         Sample::F16, Sample::F32, Sample::F64}) {
    const bool real = s == Sample::F16 || s == Sample::F32 || s == Sample::F64;
    const bool whole = s == Sample::I8 || s == Sample::I16 || s == Sample::I32;
    const int kind = real ? SAMPLEFORMAT_IEEEFP : whole ? SAMPLEFORMAT_INT : SAMPLEFORMAT_UINT;
    if (bits == 8 * bytes_of(s) && format == kind) return s;
  }
  return std::nullopt;
}

/// 0 as white, turned round: v becomes max - v.
inline void invert(Raster& image) {
  for (std::uint8_t& byte : image.bytes) byte = static_cast<std::uint8_t>(~byte);
}

}  // namespace tiff_detail

/// Decodes one page of a TIFF that lies in memory: strips or tiles, channels together or in planes, samples
/// of 8, 16 or 32 bits (unsigned, signed) or 16, 32 or 64 bits (floating point); gray or RGB, with what
/// further channels there are; not compressed, or by LZW, Deflate, PackBits or JPEG. Gray that counts from
/// white is turned round. Orientation and colour profiles are not applied.
/// @param page  from 0
/// @throws Error for damaged or truncated files, other kinds of TIFF, a missing page, more than
///         `max_decoded_bytes`
[[nodiscard]] inline Raster decode_tiff(std::span<const std::uint8_t> bytes, std::uint16_t page = 0) {
  using namespace tiff_detail;
  Stream file(bytes);
  TIFF* const tiff = file.get();
  require(tiff != nullptr,
          [&] { return text("not a TIFF, or a damaged one", file.why(), "; write it again"); });
  require(page == 0 || TIFFSetDirectory(tiff, page) != 0,
          [&] { return text("the TIFF has no page ", page, " (they count from 0)", file.why()); });

  const auto channels = file.field<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL);
  const auto bits = file.field<std::uint16_t>(TIFFTAG_BITSPERSAMPLE);
  const auto format = file.field<std::uint16_t>(TIFFTAG_SAMPLEFORMAT);
  const auto sample = sample_in(bits, format);
  require(sample.has_value(), [&] {
    return text("a TIFF of ", bits, "-bit samples in format ", format,
                " is not supported: expected 8, 16 or 32 bits, ",
                "or floating point; convert it, for example: convert in.tif -depth 8 out.tif");
  });
  const auto color = file.field<std::uint16_t>(TIFFTAG_PHOTOMETRIC);
  const auto packing = file.field<std::uint16_t>(TIFFTAG_COMPRESSION);
  const bool jpeg_color = color == PHOTOMETRIC_YCBCR && packing == COMPRESSION_JPEG;
  if (jpeg_color) TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  const bool real = *sample == Sample::F16 || *sample == Sample::F32 || *sample == Sample::F64;
  require(color == PHOTOMETRIC_MINISBLACK || color == PHOTOMETRIC_RGB || jpeg_color ||
              (color == PHOTOMETRIC_MINISWHITE && format == SAMPLEFORMAT_UINT),
          [&] {
            return text("a TIFF of photometric kind ", color,
                        " is not supported (a palette is 3, CMYK 5): expected ",
                        "gray or RGB; convert it to one of them");
          });
  require(packing == COMPRESSION_NONE || packing == COMPRESSION_LZW || packing == COMPRESSION_ADOBE_DEFLATE ||
              packing == COMPRESSION_DEFLATE || packing == COMPRESSION_PACKBITS ||
              (packing == COMPRESSION_JPEG && !real),
          [&] {
            return text("TIFF compression ", packing,
                        " is not supported: write it with none, LZW, Deflate or JPEG");
          });

  Raster image{.channels = channels,
               .height = file.field<std::uint32_t>(TIFFTAG_IMAGELENGTH),
               .width = file.field<std::uint32_t>(TIFFTAG_IMAGEWIDTH),
               .sample = *sample,
               .alpha = file.last_is_alpha()};
  const std::size_t size = raster_bytes(image.channels, image.height, image.width, *sample, "TIFF");
  const bool tiled = TIFFIsTiled(tiff) != 0;
  const bool planes = file.field<std::uint16_t>(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
  const std::int64_t block_width = tiled ? file.field<std::uint32_t>(TIFFTAG_TILEWIDTH) : image.width;
  const std::int64_t block_height =
      tiled ? file.field<std::uint32_t>(TIFFTAG_TILELENGTH)
            : std::min<std::int64_t>(file.field<std::uint32_t>(TIFFTAG_ROWSPERSTRIP), image.height);
  const std::int64_t depth = planes ? 1 : image.channels;
  const std::size_t block = raster_bytes(depth, block_height, block_width, *sample, "a tile of the TIFF");
  // No compression that is read here packs better than 1300:1.
  require(std::max(size, block) / 2048 <= bytes.size(), [&] {
    return text("truncated TIFF: ", bytes.size(), " bytes cannot hold ", image.channels, " x ", image.height,
                " x ", image.width, " ", name_of(*sample), " samples");
  });
  require(static_cast<std::size_t>(tiled ? TIFFTileSize(tiff)
                                         : TIFFVStripSize(tiff, static_cast<std::uint32_t>(block_height))) ==
              block,
          "a TIFF with subsampled colours or with depth is not supported; write it as gray or RGB");

  image.bytes.resize(size);
  std::vector<std::uint8_t> buffer(block);
  const auto step = static_cast<std::int64_t>(bytes_of(*sample));
  for (std::int64_t first = 0; first < (planes ? image.channels : 1); ++first)
    for (std::int64_t top = 0; top < image.height; top += block_height)
      for (std::int64_t left = 0; left < image.width; left += block_width) {
        const auto x = static_cast<std::uint32_t>(left), y = static_cast<std::uint32_t>(top);
        const auto plane = static_cast<std::uint16_t>(first);
        const std::int64_t rows = std::min(block_height, image.height - top);
        const std::int64_t columns = std::min(block_width, image.width - left);
        const std::int64_t expected = (tiled ? block_height : rows) * block_width * depth * step;
        const tmsize_t got =
            tiled ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, plane), buffer.data(), expected)
                  : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, plane), buffer.data(), expected);
        require(got == expected, [&] {
          return text("damaged or truncated TIFF: the ", tiled ? "tile" : "strip", " at row ", top,
                      ", column ", left, " cannot be read", file.why(), "; copy or download it again");
        });
        for (std::int64_t row = 0; row < rows; ++row)
          for (std::int64_t channel = 0; channel < depth; ++channel) {
            const std::uint8_t* from = buffer.data() + (row * block_width * depth + channel) * step;
            std::uint8_t* to = image.bytes.data() +
                               (((first + channel) * image.height + top + row) * image.width + left) * step;
            for (std::int64_t column = 0; column < columns; ++column, from += depth * step, to += step)
              std::memcpy(to, from, static_cast<std::size_t>(step));
          }
      }
  if (color == PHOTOMETRIC_MINISWHITE) invert(image);
  return image;
}

}  // namespace lumen::io
