// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/decode_image.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/png.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/raster_tensor.hpp>
#include <lumen/io/stb.hpp>

namespace lumen::io {

/// A PNG, JPEG or BMP file as [C, H, W]: uint8, or int32 in 0..65535 for a 16-bit PNG. C is what the file
/// holds: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
/// @throws Error naming the path: missing, a folder, empty, another format, damaged, truncated, above 1 GiB
[[nodiscard]] inline Tensor read_image(const std::filesystem::path& path) {
  return naming(path, [&] { return to_tensor(decode_image(read_file(path))); });
}

/// A PNG of the image, in memory: [C, H, W] or [H, W] with C from 1 to 4; uint8 (or bool, as 0 and 255) gives
/// 8 bits a sample, int32 in 0..65535 gives 16. Reading it back gives the same tensor.
/// @throws Error for other shapes and types; a float image goes through `to_byte` first
[[nodiscard]] inline std::vector<std::uint8_t> encode_png(const Tensor& image) {
  require(image.defined() && !image.is_floating_point(),
          "a PNG holds integers: turn a float image in [0, 1] into bytes with lumen::io::to_byte first");
  const Tensor bytes = image.scalar_type() == at::kBool ? image.to(at::kByte) * 255 : image;
  require(bytes.scalar_type() == at::kByte || bytes.scalar_type() == at::kInt, [&] {
    return text("a PNG is written from a uint8, bool or int32 tensor, and not from ", image.scalar_type());
  });
  return encode_png(to_raster(bytes, bytes.scalar_type() == at::kInt ? Sample::U16 : Sample::U8));
}

/// Writes an image by the path's extension: .png (8 or 16 bits, without loss), .bmp (uint8, 1, 3 or 4
/// channels; gray reads back as RGB), .jpg or .jpeg (uint8, 1 or 3 channels, with loss, quality 1..100).
/// @throws Error naming the path: another extension, shape or type, or a place that cannot be written
inline void write_image(const std::filesystem::path& path, const Tensor& image, int quality = 92) {
  naming(path, [&] {
    const std::string dotted = extension(path);
    const bool bmp = dotted == ".bmp", jpeg = dotted == ".jpg" || dotted == ".jpeg";
    if (dotted == ".png") return write_file(path, encode_png(image));
    require(bmp || jpeg, "an image is written as .png, .jpg or .bmp; use one of these extensions");
    require(image.defined() && image.scalar_type() == at::kByte,
            "JPEG and BMP hold bytes: turn a float image in [0, 1] into bytes with lumen::io::to_byte, or "
            "write .png");
    require(quality >= 1 && quality <= 100, "the JPEG quality lies in 1..100");
    const Raster raster = to_raster(image);
    require(raster.channels == 1 || raster.channels == 3 || (bmp && raster.channels == 4),
            [&] { return text("cannot write ", raster.channels, " channels as ", dotted, "; write .png"); });
    require(raster.height <= 65535 && raster.width <= 65535, "JPEG and BMP sides end at 65535; write .png");
    const std::vector<std::uint8_t> pixels = png_detail::interleaved(raster);
    std::vector<std::uint8_t> out;
    const auto append = [](void* context, void* data, int size) {
      const auto* from = static_cast<const std::uint8_t*>(data);
      auto* to = static_cast<std::vector<std::uint8_t>*>(context);
      to->insert(to->end(), from, from + size);
    };
    const int width = static_cast<int>(raster.width), height = static_cast<int>(raster.height);
    const int channels = static_cast<int>(raster.channels);
    const int done =
        bmp ? stb::lumen_stbi_write_bmp_to_func(append, &out, width, height, channels, pixels.data())
            : stb::lumen_stbi_write_jpg_to_func(append, &out, width, height, channels, pixels.data(),
                                                quality);
    require(done != 0, "the encoder failed");
    write_file(path, out);
  });
}

/// Values as float32 with 0 as black and 1 as white. `white` is the value of white; by default that of the
/// type: uint8 255, bool 1, int32 65535 (a 16-bit file), int64 4294967295 (a 32-bit file), floating point 1.
/// @throws Error for a signed 8- or 16-bit image without `white`, and for a `white` that is not above 0
[[nodiscard]] inline Tensor to_float(const Tensor& image, std::optional<double> white = std::nullopt) {
  require(image.defined(), "to_float: the image is an undefined tensor");
  if (!white) {
    switch (image.scalar_type()) {
      case at::kByte:
        white = 255.0;
        break;
      case at::kInt:
        white = 65535.0;
        break;
      case at::kLong:
        white = 4294967295.0;
        break;
      case at::kBool:
      case at::kHalf:
      case at::kFloat:
      case at::kDouble:
        white = 1.0;
        break;
      default:
        throw Error(
            text("to_float: ", image.scalar_type(), " has no agreed white; pass the value as `white`"));
    }
  }
  require(*white > 0.0, "to_float: `white` must be above 0");
  return (image.to(at::kDouble) / *white).to(at::kFloat);
}

/// A float image as uint8: 0 and below becomes 0, 1 and above 255, rounded to the nearest in between.
/// @throws Error when the image is not floating point, or holds NaN
[[nodiscard]] inline Tensor to_byte(const Tensor& image) {
  require(image.defined() && image.is_floating_point(), "to_byte: expected a floating point image in [0, 1]");
  require(!image.isnan().any().item<bool>(),
          "to_byte: the image holds NaN; fill it first, for example nan_to_num");
  return (image.detach().clamp(0, 1) * 255).round().to(at::kByte);
}

}  // namespace lumen::io
