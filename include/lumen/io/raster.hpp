// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>

namespace lumen::io {

/// How a file stores one sample (one value of one channel of one pixel), or one element of an array.
enum class Sample : std::uint8_t { Bool, U8, U16, U32, I8, I16, I32, I64, F16, F32, F64 };

/// Bytes of one sample.
[[nodiscard]] constexpr std::size_t bytes_of(Sample sample) {
  constexpr std::size_t sizes[] = {1, 1, 2, 4, 1, 2, 4, 8, 2, 4, 8};
  return sizes[static_cast<std::size_t>(sample)];
}

/// The sample's name as numpy spells it, for messages.
[[nodiscard]] constexpr std::string_view name_of(Sample sample) {
  constexpr std::string_view names[] = {"bool",  "uint8", "uint16",  "uint32",  "int8",   "int16",
                                        "int32", "int64", "float16", "float32", "float64"};
  return names[static_cast<std::size_t>(sample)];
}

/// The most bytes that a reader of this folder decodes one file into, 1 GiB. What would be larger is refused
/// before anything of that size is allocated.
inline constexpr std::int64_t max_decoded_bytes = std::int64_t{1} << 30;

/// An image as a file holds it, before it becomes a tensor: [channels, height, width] in C order, in the byte
/// order of this machine. Knows nothing of LibTorch, so that the decoders can be built and fuzzed without it.
struct Raster {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  Sample sample = Sample::U8;
  bool alpha = false;  ///< the last channel is said to be one of opacity
  std::vector<std::uint8_t> bytes{};
};

/// Bytes that an image of this size takes.
/// @throws Error when a side is below 1 or the product exceeds `max_decoded_bytes`
[[nodiscard]] inline std::size_t raster_bytes(std::int64_t channels, std::int64_t height, std::int64_t width,
                                              Sample sample, std::string_view what) {
  std::int64_t left = max_decoded_bytes / static_cast<std::int64_t>(bytes_of(sample));
  for (const std::int64_t side : {channels, height, width}) {
    require(side >= 1 && side <= left, [&] {
      return text(what, ": an image of ", channels, " x ", height, " x ", width, " ", name_of(sample),
                  " samples (channels x height x width) ",
                  side < 1 ? "is empty" : "is over the limit of 1 GiB",
                  "; crop or scale it down in the program that wrote it");
    });
    left /= side;
  }
  return static_cast<std::size_t>(channels * height * width) * bytes_of(sample);
}

}  // namespace lumen::io
