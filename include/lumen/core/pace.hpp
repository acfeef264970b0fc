// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lumen {

/// How long a piece of work still takes, at the pace so far: what a `Progress` is told, made seconds. Not thread-safe.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  /// Work of another name, or that falls back, is another piece, whose pace begins anew.
  void tell(std::string_view what, std::int64_t done, std::int64_t total,
            Clock::time_point now = Clock::now()) {
    if (what_ != what || done < done_) {
      what_ = what;
      start_ = now;
      first_ = done;
    }
    passed_ = std::chrono::duration<double>(now - start_).count();
    done_ = done;
    total_ = total;
  }
  /// Seconds since the piece of work began.
  [[nodiscard]] double seconds() const { return passed_; }
  /// Seconds that are left of it; 0 while nothing was done since it began.
  [[nodiscard]] double seconds_left() const {
    if (done_ <= first_) return 0.0;
    return passed_ / static_cast<double>(done_ - first_) * static_cast<double>(total_ - done_);
  }

 private:
  std::string what_{};
  Clock::time_point start_{};
  std::int64_t first_ = 0, done_ = 0, total_ = 0;  ///< first_: what was done when the piece of work began
  double passed_ = 0.0;
};

}  // namespace lumen
