// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/decode_tiff.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/raster_tensor.hpp>

namespace lumen::io {

/// How a TIFF is packed: without loss in every case.
enum class TiffCompression : std::uint8_t { None, Lzw, Deflate };

/// How a TIFF is written.
struct TiffOptions {
  TiffCompression compression = TiffCompression::Deflate;
  std::int64_t tile = 0;                        ///< side of a tile, a multiple of 16; 0 writes strips
  bool planes = false;                          ///< one plane a channel, not channels pixel by pixel
  std::optional<Sample> sample = std::nullopt;  ///< U16 or U32 for an integer tensor; see `write_tiff`
};

/// One page of a TIFF file as [C, H, W]: uint8, int8, int16, int32, float16, float32 or float64 as the file
/// has them; uint16 becomes int32 and uint32 becomes int64 (LibTorch 1.13 has neither). See `decode_tiff`.
/// @throws Error naming the path: missing, a folder, empty, no TIFF, damaged, truncated, unsupported, above 1
///         GiB
[[nodiscard]] inline Tensor read_tiff(const std::filesystem::path& path, std::uint16_t page = 0) {
  return naming(path, [&] { return to_tensor(decode_tiff(read_file(path), page)); });
}

/// A TIFF of one page, in memory, from [C, H, W] or [H, W]; see `write_tiff`.
[[nodiscard]] inline std::vector<std::uint8_t> encode_tiff(const Tensor& image,
                                                           const TiffOptions& options = {}) {
  require(image.defined(), "cannot write an undefined tensor as TIFF");
  require(options.tile >= 0 && options.tile % 16 == 0 && options.tile <= 4096,
          "the side of a TIFF's tile is a multiple of 16 up to 4096, or 0 for strips");
  const bool mask = image.scalar_type() == at::kBool, wide = image.scalar_type() == at::kLong;
  const Raster raster = to_raster(mask ? image.to(at::kByte) * 255 : image,
                                  wide && !options.sample ? std::optional(Sample::U32) : options.sample);
  const std::int64_t channels = raster.channels, height = raster.height, width = raster.width;
  require(channels <= 65535 && height <= (1 << 30) && width <= (1 << 30),
          "the image is too large for a TIFF");
  const bool real = image.is_floating_point();
  const bool is_signed =
      raster.sample == Sample::I8 || raster.sample == Sample::I16 || raster.sample == Sample::I32;

  std::vector<std::uint8_t> out;
  tiff_detail::Stream file(out);
  TIFF* const tiff = file.get();
  const auto done = [&](bool good) {
    require(good, [&] { return text("cannot write the TIFF", file.why()); });
  };
  done(tiff != nullptr);
  const auto set = [&](std::uint32_t tag, auto value) { done(TIFFSetField(tiff, tag, value) != 0); };
  set(TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(width));
  set(TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(height));
  set(TIFFTAG_SAMPLESPERPIXEL, static_cast<int>(channels));
  set(TIFFTAG_BITSPERSAMPLE, static_cast<int>(8 * bytes_of(raster.sample)));
  set(TIFFTAG_SAMPLEFORMAT, real ? SAMPLEFORMAT_IEEEFP : is_signed ? SAMPLEFORMAT_INT : SAMPLEFORMAT_UINT);
  set(TIFFTAG_PHOTOMETRIC, channels >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  set(TIFFTAG_PLANARCONFIG, options.planes ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  if (const std::int64_t extra = channels - (channels >= 3 ? 3 : 1); extra > 0) {
    const std::vector<std::uint16_t> kinds(static_cast<std::size_t>(extra), EXTRASAMPLE_UNSPECIFIED);
    done(TIFFSetField(tiff, TIFFTAG_EXTRASAMPLES, static_cast<int>(extra), kinds.data()) != 0);
  }
  const bool packed = options.compression != TiffCompression::None;
  set(TIFFTAG_COMPRESSION, !packed                                       ? COMPRESSION_NONE
                           : options.compression == TiffCompression::Lzw ? COMPRESSION_LZW
                                                                         : COMPRESSION_ADOBE_DEFLATE);
  if (packed) set(TIFFTAG_PREDICTOR, real ? PREDICTOR_FLOATINGPOINT : PREDICTOR_HORIZONTAL);

  const auto step = static_cast<std::int64_t>(bytes_of(raster.sample));
  const std::int64_t depth = options.planes ? 1 : channels;
  const std::int64_t block_width = options.tile > 0 ? options.tile : width;
  const std::int64_t block_height =
      options.tile > 0 ? options.tile : std::clamp<std::int64_t>(65536 / (width * depth * step), 1, height);
  if (options.tile > 0) {
    set(TIFFTAG_TILEWIDTH, static_cast<std::uint32_t>(block_width));
    set(TIFFTAG_TILELENGTH, static_cast<std::uint32_t>(block_height));
  } else {
    set(TIFFTAG_ROWSPERSTRIP, static_cast<std::uint32_t>(block_height));
  }
  std::vector<std::uint8_t> buffer(static_cast<std::size_t>(block_width * block_height * depth * step));
  for (std::int64_t first = 0; first < (options.planes ? channels : 1); ++first)
    for (std::int64_t top = 0; top < height; top += block_height)
      for (std::int64_t left = 0; left < width; left += block_width) {
        std::fill(buffer.begin(), buffer.end(), std::uint8_t{0});
        const std::int64_t rows = std::min(block_height, height - top),
                           columns = std::min(block_width, width - left);
        for (std::int64_t row = 0; row < rows; ++row)
          for (std::int64_t channel = 0; channel < depth; ++channel) {
            const std::uint8_t* from =
                raster.bytes.data() + (((first + channel) * height + top + row) * width + left) * step;
            std::uint8_t* to = buffer.data() + (row * block_width * depth + channel) * step;
            for (std::int64_t column = 0; column < columns; ++column, from += step, to += depth * step)
              std::memcpy(to, from, static_cast<std::size_t>(step));
          }
        const auto x = static_cast<std::uint32_t>(left), y = static_cast<std::uint32_t>(top);
        const auto plane = static_cast<std::uint16_t>(first);
        const std::int64_t size = (options.tile > 0 ? block_height : rows) * block_width * depth * step;
        done(size ==
             (options.tile > 0
                  ? TIFFWriteEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, plane), buffer.data(), size)
                  : TIFFWriteEncodedStrip(tiff, TIFFComputeStrip(tiff, y, plane), buffer.data(), size)));
      }
  done(TIFFFlush(tiff) != 0);
  file.close();
  return out;
}

/// Writes [C, H, W] or [H, W] as a TIFF file of one page. uint8, int8, int16, int32 and floating point are
/// stored as they are, bool as 0 and 255, int64 as uint32; with `.sample = Sample::U16` an integer tensor is
/// stored with 16 bits. Values that do not fit are refused. Three and more channels are RGB and extra
/// channels.
/// @throws Error naming the path
inline void write_tiff(const std::filesystem::path& path, const Tensor& image,
                       const TiffOptions& options = {}) {
  naming(path, [&] { write_file(path, encode_tiff(image, options)); });
}

}  // namespace lumen::io
