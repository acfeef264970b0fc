// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/row_chunk.hpp>
#include <lumen/influence/threshold.hpp>

namespace lumen::influence {

/// How the channels of the image become one value a pixel.
enum class Channels {
  Sum,        ///< their sum: the derivative when all channels of the pixel move together
  Strongest,  ///< the one of largest magnitude, with its sign
  Length,     ///< their Euclidean length, >= 0
};

/// Some rows of the Jacobian of a dense output: for each, one value a pixel of the image in a window, and zero outside
/// of it. What statistics and reducers read; what several of them need is computed once.
class Windows {
 public:
  /// @param peaks  the extremes of all rows, where they are known
  explicit Windows(const RowChunk& chunk, Channels channels = Channels::Sum,
                   std::optional<Peaks> peaks = std::nullopt)
      : chunk_(chunk), values_(plane_of(chunk.values, channels)), peaks_(peaks) {
    top_ = chunk.origins.select(1, 0).contiguous();
    left_ = chunk.origins.select(1, 1).contiguous();
  }

  [[nodiscard]] std::int64_t count() const { return values_.size(0); }
  [[nodiscard]] std::int64_t height() const { return values_.size(1); }
  [[nodiscard]] std::int64_t width() const { return values_.size(2); }
  [[nodiscard]] const RowChunk& chunk() const { return chunk_; }
  /// [B, h, w], of the image's type and device.
  [[nodiscard]] const Tensor& values() const { return values_; }
  /// The image's row of each window's first row, and the same of columns: int64 [B], CPU; may be outside the image.
  [[nodiscard]] const Tensor& top() const { return top_; }
  [[nodiscard]] const Tensor& left() const { return left_; }

  /// Where the output's pixels lie in the image, in pixels from the centre of the first one: float64 [B], CPU.
  [[nodiscard]] Tensor centre_row() const { return centre(0, chunk_.height, chunk_.out_height); }
  [[nodiscard]] Tensor centre_column() const { return centre(1, chunk_.width, chunk_.out_width); }

  [[nodiscard]] const Tensor& magnitudes() const {
    if (!magnitudes_.defined()) magnitudes_ = values_.abs();
    return magnitudes_;
  }
  /// The values on the CPU, contiguous.
  [[nodiscard]] const Tensor& on_cpu() const {
    if (!cpu_.defined()) cpu_ = values_.to(at::kCPU).contiguous();
    return cpu_;
  }
  /// Each row's extremes over the whole image, [B], float64, CPU: 0 is among its values if its window does not cover
  /// the image.
  [[nodiscard]] const std::pair<Tensor, Tensor>& extremes() const {
    if (!highest_lowest_.first.defined()) {
      Tensor high = values_.amax({1, 2}).to(at::kCPU, at::kDouble),
             low = values_.amin({1, 2}).to(at::kCPU, at::kDouble);
      if (height() * width() < chunk_.height * chunk_.width) {
        high = high.clamp_min(0);
        low = low.clamp_max(0);
      }
      highest_lowest_ = {high, low};
    }
    return highest_lowest_;
  }
  /// The extremes of the image's rows. @throws Error if they are not known (yet)
  [[nodiscard]] const Peaks& peaks() const {
    require(peaks_.has_value(),
            "a threshold that is a fraction of the image's maximum needs all rows first; run the statistic "
            "through "
            "influence::reduce, which sees them twice");
    return *peaks_;
  }

  /// Where magnitudes are above the threshold: bool [B, h, w].
  [[nodiscard]] Tensor above(const Threshold& threshold) const {
    for (const auto& [known, mask] : masks_) {
      if (known == threshold) return mask;
    }
    threshold.check();
    Tensor mask;
    if (threshold.of == Threshold::Of::Row) {
      const auto& [high, low] = extremes();
      const Tensor maximum =
          threshold.signed_maximum ? high.clamp_min(0) : at::maximum(high.abs(), low.abs());
      mask = magnitudes().gt((maximum * threshold.level).to(values_.options()).reshape({-1, 1, 1}));
    } else {
      const Peaks none;
      mask = magnitudes().gt(threshold.at(threshold.of == Threshold::Of::Image ? peaks() : none));
    }
    masks_.emplace_back(threshold, mask);
    return mask;
  }

 private:
  static Tensor plane_of(const Tensor& values, Channels channels) {
    if (values.size(1) == 1 && channels != Channels::Length) return values.select(1, 0).contiguous();
    if (channels == Channels::Sum) return values.sum(1);
    if (channels == Channels::Length) return values.square().sum(1).sqrt();
    const Tensor low = values.amin(1), high = values.amax(1);
    return at::where(low.neg() > high, low, high);
  }
  [[nodiscard]] Tensor centre(std::int64_t axis, std::int64_t extent, std::int64_t out_extent) const {
    const double scale = static_cast<double>(extent) / static_cast<double>(out_extent);
    return (chunk_.places.select(1, axis).to(at::kDouble) + 0.5) * scale - 0.5;
  }

  RowChunk chunk_;
  Tensor values_, top_, left_;
  std::optional<Peaks> peaks_;
  mutable Tensor magnitudes_, cpu_;
  mutable std::pair<Tensor, Tensor> highest_lowest_;
  mutable std::vector<std::pair<Threshold, Tensor>> masks_;
};

}  // namespace lumen::influence
