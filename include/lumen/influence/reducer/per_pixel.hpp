// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <limits>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/statistic/statistic.hpp>

namespace lumen::influence {

/// A statistic of every row as an image: what `reduce` makes of a statistic. [H', W'] of the output, float64, or
/// [H', W', k] of one that gives k numbers a row; NaN at pixels that were not asked about.
template <Statistic S>
class PerPixel {
 public:
  explicit PerPixel(S statistic) : statistic_(std::move(statistic)) {}

  [[nodiscard]] bool needs_peaks() const { return influence::needs_peaks(statistic_); }

  /// @throws Error if the statistic gives anything but one row of numbers for each row
  void operator()(const Windows& rows) {
    const Tensor values = Tensor(statistic_(rows)).to(at::kCPU, at::kDouble);
    require(values.dim() >= 1 && values.dim() <= 2 && values.size(0) == rows.count(), [&] {
      return text("a statistic gave ", values.sizes(), " for ", rows.count(), " rows; expected [",
                  rows.count(), "] or [", rows.count(), ", k]");
    });
    if (!image_.defined()) {
      height_ = rows.chunk().out_height;
      width_ = rows.chunk().out_width;
      std::vector<std::int64_t> shape{height_ * width_};
      if (values.dim() == 2) shape.push_back(values.size(1));
      image_ = at::full(shape, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
    }
    image_.index_copy_(0, rows.chunk().index, values);
  }

  /// @throws Error if there was no row
  [[nodiscard]] Tensor result() const {
    require(image_.defined(), "no row was seen: ask about at least one pixel");
    return image_.dim() == 1 ? image_.reshape({height_, width_})
                             : image_.reshape({height_, width_, image_.size(1)});
  }

 private:
  S statistic_;
  Tensor image_;
  std::int64_t height_ = 0, width_ = 0;
};

}  // namespace lumen::influence
