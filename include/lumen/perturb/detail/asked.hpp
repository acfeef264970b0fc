// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb::detail {

/// What was asked of a game, in coalitions times samples: the progress of all of it, where it is known how much that is.
class Asked {
 public:
  /// So many more will be asked.
  void expect(std::int64_t rows) { expected_ += rows; }
  void add(std::int64_t rows) { done_ += rows; }

  /// The share that was done of what is expected, 0 to 1.
  [[nodiscard]] double share() const {
    return done_ < expected_ ? static_cast<double>(done_) / static_cast<double>(expected_) : 1.0;
  }

  /// `run` for one evaluation, which is told as a part of the whole. It must not outlive this object or `run`.
  /// @param known  rows of the same question that need no evaluation
  [[nodiscard]] Run within(const Run& run, std::int64_t known) const {
    Run inner = run;
    if (run.progress && expected_ > 0) {
      inner.progress = [this, &run, known](std::string_view name, std::int64_t done, std::int64_t total) {
        const std::int64_t before = done_ + known;
        run.progress(name, before + done, std::max(expected_, before + total));
      };
    }
    return inner;
  }

  void finish(const Run& run) const {
    if (run.progress && done_ < expected_) run.progress(what, expected_, expected_);
  }

  static constexpr const char* what = "coalitions";

 private:
  std::int64_t expected_ = 0, done_ = 0;
};

/// @param scores  for each target [k, n]
/// @throws Stopped  if these are not all of `rows` coalitions
inline std::vector<Tensor> all_of(std::vector<Tensor> scores, std::int64_t rows) {
  const std::int64_t known = scores.front().size(0);
  if (known < rows) {
    throw Stopped(text("stopped by run.stop after ", known, " of ", rows,
                       " coalitions; of these there is no partial result"));
  }
  return scores;
}

}  // namespace lumen::perturb::detail
