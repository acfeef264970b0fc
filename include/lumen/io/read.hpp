// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/decode_image.hpp>
#include <lumen/io/decode_tiff.hpp>
#include <lumen/io/file.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/io/parse_npy.hpp>
#include <lumen/io/raster.hpp>
#include <lumen/io/raster_tensor.hpp>
#include <lumen/io/unread_format.hpp>

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

/// @throws Error for bytes that begin like no format that is known, whether it is read or not
inline void require_begin_of_a_format(std::span<const std::uint8_t> bytes, const std::string& dotted) {
  require(!bytes.empty(), "the file is empty; write or download it again");
  bool known = unread_format(bytes) != nullptr;
  for (const char* const begin : {"\x93NUMPY", "\x89PNG", "\xFF\xD8\xFF", "BM", "II", "MM"})
    known = known || image_detail::starts_with(bytes, begin);
  require(known, [&] {
    return text("damaged, or no picture and no array: it begins like no PNG, JPEG, BMP, TIFF or npy file",
                dotted.empty() ? "" : ", though its name ends in " + dotted,
                "; copy or download it again, or save the array with numpy.save");
  });
}

/// A TIFF, npy, PNG, JPEG or BMP file, told apart by its first bytes and not by its extension, which data sets get
/// wrong: some of VessMAP's labels are TIFFs named .png. With how it is stored.
/// @throws Error naming the path
[[nodiscard]] inline StoredValues read_stored(const std::filesystem::path& path) {
  return naming(path, [&] {
    const auto bytes = read_file(path);
    require_begin_of_a_format(bytes, extension(path));
    return decode_stored(bytes);
  });
}

/// The same, the values alone. Needs both stb and libtiff; where that is too much, include the header of the one
/// format.
/// @throws Error naming the path
[[nodiscard]] inline Tensor read(const std::filesystem::path& path) { return read_stored(path).values; }

}  // namespace lumen::io
