// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "words.hpp"

namespace cli {

/// A map of one axis: bars up and down from zero, below the input that it belongs to.
struct Plot {
  Tensor map{};    ///< [L]
  Tensor input{};  ///< [L] or [C, L]: a line for each channel, in grays; undefined: the bars alone
  std::string title{};

  /// uint8 [3, H, W].
  [[nodiscard]] Tensor draw() const;
};

}  // namespace cli
