// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace lumen::io {

/// A format that no reader here reads, and how to turn it into one that is read.
struct UnreadFormat {
  std::size_t offset;      ///< where `magic` stands in a file
  std::string_view magic;  ///< the bytes that tell it
  std::string_view name, remedy;
};

/// What people hand to image and array readers, for messages.
inline constexpr std::array<UnreadFormat, 18> unread_formats{{
    {8, "WEBP", "a WebP image", "convert it to PNG"},
    {4, "ftypavif", "an AVIF image", "convert it to PNG"},
    {4, "ftyphei", "a HEIF image", "convert it to PNG"},
    {4, "ftypmif1", "a HEIF image", "convert it to PNG"},
    {4, "jP  ", "a JPEG 2000 image", "convert it to TIFF"},
    {0, "GIF8", "a GIF image", "convert it to PNG"},
    {0, "P6", "a PPM image", "convert it to PNG"},
    {0, "P5", "a PGM image", "convert it to PNG"},
    {0, "8BPS", "a Photoshop file", "convert it to TIFF"},
    {0, "%PDF", "a PDF", "convert its page to PNG"},
    {0, "<svg", "an SVG drawing", "convert it to PNG"},
    {0, "\x93NUMPY", "an npy array", "read it with lumen::io::read_npy or lumen::io::read"},
    {0, "\x89HDF", "an HDF5 file", "save its array with numpy.save"},
    {0, "\x1f\x8b", "a gzip file (of NIfTI, perhaps)", "unpack it, and save an array with numpy.save"},
    {128, "DICM", "a DICOM file", "save its array with numpy.save: pydicom.dcmread(\"x.dcm\").pixel_array"},
    {0, "PK\x03\x04", "a zip archive: an npz of several arrays, or a file of torch.save",
     "take one array out: numpy.save(\"x.npy\", numpy.load(\"x.npz\")[\"x\"]), or "
     "numpy.save(\"x.npy\", torch.load(\"x.pt\").numpy())"},
    {0, "\x80\x02", "a Python pickle", "save its array with numpy.save"},
    {0, "\x80\x04", "a Python pickle", "save its array with numpy.save"},
}};

/// The format of a file in memory, if it is one of `unread_formats`; nullptr else.
[[nodiscard]] inline const UnreadFormat* unread_format(std::span<const std::uint8_t> file) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  for (const UnreadFormat& format : unread_formats)
    if (bytes.size() >= format.offset && bytes.substr(format.offset).starts_with(format.magic))
      return &format;
  return nullptr;
}

}  // namespace lumen::io
