// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/seed.hpp>

namespace lumen::metric {

/// A mean and what it may as well have been.
struct MeanInterval {
  double mean = 0.0, low = 0.0, high = 0.0;
};

/// The interval of a mean by the percentile bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter
/// 13). Of a table of several runs (networks trained from several seeds) over the same items (test images) both are drawn again,
/// with replacement, and the mean of the drawn cells is taken: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics
/// 2007, arXiv:0712.1111. With two or three runs their spread is known badly, and so is the interval: it tends to be too narrow.
///
/// For two methods on the same items give the differences: what makes an item hard for both then drops out.
struct Bootstrap {
  double level = 0.95;        ///< in (0, 1)
  std::int64_t draws = 2000;  ///< at least 100
  std::uint64_t seed = 0;

  /// @param runs  [runs][items]
  /// @throws Error  no value, runs of different lengths, a value that is not finite, or an option out of range
  [[nodiscard]] MeanInterval operator()(const std::vector<std::vector<double>>& runs) const {
    require(level > 0.0 && level < 1.0 && draws >= 100, [&] {
      return text("Bootstrap: level ", level, " and ", draws, " draws; expected (0, 1) and at least 100");
    });
    require(!runs.empty() && !runs.front().empty(), "Bootstrap: there are no values");
    const std::size_t items = runs.front().size();
    for (const std::vector<double>& run : runs) {
      require(run.size() == items, [&] {
        return text("Bootstrap: one run has ", run.size(), " values, the first ", items,
                    "; every run needs the same items");
      });
      require(std::ranges::all_of(run, [](double v) { return std::isfinite(v); }),
              "Bootstrap: a value is not finite");
    }
    std::vector<double> means;
    std::vector<double> times(items), of_run(runs.size());
    for (std::int64_t draw = 0; draw < draws; ++draw) {
      std::uint64_t count = 0;
      const auto drawn = [&](std::vector<double>& into) {
        std::ranges::fill(into, 0.0);
        for (std::size_t i = 0; i < into.size(); ++i) {
          const double u = uniform(seed, draw, static_cast<std::int64_t>(count++));
          ++into[std::min(into.size() - 1, static_cast<std::size_t>(u * static_cast<double>(into.size())))];
        }
      };
      drawn(of_run);
      drawn(times);
      means.push_back(mean(runs, of_run, times));
    }
    std::ranges::sort(means);
    std::ranges::fill(of_run, 1.0);
    std::ranges::fill(times, 1.0);
    return {mean(runs, of_run, times), quantile(means, (1.0 - level) / 2.0),
            quantile(means, (1.0 + level) / 2.0)};
  }

  /// Of one run.
  [[nodiscard]] MeanInterval operator()(const std::vector<double>& values) const {
    return (*this)(std::vector<std::vector<double>>{values});
  }

 private:
  static double mean(const std::vector<std::vector<double>>& runs, const std::vector<double>& of_run,
                     const std::vector<double>& times) {
    double sum = 0.0;
    for (std::size_t r = 0; r < runs.size(); ++r) {
      if (of_run[r] == 0.0) continue;
      double inner = 0.0;
      for (std::size_t i = 0; i < times.size(); ++i) inner += times[i] * runs[r][i];
      sum += of_run[r] * inner;
    }
    return sum / static_cast<double>(runs.size()) / static_cast<double>(times.size());
  }
  static double quantile(const std::vector<double>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const double rest = place - static_cast<double>(below);
    return sorted[below] + (rest > 0.0 ? rest * (sorted[below + 1] - sorted[below]) : 0.0);
  }
};

}  // namespace lumen::metric
