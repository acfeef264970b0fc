// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lumen/io/read.hpp>

#include "words.hpp"

namespace cli {

/// What is done to every input before the network sees it.
struct Preprocessing {
  std::vector<std::int64_t> size{};   ///< {S}: the shorter side becomes S; {H, W}: exactly; empty: as it is
  std::vector<std::int64_t> crop{};   ///< from the centre, {S} or {H, W}
  std::vector<double> mean{}, std{};  ///< of each channel, or one for all: (x - mean) / std
  std::int64_t channels =
      0;  ///< of images: 1 gray, 3 RGB, or what the file has; 0: as the network takes them
  std::optional<bool> batch{};  ///< whether the first axis of an array counts samples; unset: as it fits
  std::vector<std::vector<std::int64_t>>
      shape{};  ///< of the arrays, one for each input; empty: as in the file
};

/// The words of --size, --crop, --mean and --std.
struct PrepareOptions {
  std::string size{}, crop{}, mean{}, std{};
};

/// @throws Error for sides below 1, for what is no number, and for a deviation that is not above 0
[[nodiscard]] Preprocessing preprocessing_of(const PrepareOptions& options);

/// What a file holds, before it is known what the network takes.
struct Raw {
  std::filesystem::path path{};
  lm::io::StoredValues stored{};

  /// Unsigned integers are intensities (0 ... 1 after division by the largest value of their type), floating point and
  /// signed values are numbers as they are, true is 1.
  [[nodiscard]] bool is_scaled() const;
  /// Whether the values may also be ids, lengths or a mask, which a network takes as integers.
  [[nodiscard]] bool may_be_integers() const;
};

/// One way to read a file for a network.
struct Reading {
  std::int64_t channels = 0;  ///< of an image; 0: those of the file
  bool batch = false;         ///< the first axis of an array counts samples
  bool integers = false;      ///< the values stay integers
  bool gray = false;          ///< an array of two axes is a picture without an axis of channels

  friend bool operator==(const Reading&, const Reading&) = default;
};

/// One sample of one file.
struct Part {
  Tensor x{};        ///< [1, ...], preprocessed; float64, or int64 or bool
  Tensor picture{};  ///< [C, H, W] before normalisation, for looking at; undefined for what is no picture
};

/// The files that are named, and those in folders, in the order of their names.
/// @throws Error if a path is not there, or a folder holds no image and no array
[[nodiscard]] std::vector<std::filesystem::path> files_of(const std::vector<std::string>& paths);

/// @throws Error naming the file
[[nodiscard]] Raw read_raw(const std::filesystem::path& path);

/// How the file could be meant, the likelier first.
[[nodiscard]] std::vector<Reading> readings_of(const Raw& raw, const Preprocessing& how, std::size_t part,
                                               bool several_parts);

/// The samples of a file, read in one way. @throws Error naming the file
[[nodiscard]] std::vector<Part> read_parts(const Raw& raw, const Reading& reading, const Preprocessing& how,
                                           std::size_t part);

}  // namespace cli
