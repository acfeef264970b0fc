// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/statistic/statistic.hpp>

namespace lumen::influence {

/// One row that was kept.
struct KeptRow {
  std::int64_t row = 0, column = 0;  ///< of the output's pixel
  double value = 0;                  ///< of the statistic
  double score = 0;                  ///< of the pixel
  Tensor window{};                   ///< [h, w], the part of the row's window that lies in the image
  std::int64_t top = 0, left = 0;    ///< where in the image the window begins
};

/// The rows of the largest and of the smallest values of a statistic, each with its window: [0] the largest, falling; [1]
/// the smallest, rising. Of equal values the pixel that comes first, row by row. Holds twice `most` windows.
template <Statistic S>
class Extremes {
 public:
  using Rows = std::array<std::vector<KeptRow>, 2>;

  /// @param most   how many rows of each kind
  /// @param least  only rows whose value is at least this: the smallest of those that mean something
  explicit Extremes(S statistic, std::int64_t most = 10,
                    double least = -std::numeric_limits<double>::infinity())
      : statistic_(std::move(statistic)), most_(most), least_(least) {
    require(most >= 1, [&] { return text("influence::Extremes: ", most, " rows; expected at least one"); });
  }

  [[nodiscard]] bool needs_peaks() const { return influence::needs_peaks(statistic_); }

  /// @throws Error if the statistic gives several numbers a row
  void operator()(const Windows& rows) {
    const Tensor values = Tensor(statistic_(rows)).to(at::kCPU, at::kDouble).contiguous();
    require(values.dim() == 1 && values.size(0) == rows.count(), [&] {
      return text("influence::Extremes: the statistic gave ", values.sizes(), " for ", rows.count(),
                  " rows; expected one number each");
    });
    for (std::int64_t b = 0; b < rows.count(); ++b) {
      const double value = values.data_ptr<double>()[b];
      if (!(value >= least_)) continue;
      const auto* place = rows.chunk().places.data_ptr<std::int64_t>() + 2 * b;
      KeptRow kept{.row = place[0], .column = place[1], .value = value};
      for (std::size_t kind = 0; kind < 2; ++kind) keep(kind, kept, rows, b);
    }
  }

  [[nodiscard]] Rows result() const { return rows_; }

 private:
  static bool before(std::size_t kind, const KeptRow& a, const KeptRow& b) {
    if (a.value != b.value) return kind == 0 ? a.value > b.value : a.value < b.value;
    return std::pair(a.row, a.column) < std::pair(b.row, b.column);
  }

  void keep(std::size_t kind, const KeptRow& found, const Windows& rows, std::int64_t b) {
    auto& list = rows_[kind];
    const bool full = static_cast<std::int64_t>(list.size()) == most_;
    if (full && !before(kind, found, list.back())) return;
    KeptRow kept = found;
    const auto [row, height, column, width] = rows.chunk().inside(b);
    const auto* origin = rows.chunk().origins.template data_ptr<std::int64_t>() + 2 * b;
    kept.top = origin[0] + row;
    kept.left = origin[1] + column;
    kept.window = rows.values()[b].narrow(0, row, height).narrow(1, column, width).cpu().clone();
    kept.score = rows.chunk().scores[b].template item<double>();
    if (full) list.pop_back();
    list.insert(std::upper_bound(list.begin(), list.end(), kept,
                                 [&](const KeptRow& x, const KeptRow& y) { return before(kind, x, y); }),
                std::move(kept));
  }

  S statistic_;
  std::int64_t most_;
  double least_;
  Rows rows_{};
};

}  // namespace lumen::influence
