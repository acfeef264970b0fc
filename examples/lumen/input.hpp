// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "value.hpp"

namespace cli {

/// What is done to every input before the network sees it.
struct Preprocessing {
  std::vector<std::int64_t> size{};   ///< {S}: the shorter side becomes S; {H, W}: exactly; empty: as it is
  std::vector<std::int64_t> crop{};   ///< from the centre, {S} or {H, W}
  std::vector<double> mean{}, std{};  ///< of each channel, or one for all: (x - mean) / std
  std::int64_t channels = 0;          ///< of images: 1 gray, 3 RGB, 0 as in the file
};

/// One sample to explain.
struct Sample {
  std::string name{};  ///< its file, with #row for one of several rows of an array
  std::string stem{};  ///< for names of results
  Tensor x{};          ///< [1, ...], preprocessed, float32
  Tensor
      picture{};  ///< [C, H, W] in [0, 1] before normalisation, for looking at; undefined for what is no picture
};

/// The files that are named, and those in folders, in the order of their names.
/// @throws Error if a path is not there, or a folder holds no image and no array
[[nodiscard]] std::vector<std::filesystem::path> files_of(const std::vector<std::string>& paths);

/// Reads an image (PNG, JPEG, BMP, TIFF) or an array (npy) and preprocesses it: 8- and 16-bit values become 0 ... 1,
/// alpha is left out. An array of 1 or 3 axes is one sample, others hold one in each row of their first axis.
/// @throws Error naming the file
[[nodiscard]] std::vector<Sample> read_samples(const std::filesystem::path& path, const Preprocessing& how);

}  // namespace cli
