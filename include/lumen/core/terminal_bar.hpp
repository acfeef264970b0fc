// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif

#include <lumen/core/pace.hpp>
#include <lumen/core/progress.hpp>

namespace lumen {

/// A progress bar on one line of a terminal: `Run{.progress = TerminalBar{}}`. It redraws at most ten times a
/// second, says how much time is left once it can tell, clears itself when the work is done, and is silent where the
/// stream is not a terminal.
class TerminalBar {
 public:
  /// @param always  also draw where the stream is not a terminal
  explicit TerminalBar(std::FILE* stream = stderr, bool always = false)
      : state_(std::make_shared<State>(stream, always || is_terminal(stream))) {}

  void operator()(std::string_view what, std::int64_t done, std::int64_t total) const {
    if (!state_->draws || total <= 0) return;
    const std::lock_guard lock(state_->mutex);
    const auto now = Pace::Clock::now();
    const bool finished = done >= total;
    state_->pace.tell(what, done, total, now);
    if (!finished && now - state_->last < std::chrono::milliseconds(100)) return;
    state_->last = now;
    if (finished) {
      std::fputs("\r\x1b[K", state_->stream);
    } else {
      constexpr std::int64_t width = 30;
      const auto filled = static_cast<std::size_t>(width * done / total);
      const std::string bar =
          std::string(filled, '#') + std::string(static_cast<std::size_t>(width) - filled, '.');
      std::fprintf(state_->stream, "\r\x1b[K%.*s [%s] %lld/%lld%s", static_cast<int>(what.size()),
                   what.data(), bar.c_str(), static_cast<long long>(done), static_cast<long long>(total),
                   left(state_->pace).c_str());
    }
    std::fflush(state_->stream);
  }

 private:
  struct State {
    State(std::FILE* to, bool drawn) : stream(to), draws(drawn) {}
    std::FILE* stream;
    bool draws;
    std::mutex mutex;  // copies of a bar may be told from several threads
    Pace::Clock::time_point last{};
    Pace pace{};
  };

  /// ", 12 s left" once a second has passed, at the speed so far.
  static std::string left(const Pace& pace) {
    const double more = pace.seconds_left();
    if (pace.seconds() < 1 || more <= 0) return "";
    const bool minutes = more >= 120, hours = more >= 7200;
    return ", " +
           std::to_string(static_cast<std::int64_t>(more / (hours     ? 3600
                                                            : minutes ? 60
                                                                      : 1) +
                                                    0.5)) +
           (hours     ? " h left"
            : minutes ? " min left"
                      : " s left");
  }

  static bool is_terminal(std::FILE* stream) {
#if defined(_WIN32)
    return _isatty(_fileno(stream)) != 0;
#else
    return isatty(fileno(stream)) != 0;
#endif
  }

  std::shared_ptr<State> state_;
};

}  // namespace lumen
