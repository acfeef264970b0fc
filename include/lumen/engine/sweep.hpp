// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include <lumen/core/error.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/core/run.hpp>

namespace lumen {

namespace engine {

/// Tells the progress. @return whether there is more to do and `run.stop` ends it
inline bool stopped(const Run& run, std::string_view what, std::int64_t done, std::int64_t total) {
  if (run.progress) run.progress(what, done, total);
  return done < total && run.stop && run.stop();
}

/// The same for methods that can give nothing for half of their work. @throws Stopped
inline void tell(const Run& run, std::string_view what, std::int64_t done, std::int64_t total) {
  if (stopped(run, what, done, total)) {
    throw Stopped(text("stopped by run.stop after ", done, " of ", total, " ", what,
                       "; of these there is no partial result"));
  }
}

}  // namespace engine

/// Splits `rows` rows of work into chunks that fit the memory budget and visits them in order:
/// `visit(first, count)`. The first chunk is one granule, or as many as `row_bytes` allows, and what it takes
/// is measured; the following ones are as large as the dearest row seen so far allows, and of nearly equal
/// size. No chunk is smaller than a granule, also when that is over the budget.
///
/// @param granule    rows that must stay together, a divisor of `rows`
/// @param row_bytes  an upper bound of what one row takes; 0: what `run` says
/// @return how many rows were visited: all, or fewer where `run.stop` ended it
/// @throws Error if the budget is not positive, or the bound negative
template <std::invocable<std::int64_t, std::int64_t> Visit>
[[nodiscard]] std::int64_t sweep_until_stopped(std::int64_t rows, std::int64_t granule, const Run& run,
                                               std::string_view what, const Visit& visit,
                                               std::int64_t row_bytes = 0) {
  require(run.memory > 0, [&] {
    return text("the memory budget is ", run.memory, " bytes; give run.memory a positive number of bytes");
  });
  require(run.row_bytes >= 0, [&] {
    return text("run.row_bytes is ", run.row_bytes, ", expected a number of bytes, or 0 to have it measured");
  });
  if (row_bytes == 0) row_bytes = run.row_bytes;
  if (rows <= granule) {
    visit(std::int64_t{0}, rows);
    (void)engine::stopped(run, what, rows, rows);
    return rows;
  }
  std::int64_t cost = 0;  // of a granule
  for (std::int64_t first = 0; first < rows;) {
    const std::int64_t left = (rows - first) / granule;
    std::int64_t granules = 1;
    if (const std::int64_t bound = cost > 0 ? cost : row_bytes * granule; bound > 0) {
      const std::int64_t most = std::clamp<std::int64_t>(run.memory / bound, 1, left);
      const std::int64_t chunks = (left + most - 1) / most;
      granules = (left + chunks - 1) / chunks;
    }
    std::optional<MemoryMeter> meter;
    if (granules < left) meter.emplace();  // what the last chunk takes decides nothing
    visit(first, granules * granule);
    if (meter) cost = std::max(cost, (meter->peak() + granules - 1) / granules);
    first += granules * granule;
    if (engine::stopped(run, what, first, rows)) return first;
  }
  return rows;
}

/// The same, all of it or nothing.
/// @throws Stopped where `run.stop` ends it before the last chunk
template <std::invocable<std::int64_t, std::int64_t> Visit>
void sweep(std::int64_t rows, std::int64_t granule, const Run& run, std::string_view what, const Visit& visit,
           std::int64_t row_bytes = 0) {
  const std::int64_t done = sweep_until_stopped(rows, granule, run, what, visit, row_bytes);
  if (done < rows) {
    throw Stopped(text("stopped by run.stop after ", done, " of ", rows, " rows of \"", what,
                       "\"; of these there is no partial result"));
  }
}

}  // namespace lumen
