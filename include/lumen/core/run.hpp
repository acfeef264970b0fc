// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include <lumen/core/progress.hpp>

namespace lumen {

/// How a method runs, never what it computes: the same member, `run`, of every method.
struct Run {
  std::int64_t memory = std::int64_t{512}
                        << 20;  ///< bytes that one pass may take beyond what is held already
  Progress progress{};          ///< told after every pass; none by default
  std::vector<std::int64_t>
      samples{};  ///< the number of each sample, which random draws are keyed by; 0 ... N - 1 if empty
};

}  // namespace lumen
