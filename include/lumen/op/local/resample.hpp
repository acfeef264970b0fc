// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// One axis of a separable linear map: result = matrix x operand, most of whose elements are zero.
class Resampling {
 public:
  /// @param matrix  [size of the result, size of the operand], on the CPU
  explicit Resampling(const Tensor& matrix) : matrix_(matrix) {
    band(matrix, first_, last_), band(matrix.t(), first_back_, last_back_);
  }

  [[nodiscard]] const Tensor& matrix() const { return matrix_; }
  [[nodiscard]] double reach(bool pull) const {
    double most = 0.0;
    const auto& first = pull ? first_ : first_back_;
    const auto& last = pull ? last_ : last_back_;
    for (std::size_t i = 0; i < first.size(); ++i)
      most = std::max(most, static_cast<double>(last[i] - first[i] + 1));
    return most;
  }

  /// Where a span reaches to (pull: from the result to the operand), and the matrices that take it there, [B, extent of
  /// the one reached, extent of the span].
  [[nodiscard]] std::pair<Span, Tensor> along(const std::vector<std::int64_t>& begin, std::int64_t extent,
                                              bool pull) const {
    const Tensor matrix = pull ? matrix_.t() : matrix_;  // [reached, from]
    const auto& first = pull ? first_ : first_back_;
    const auto& last = pull ? last_ : last_back_;
    const std::int64_t from = matrix.size(1), size = matrix.size(0);
    std::vector<std::int64_t> low, high;
    for (const std::int64_t at : begin) {
      std::int64_t least = size, most = -1;
      for (std::int64_t i = std::max<std::int64_t>(at, 0); i < std::min(at + extent, from); ++i) {
        least = std::min(least, first[static_cast<std::size_t>(i)]);
        most = std::max(most, last[static_cast<std::size_t>(i)]);
      }
      low.push_back(most < least ? 0 : least);
      high.push_back(most < least ? 0 : most);
    }
    Span span = span_over(std::move(low), high, size);
    for (std::int64_t& at : span.begin) at = std::min(at, size - span.extent);
    const Tensor parts =
        at::zeros({static_cast<std::int64_t>(begin.size()), span.extent, extent}, matrix.options());
    for (std::size_t b = 0; b < begin.size(); ++b) {
      const std::int64_t left = std::clamp<std::int64_t>(begin[b], 0, from);
      const std::int64_t right = std::clamp<std::int64_t>(begin[b] + extent, left, from);
      if (right > left) {
        parts[static_cast<std::int64_t>(b)]
            .narrow(1, left - begin[b], right - left)
            .copy_(matrix.narrow(0, span.begin[b], span.extent).narrow(1, left, right - left));
      }
    }
    return {std::move(span), parts};
  }

 private:
  /// The first and last element of each row that is not zero; first > last where there is none.
  static void band(const Tensor& matrix, std::vector<std::int64_t>& first, std::vector<std::int64_t>& last) {
    first.assign(static_cast<std::size_t>(matrix.size(0)), matrix.size(1));
    last.assign(static_cast<std::size_t>(matrix.size(0)), -1);
    const Tensor places = matrix.ne(0).nonzero().contiguous();
    const auto* at = places.data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < places.size(0); ++i, at += 2) {
      const auto row = static_cast<std::size_t>(at[0]);
      first[row] = std::min(first[row], at[1]);
      last[row] = std::max(last[row], at[1]);
    }
  }

  Tensor matrix_;
  std::vector<std::int64_t> first_, last_, first_back_, last_back_;
};

/// Rows and columns resampled on their own, every channel alike: interpolation, reflected, replicated and circular
/// padding, slices with steps.
class ResampleMap final : public LocalMap {
 public:
  ResampleMap(const Plane& from, const Plane& to, const Tensor& rows, const Tensor& columns)
      : LocalMap(from, to), rows_(rows), columns_(columns) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    return along(gradient, true);
  }
  Patches push(Patches change) const override {
    clear_outside(change, from());
    return along(change, false);
  }
  Reach pulled(const Reach& reach) const override { return reached(reach, from(), to(), true); }
  Reach pushed(const Reach& reach) const override { return reached(reach, to(), from(), false); }
  double stride() const override {
    return static_cast<double>(from().height) / static_cast<double>(to().height);
  }
  std::int64_t bytes() const override {
    return (rows_.matrix().numel() + columns_.matrix().numel()) *
           static_cast<std::int64_t>(rows_.matrix().element_size());
  }

 private:
  [[nodiscard]] Patches along(const Patches& given, bool pull) const {
    const auto [rows, down] = rows_.along(given.rows, given.height(), pull);
    const auto [columns, right] = columns_.along(given.columns, given.width(), pull);
    const std::int64_t b = given.size(), c = given.values.size(1);
    const auto device = given.values.device();
    // [B, h, w c] from the left, then [B, w, h c]
    const Tensor first =
        at::bmm(down.to(device), given.values.permute({0, 2, 3, 1}).reshape({b, given.height(), -1}))
            .view({b, rows.extent, given.width(), c});
    const Tensor second = at::bmm(right.to(device), first.transpose(1, 2).reshape({b, given.width(), -1}))
                              .view({b, columns.extent, rows.extent, c});
    return {second.permute({0, 3, 2, 1}), rows.begin, columns.begin, true, true};
  }
  [[nodiscard]] Reach reached(const Reach& reach, const Plane& to, const Plane& from, bool pull) const {
    const auto grown = [&](double extent, std::int64_t size, std::int64_t other, const Resampling& axis) {
      const double scale = static_cast<double>(size) / static_cast<double>(other);
      return std::min((extent - 1) * scale + axis.reach(pull), static_cast<double>(size));
    };
    Reach result{grown(reach.height, to.height, from.height, rows_),
                 grown(reach.width, to.width, from.width, columns_), 0.0};
    result.flops =
        2.0 * static_cast<double>(to.channels) * result.height * reach.width * (reach.height + result.width);
    return result;
  }

  Resampling rows_, columns_;
};

}  // namespace lumen::op::local
