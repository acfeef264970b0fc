// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/convolution.hpp>
#include <lumen/op/local/crop.hpp>
#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// Pooling over patches that may overlap, every channel on its own: an output is the sum of what its window reads, times
/// its weight; or, of a maximum, what the winner among its taps reads.
class PoolMap final : public LocalMap {
 public:
  /// @param weight  of an average: [H', W', 1] over the result
  /// @param winner  of a maximum: [H', W', C], the winner's tap, 1 + row * kernel width + column
  PoolMap(const Plane& from, const Plane& to, const Sliding& sliding, Tensor weight, Tensor winner)
      : LocalMap(from, to), sliding_(sliding), weight_(std::move(weight)), winner_(std::move(winner)) {}

  Patches pull(Patches gradient) const override {
    const auto& s = sliding_;
    clear_outside(gradient, to());
    const Span rows = s.read(0, gradient.rows, gradient.height());
    const Span columns = s.read(1, gradient.columns, gradient.width());
    const Tensor result =
        channels_last({gradient.size(), from().channels, rows.extent, columns.extent}, gradient.values, true);
    each_tap(gradient, [&](const Tensor& chosen, std::int64_t y, std::int64_t x) {
      read_at(result, y, x, gradient).add_(gradient.values * chosen);
    });
    return cut({result, rows.begin, columns.begin, false, true}, from());
  }
  Patches push(Patches change) const override {
    const auto& s = sliding_;
    clear_outside(change, from());
    const Span rows = s.reading(0, change.rows, change.height(), to().height);
    const Span columns = s.reading(1, change.columns, change.width(), to().width);
    const Patches source =
        moved(change, s.read(0, rows.begin, rows.extent), s.read(1, columns.begin, columns.extent));
    Patches result{
        channels_last({change.size(), to().channels, rows.extent, columns.extent}, change.values, true),
        rows.begin, columns.begin, true, true};
    each_tap(result, [&](const Tensor& chosen, std::int64_t y, std::int64_t x) {
      result.values.add_(read_at(source.values, y, x, result) * chosen);
    });
    return result;
  }
  Reach pulled(const Reach& reach) const override {
    return {std::min(sliding_.read(0, reach.height), static_cast<double>(from().height)),
            std::min(sliding_.read(1, reach.width), static_cast<double>(from().width)), flops(reach)};
  }
  Reach pushed(const Reach& reach) const override {
    const Reach result{std::min(sliding_.reading(0, reach.height), static_cast<double>(to().height)),
                       std::min(sliding_.reading(1, reach.width), static_cast<double>(to().width)), 0.0};
    return {result.height, result.width, flops(result)};
  }
  double stride() const override { return static_cast<double>(sliding_.stride[0]); }
  std::int64_t bytes() const override {
    const Tensor& held = winner_.defined() ? winner_ : weight_;
    return held.numel() * static_cast<std::int64_t>(held.element_size());
  }

 private:
  /// For every tap: what an output in these patches takes of it.
  template <class Visit>
  void each_tap(const Patches& outputs, const Visit& visit) const {
    const Tensor weight = weight_.defined() ? crops_of(weight_, outputs) : Tensor();
    const Tensor winner = weight_.defined() ? Tensor() : crops_of(winner_, outputs);
    const auto [kh, kw] = sliding_.kernel;
    for (std::int64_t y = 0; y < kh; ++y) {
      for (std::int64_t x = 0; x < kw; ++x)
        visit(weight_.defined() ? weight : winner.eq(y * kw + x + 1).to(outputs.values.scalar_type()), y, x);
    }
  }
  [[nodiscard]] Tensor read_at(const Tensor& values, std::int64_t y, std::int64_t x,
                               const Patches& outputs) const {
    const auto& [kernel, stride, padding, dilation] = sliding_;
    const std::int64_t top = y * dilation[0], left = x * dilation[1];
    return values.slice(2, top, top + (outputs.height() - 1) * stride[0] + 1, stride[0])
        .slice(3, left, left + (outputs.width() - 1) * stride[1] + 1, stride[1]);
  }
  [[nodiscard]] double flops(const Reach& outputs) const {
    return 3.0 * outputs.height * outputs.width * static_cast<double>(to().channels) *
           static_cast<double>(sliding_.kernel[0] * sliding_.kernel[1]);
  }

  Sliding sliding_;
  Tensor weight_, winner_;
};

}  // namespace lumen::op::local
