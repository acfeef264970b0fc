// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// An effective receptive field: how strongly an output's pixel depends on the image around it.
struct Field {
  Tensor energy{};  ///< float64 [h, w]: the mean squared derivative at each offset
  /// Of each mean, taking the rows for a sample of many; 0 where one row alone was seen.
  Tensor standard_error{};
  Tensor seen{};  ///< int64 [h, w]: for how many outputs the offset lies in the image
  /// Where in the map the output's pixel is; halves where it lies between two pixels.
  double row = 0, column = 0;
  std::int64_t rows = 0;  ///< how many outputs

  /// The smallest distance from the output's pixel within which `percent` % of the energy lies, in pixels; 0 if there is
  /// none.
  [[nodiscard]] double radius(double percent = 90.0) const {
    const Tensor y = at::arange(energy.size(0), at::kDouble) - row,
                 x = at::arange(energy.size(1), at::kDouble) - column;
    const Tensor distance = (y.square().unsqueeze(1) + x.square().unsqueeze(0)).flatten();
    const auto [sorted, order] = distance.sort();
    const Tensor held = energy.flatten().index_select(0, order).cumsum(0);
    const double total = held.numel() == 0 ? 0.0 : held[-1].item<double>();
    if (total == 0) return 0.0;
    const Tensor wanted = at::full({1}, total * (percent / 100) * (1 - 1e-12), at::kDouble);
    const auto at = std::min(at::searchsorted(held, wanted).item<std::int64_t>(), held.numel() - 1);
    return std::sqrt(sorted[at].item<double>());
  }
};

/// The effective receptive field: Luo, Li, Urtasun and Zemel, "Understanding the Effective Receptive Field in Deep
/// Convolutional Neural Networks", NIPS 2016, arXiv:1701.04128. The mean over output pixels of the squared derivative
/// with respect to the pixel at each offset; exact over the outputs that are asked about. At the image's border an offset
/// counts for those outputs alone from which it lies in the image.
///
/// One field for each group of outputs, such as a class or a region. Holds three maps of the field's size a group.
class EffectiveField {
 public:
  EffectiveField() = default;
  /// @param labels  int64 [H', W'] on the CPU: each output pixel's group; below 0: none
  /// @param groups  how many
  EffectiveField(Tensor labels, std::int64_t groups) : labels_(std::move(labels)), groups_(groups) {
    require(labels_.defined() && labels_.scalar_type() == at::kLong && labels_.dim() == 2 && groups >= 1 &&
                labels_.max().item<std::int64_t>() < groups,
            "influence::EffectiveField: expected int64 labels [H', W'] below the number of groups");
    labels_ = labels_.cpu().contiguous();
  }

  void operator()(const Windows& rows) {
    const auto& chunk = rows.chunk();
    begin(chunk);
    const Tensor row = (rows.centre_row() + shift_[0]).round().to(at::kLong),
                 column = (rows.centre_column() + shift_[1]).round().to(at::kLong);
    grow((rows.top() - row).min().item<std::int64_t>(),
         (rows.top() - row).max().item<std::int64_t>() + rows.height(),
         (rows.left() - column).min().item<std::int64_t>(),
         (rows.left() - column).max().item<std::int64_t>() + rows.width());
    for (std::int64_t b = 0; b < rows.count(); ++b) {
      const auto* place = chunk.places.data_ptr<std::int64_t>() + 2 * b;
      const std::int64_t group = labels_.defined() ? labels_[place[0]][place[1]].item<std::int64_t>() : 0;
      if (group < 0) continue;
      const auto y = row.data_ptr<std::int64_t>()[b], x = column.data_ptr<std::int64_t>()[b];
      const Tensor squares = rows.values()[b].to(at::kDouble).square();
      const auto at = [&](const Tensor& sums) {
        return sums[group]
            .narrow(0, rows.top().data_ptr<std::int64_t>()[b] - y - top_, rows.height())
            .narrow(1, rows.left().data_ptr<std::int64_t>()[b] - x - left_, rows.width());
      };
      at(sum_).add_(squares);
      at(square_).addcmul_(squares, squares);
      centres_[group][y][x] += 1;
    }
  }

  /// One field a group. @throws Error if there was no row
  [[nodiscard]] std::vector<Field> result() const {
    require(sum_.defined(), "no row was seen: ask about at least one pixel");
    std::vector<Field> fields;
    for (std::int64_t g = 0; g < groups_; ++g) {
      Field field{.row = static_cast<double>(-top_) - shift_[0],
                  .column = static_cast<double>(-left_) - shift_[1]};
      field.rows = centres_[g].sum().item<std::int64_t>();
      field.seen = seen(centres_[g]);
      const Tensor n = field.seen.clamp_min(1).to(at::kDouble);
      field.energy = sum_[g].cpu() / n;
      const Tensor variance = (square_[g].cpu() / n - field.energy.square()).clamp_min(0);
      field.standard_error = at::where(n.gt(1), (variance / (n - 1).clamp_min(1)).sqrt(), 0);
      fields.push_back(std::move(field));
    }
    return fields;
  }

 private:
  void begin(const RowChunk& chunk) {
    if (centres_.defined()) return;
    require(!labels_.defined() || (labels_.size(0) == chunk.out_height && labels_.size(1) == chunk.out_width),
            [&] {
              return text("influence::EffectiveField: the labels have shape ", labels_.sizes(),
                          "; expected [", chunk.out_height, ", ", chunk.out_width, "] as the output");
            });
    centres_ = at::zeros({groups_, chunk.height, chunk.width}, at::kLong);
    options_ = chunk.values.options().dtype(at::kDouble);
    // where the output's pixels lie between two of the image's, the one before is the anchor
    const auto half = [](std::int64_t extent, std::int64_t out) {
      return extent % out == 0 && extent / out % 2 == 0 ? -0.5 : 0.0;
    };
    shift_[0] = half(chunk.height, chunk.out_height);
    shift_[1] = half(chunk.width, chunk.out_width);
  }

  /// Makes room for offsets from the output's pixel.
  void grow(std::int64_t top, std::int64_t bottom, std::int64_t left, std::int64_t right) {
    if (!sum_.defined()) {
      top_ = std::min<std::int64_t>(top, 0), left_ = std::min<std::int64_t>(left, 0);
      bottom_ = std::max<std::int64_t>(bottom, 1), right_ = std::max<std::int64_t>(right, 1);
      sum_ = at::zeros({groups_, bottom_ - top_, right_ - left_}, options_);
      square_ = at::zeros_like(sum_);
      return;
    }
    const auto more = [](std::int64_t by) { return std::max<std::int64_t>(by, 0); };
    const std::int64_t above = more(top_ - top), below = more(bottom - bottom_), before = more(left_ - left),
                       after = more(right - right_);
    if (above + below + before + after == 0) return;
    for (Tensor* sums : {&sum_, &square_}) *sums = at::constant_pad_nd(*sums, {before, after, above, below});
    top_ -= above, bottom_ += below, left_ -= before, right_ += after;
  }

  /// For how many outputs each offset lies in the image.
  [[nodiscard]] Tensor seen(const Tensor& centres) const {
    const std::int64_t height = centres.size(0), width = centres.size(1);
    Tensor sums = at::zeros({height + 1, width + 1}, at::kLong);
    sums.narrow(0, 1, height).narrow(1, 1, width).copy_(centres.cumsum(0).cumsum(1));
    const auto ends = [](std::int64_t begin, std::int64_t end, std::int64_t extent) {
      const Tensor offset = at::arange(begin, end, at::kLong);
      return std::pair{(-offset).clamp(0, extent), (extent - offset).clamp(0, extent)};
    };
    const auto [y0, y1] = ends(top_, bottom_, height);
    const auto [x0, x1] = ends(left_, right_, width);
    const auto at = [&](const Tensor& y, const Tensor& x) {
      return sums.index_select(0, y).index_select(1, x);
    };
    return at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0);
  }

  Tensor labels_{};
  std::int64_t groups_ = 1;
  Tensor sum_{}, square_{}, centres_{};
  at::TensorOptions options_{};
  double shift_[2] = {0, 0};
  std::int64_t top_ = 0, bottom_ = 0, left_ = 0, right_ = 0;
};

}  // namespace lumen::influence
