// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include <lumen/core/progress.hpp>

namespace lumen {

/// How a method runs, never what it computes: the same member, `run`, of every method.
struct Run {
  /// Bytes that one pass may take beyond what is held already. More rows in a pass help on a GPU; on a CPU they
  /// soon stop to.
  std::int64_t memory = std::int64_t{128} << 20;
  Progress progress{};  ///< told after every pass; none by default
  /// The number of each sample, which random draws are keyed by; 0 ... N - 1 if empty.
  std::vector<std::int64_t> samples{};
  /// Bytes that the forward and backward pass of one row takes at most, where the caller knows; 0: measured with a
  /// first pass of one row.
  std::int64_t row_bytes = 0;
};

}  // namespace lumen
