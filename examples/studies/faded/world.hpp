// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lumen/data/sample.hpp>

#include "common/study.hpp"

namespace studies::faded {

using Samples = std::vector<lumen::data::Sample>;

/// The same image again and again, in which one vessel is ever fainter.
struct Series {
  std::vector<std::pair<std::string, Tensor>> images{};  ///< name, [1, H, W]; the first is whole
  std::int64_t row = 0, column = 0;                      ///< of a pixel in the middle of that vessel
  std::string words{};                                   ///< where it comes from

  /// The pixels that differ between the first image and the last, bool [H, W].
  [[nodiscard]] Tensor fading() const;
};

/// What the study works on.
struct World {
  Samples training{}, testing{};
  Series series{};
  std::string words{};
};

/// VessMAP and the original's series, or what serves for them.
/// @throws lumen::Error  a folder was given, and VessMAP is not in it
[[nodiscard]] World load(const Options& options);

/// Each sample, and each once more with vessels that fade at random places.
[[nodiscard]] Samples with_faded(const Samples& samples, std::uint64_t seed);

}  // namespace studies::faded
