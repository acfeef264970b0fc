// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#ifdef __GLIBC__  // known once a standard header is in
#include <malloc.h>
#endif

namespace lumen::bench {

/// Seconds of one call, the mean over so many repetitions.
using Timed = std::function<double(int repetitions)>;

template <class Work>
Timed timed(Work work) {
  return [work](int repetitions) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repetitions; ++i) work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / repetitions;
  };
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

/// The seconds of every side in every round; the sides take turns, and who goes first changes from round to round.
/// A turn is long enough that what the side before it left behind (threads that still spin while they wait for work,
/// a cold cache) is over: it starts with calls that are not timed, and short calls are repeated for a tenth of a
/// second. Calls of more than a second need no such preparation.
inline std::vector<std::vector<double>> interleaved(const std::vector<Timed>& sides, double seconds) {
  struct Turn {
    int untimed, timed;
  };
  std::vector<Turn> turns;
  double round = 0.0;
  for (const Timed& side : sides) {
    double once = side(1);
    if (once <= 1.0) once = side(1);
    const auto within = [once](double spell) { return std::clamp(static_cast<int>(spell / once), 1, 2000); };
    turns.push_back({once > 1.0 ? 0 : within(0.03), within(0.1)});
    round += once * (turns.back().untimed + turns.back().timed);
  }
  const int rounds = std::clamp(static_cast<int>(seconds / round), 3, 60);
  std::vector<std::vector<double>> times(sides.size());
  for (int r = 0; r < rounds; ++r) {
    for (std::size_t i = 0; i < sides.size(); ++i) {
      const std::size_t side = (i + static_cast<std::size_t>(r)) % sides.size();
      if (turns[side].untimed > 0) sides[side](turns[side].untimed);
      times[side].push_back(sides[side](turns[side].timed));
    }
  }
  return times;
}

/// The median over rounds of a's seconds over b's in the same round.
inline double ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(ratios);
}

/// A line of /proc/self/status in bytes; 0 where there is none.
inline std::int64_t process_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1)) * 1024;
  return 0;
}

/// How far the resident memory of this process rises above where it is, while `work` runs.
template <class Work>
std::int64_t resident_rise(const Work& work) {
#ifdef __GLIBC__
  malloc_trim(0);  // what earlier runs left in the allocator counts as given back
#endif
  std::ofstream("/proc/self/clear_refs") << "5";  // the high-water mark starts anew
  const std::int64_t before = process_bytes("VmRSS");
  work();
  return std::max<std::int64_t>(process_bytes("VmHWM") - before, 0);
}

}  // namespace lumen::bench
