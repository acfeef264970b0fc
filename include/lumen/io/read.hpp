// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/io/decode_image.hpp>
#include <lumen/io/decode_tiff.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/io/parse_npy.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/raster_tensor.hpp>

namespace lumen::io {

/// The values of a file, and how it stores them: the tensor's type does not tell uint16 from int32.
struct StoredValues {
  Tensor values{};
  Sample sample = Sample::F32;
  bool image = false;  ///< else an array
  bool alpha = false;  ///< the image's last channel is one of opacity
};

/// A TIFF, npy array, PNG, JPEG or BMP in memory, told apart by its first bytes.
/// @throws Error for anything else, and for what the format's own reader refuses
[[nodiscard]] inline StoredValues decode_stored(std::span<const std::uint8_t> bytes) {
  using image_detail::starts_with;
  if (starts_with(bytes, "\x93NUMPY")) return {decode_npy(bytes), parse_npy(bytes).sample, false, false};
  const bool tiff = starts_with(bytes, "II") || starts_with(bytes, "MM");
  const Raster raster = tiff ? decode_tiff(bytes) : decode_image(bytes);
  return {to_tensor(raster), raster.sample, true, raster.alpha};
}

/// The same, the values alone.
[[nodiscard]] inline Tensor decode(std::span<const std::uint8_t> bytes) {
  return decode_stored(bytes).values;
}

/// A TIFF, npy, PNG, JPEG or BMP file, told apart by its first bytes and not by its extension, which data
/// sets get wrong: some of VessMAP's labels are TIFFs named .png. Needs both stb and libtiff; where that is
/// too much, include the header of the one format.
/// @throws Error naming the path
[[nodiscard]] inline Tensor read(const std::filesystem::path& path) {
  return naming(path, [&] { return decode(read_file(path)); });
}

/// The same with how it is stored.
/// @throws Error naming the path
[[nodiscard]] inline StoredValues read_stored(const std::filesystem::path& path) {
  return naming(path, [&] { return decode_stored(read_file(path)); });
}

}  // namespace lumen::io
