// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <lumen/core/progress.hpp>

namespace lumen {

/// How inputs are passed through a model that differ from one another in a region.
enum class Passes {
  Cheapest,  ///< the cheaper of the two, measured: by the clock, so that two runs may differ by rounding
  Whole,     ///< the model's own passes
  Incremental  ///< from a recorded pass, what the region changes alone; whole where the model is no such program
};

/// How a method runs, never what it computes: the same member, `run`, of every method.
struct Run {
  /// Bytes that one pass may take beyond what is held already. More rows in a pass help on a GPU; on a CPU they
  /// soon stop to, so that no more go than keep its largest tensor within 16 MiB.
  std::int64_t memory = std::int64_t{128} << 20;
  Progress progress{};  ///< told after every pass; none by default
  /// Asked after every pass: true ends the method. Those that remove regions, and those that draw coalitions or masks,
  /// then give what is known so far (`Attribution::done`); the others throw `Stopped`: a stream of rows has given its sink
  /// what is done, a mask that is sought is nothing before the end. Once true it must stay so. Set it from another thread through an atomic.
  std::function<bool()> stop{};
  /// The number of each sample, which random draws are keyed by; 0 ... N - 1 if empty.
  std::vector<std::int64_t> samples{};
  /// Of methods that remove regions (`Attribution::execution` tells what was done) or coalitions; equal but for rounding.
  Passes passes = Passes::Cheapest;
  /// Bytes that the forward and backward pass of one row takes at most, where the caller knows; 0: measured with a
  /// first pass of one row.
  std::int64_t row_bytes = 0;
};

}  // namespace lumen
