// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
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

namespace detail {

/// How many granules a pass on a processor takes before it gets slower, by what its largest tensor takes: an operator's
/// operand and result, of 16 MiB each, still fit a usual cache, and beyond 32 MiB the C library gives memory back after each
/// operator, to be mapped and cleared again for the next. On two networks of 224 x 224 passes of more rows took up to a
/// quarter longer a row. What does not grow with the rows says nothing: two passes of different size tell.
class Widest {
 public:
  static constexpr std::int64_t most_bytes = std::int64_t{16} << 20;

  /// @param bytes  of the largest tensor of a pass of one granule; 0: not known
  explicit Widest(std::int64_t bytes) { add(1, bytes); }

  void add(std::int64_t granules, std::int64_t bytes) {
    if (bytes <= 0) return;
    if (granules_ == 0) {
      granules_ = granules;
      bytes_ = bytes;
    } else if (granules != granules_) {
      each_ = std::max<std::int64_t>((bytes - bytes_) / (granules - granules_), 0);
    }
  }
  [[nodiscard]] std::int64_t granules() const {
    if (granules_ == 0 || each_ == 0) return std::numeric_limits<std::int64_t>::max();
    if (each_ > 0) return std::max<std::int64_t>(most_bytes / each_, 1);
    return std::max<std::int64_t>(most_bytes * granules_ / bytes_, granules_ + 1);
  }

 private:
  std::int64_t granules_ = 0, bytes_ = 0;  // of the first pass
  std::int64_t each_ = -1;                 // by how much a granule more makes it larger; -1: not known
};

}  // namespace detail

}  // namespace engine

/// Splits `rows` rows of work into chunks that fit the memory budget and visits them in order:
/// `visit(first, count)`. The first chunk is one granule, or as many as `row_bytes` allows, and what it takes
/// is measured; the following ones are as large as the dearest row seen so far allows, on a processor no larger
/// than is fast, and of nearly equal size. No chunk is smaller than a granule, also when that is over the budget.
/// Nothing of this hangs on the clock.
///
/// @param granule      rows that must stay together, a divisor of `rows`
/// @param row_bytes    an upper bound of what one row takes; 0: what `run` says
/// @param row_largest  what the largest tensor of a pass of one row takes; 0: not known
/// @return how many rows were visited: all, or fewer where `run.stop` ended it
/// @throws Error if the budget is not positive, or the bound negative
template <std::invocable<std::int64_t, std::int64_t> Visit>
[[nodiscard]] std::int64_t sweep_until_stopped(std::int64_t rows, std::int64_t granule, const Run& run,
                                               std::string_view what, const Visit& visit,
                                               std::int64_t row_bytes = 0, std::int64_t row_largest = 0) {
  require(run.memory > 0, [&] {
    return text("the memory budget is ", run.memory, " bytes; give run.memory a positive number of bytes");
  });
  require(run.row_bytes >= 0, [&] {
    return text("run.row_bytes is ", run.row_bytes, ", expected a number of bytes, or 0 to have it measured");
  });
  keep_freed_memory();
  if (row_bytes == 0) row_bytes = run.row_bytes;
  if (rows <= granule) {
    visit(std::int64_t{0}, rows);
    (void)engine::stopped(run, what, rows, rows);
    return rows;
  }
  std::int64_t cost = 0;  // of a granule
  engine::detail::Widest widest(row_largest * granule);
  for (std::int64_t first = 0; first < rows;) {
    const std::int64_t left = (rows - first) / granule;
    std::int64_t granules = 1;
    if (const std::int64_t bound = cost > 0 ? cost : row_bytes * granule; bound > 0) {
      const std::int64_t most =
          std::clamp<std::int64_t>(std::min(run.memory / bound, widest.granules()), 1, left);
      const std::int64_t chunks = (left + most - 1) / most;
      granules = (left + chunks - 1) / chunks;
    }
    std::optional<MemoryMeter> meter;
    if (granules < left) meter.emplace();  // what the last chunk takes decides nothing
    visit(first, granules * granule);
    if (meter) {
      cost = std::max(cost, (meter->peak() + granules - 1) / granules);
      widest.add(granules, meter->largest());
    }
    first += granules * granule;
    if (engine::stopped(run, what, first, rows)) return first;
  }
  return rows;
}

/// The same, all of it or nothing.
/// @throws Stopped where `run.stop` ends it before the last chunk
template <std::invocable<std::int64_t, std::int64_t> Visit>
void sweep(std::int64_t rows, std::int64_t granule, const Run& run, std::string_view what, const Visit& visit,
           std::int64_t row_bytes = 0, std::int64_t row_largest = 0) {
  const std::int64_t done = sweep_until_stopped(rows, granule, run, what, visit, row_bytes, row_largest);
  if (done < rows) {
    throw Stopped(text("stopped by run.stop after ", done, " of ", rows, " rows of \"", what,
                       "\"; of these there is no partial result"));
  }
}

}  // namespace lumen
