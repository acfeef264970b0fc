// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// How a window slides, for the rows and for the columns.
struct Sliding {
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};

  /// From the first place that a window reads to its last, less one.
  [[nodiscard]] std::int64_t reach(std::size_t axis) const { return dilation[axis] * (kernel[axis] - 1); }

  /// Where the patches read that are in a span.
  [[nodiscard]] Span read(std::size_t axis, const std::vector<std::int64_t>& begin,
                          std::int64_t extent) const {
    Span span{begin, (extent - 1) * stride[axis] + reach(axis) + 1};
    for (std::int64_t& at : span.begin) at = at * stride[axis] - padding[axis];
    return span;
  }
  /// Which of `size` patches read something of a span.
  [[nodiscard]] Span reading(std::size_t axis, const std::vector<std::int64_t>& begin, std::int64_t extent,
                             std::int64_t size) const {
    const auto floor_div = [](std::int64_t a, std::int64_t b) {
      return a >= 0 ? a / b : -((-a + b - 1) / b);
    };
    std::vector<std::int64_t> first, last;
    for (const std::int64_t at : begin) {
      first.push_back(-floor_div(reach(axis) - at - padding[axis], stride[axis]));
      last.push_back(floor_div(at + extent - 1 + padding[axis], stride[axis]));
    }
    return span_over(std::move(first), last, size);
  }
  /// The same on average.
  [[nodiscard]] double read(std::size_t axis, double extent) const {
    return (extent - 1) * static_cast<double>(stride[axis]) + static_cast<double>(reach(axis)) + 1;
  }
  [[nodiscard]] double reading(std::size_t axis, double extent) const {
    return (extent + static_cast<double>(reach(axis))) / static_cast<double>(stride[axis]);
  }
};

/// The kernels of a convolution [O, I / groups, kh, kw] by which patches of its O channels become patches of its I
/// channels and back, in the layouts that are fastest where they run.
class Kernels {
 public:
  Kernels(const Tensor& weight, const Sliding& sliding, std::int64_t groups)
      : sliding_(sliding),
        groups_(groups),
        weight_(weight.detach().contiguous(at::MemoryFormat::ChannelsLast)) {
    const std::int64_t in = weight.size(1), out = weight.size(0), taps = weight.size(2) * weight.size(3);
    if (groups == 1 && in * taps <= 64) {
      thin_spread_ = weight.detach().permute({2, 3, 1, 0}).reshape({taps * in, out}).contiguous();
    } else if (groups == 1 && out >= 256 && weight.is_cpu()) {
      spread_ = weight.detach().permute({0, 2, 3, 1}).reshape({out, taps * in}).contiguous();
    }
    if (groups == 1 && out * taps <= 64) {
      thin_gather_ = weight.detach().permute({2, 3, 0, 1}).reshape({taps * out, in}).contiguous();
    } else if (groups == 1 && in >= 256 && weight.is_cpu()) {
      gather_ = weight.detach().permute({2, 3, 1, 0}).reshape({taps * in, out}).contiguous();
    }
  }

  [[nodiscard]] const Sliding& sliding() const { return sliding_; }
  [[nodiscard]] std::int64_t in() const { return weight_.size(1) * groups_; }
  [[nodiscard]] std::int64_t out() const { return weight_.size(0); }

  /// The convolution's transpose without padding: [B, O, h, w] to [B, I, (h - 1) stride + reach + 1, ...].
  [[nodiscard]] Tensor spread(const Tensor& values) const {
    const std::int64_t b = values.size(0), h = values.size(2), w = values.size(3);
    const std::int64_t height = static_cast<std::int64_t>(sliding_.read(0, static_cast<double>(h)));
    const std::int64_t width = static_cast<std::int64_t>(sliding_.read(1, static_cast<double>(w)));
    const auto [kh, kw] = sliding_.kernel;
    if (thin_spread_.defined()) {
      const Tensor taps = at::mm(thin_spread_, flat(values).t()).view({kh, kw, in(), b, h, w});
      const Tensor result = at::zeros({in(), b, height, width}, values.options());
      add_taps(taps, [&](const Tensor& tap, std::int64_t y, std::int64_t x) {
        read_at(result, 2, y, x, h, w).add_(tap);
      });
      return result.transpose(0, 1);
    }
    if (spread_.defined() && h * w <= 16) {
      const Tensor taps =
          at::mm(flat(values), spread_).view({b, h, w, kh, kw, in()}).permute({3, 4, 0, 1, 2, 5});
      const Tensor result = at::zeros({b, height, width, in()}, values.options());
      add_taps(taps, [&](const Tensor& tap, std::int64_t y, std::int64_t x) {
        read_at(result, 1, y, x, h, w).add_(tap);
      });
      return result.permute({0, 3, 1, 2});
    }
    const auto& s = sliding_;
    const Tensor shape = channels_last({b, in(), height, width}, values, false);
    return std::get<0>(
        at::convolution_backward(values.contiguous(at::MemoryFormat::ChannelsLast), shape, weight_,
                                 c10::nullopt, s.stride, std::array<std::int64_t, 2>{0, 0}, s.dilation, false,
                                 std::array<std::int64_t, 2>{0, 0}, groups_, {true, false, false}));
  }

  /// The convolution without padding: [B, I, ...] to [B, O, h, w].
  [[nodiscard]] Tensor gather(const Tensor& values) const {
    const auto& s = sliding_;
    const std::int64_t b = values.size(0);
    const std::int64_t h = (values.size(2) - s.reach(0) - 1) / s.stride[0] + 1;
    const std::int64_t w = (values.size(3) - s.reach(1) - 1) / s.stride[1] + 1;
    const auto [kh, kw] = s.kernel;
    if (thin_gather_.defined()) {
      const Tensor taps =
          at::mm(thin_gather_, flat(values).t()).view({kh, kw, out(), b, values.size(2), values.size(3)});
      const Tensor result = at::zeros({out(), b, h, w}, values.options());
      add_taps(taps, [&](const Tensor& tap, std::int64_t y, std::int64_t x) {
        result.add_(read_at(tap, 2, y, x, h, w));
      });
      return result.transpose(0, 1);
    }
    if (gather_.defined() && h * w <= 16) {
      const Tensor source = values.permute({0, 2, 3, 1});
      const Tensor patches = at::empty({b, h, w, kh, kw, in()}, values.options());
      for (std::int64_t y = 0; y < kh; ++y) {
        for (std::int64_t x = 0; x < kw; ++x)
          patches.select(3, y).select(3, x).copy_(read_at(source, 1, y, x, h, w));
      }
      return at::mm(patches.view({b * h * w, kh * kw * in()}), gather_)
          .view({b, h, w, out()})
          .permute({0, 3, 1, 2});
    }
    return at::conv2d(values.contiguous(at::MemoryFormat::ChannelsLast), weight_, {}, s.stride,
                      std::array<std::int64_t, 2>{0, 0}, s.dilation, groups_);
  }

  /// Whether few places of many channels are better handed on from where they are than read from where they go: with a
  /// stride of one they are fewer.
  [[nodiscard]] bool hands_on(std::int64_t h, std::int64_t w) const {
    return gather_.defined() && sliding_.stride == std::array<std::int64_t, 2>{1, 1} && h * w <= 16;
  }
  /// The convolution of patches with zeros around: [B, I, h, w] to [B, O, h + reach, w + reach].
  [[nodiscard]] Tensor handed_on(const Tensor& values) const {
    const std::int64_t b = values.size(0), h = values.size(2), w = values.size(3);
    const auto [kh, kw] = sliding_.kernel;
    const std::int64_t down = sliding_.reach(0), right = sliding_.reach(1);
    const Tensor result = at::zeros({b, h + down, w + right, out()}, values.options());
    const Tensor given = flat(values);
    for (std::int64_t y = 0; y < kh; ++y) {
      for (std::int64_t x = 0; x < kw; ++x) {
        const Tensor tap = at::mm(given, gather_.narrow(0, (y * kw + x) * in(), in())).view({b, h, w, out()});
        result.narrow(1, down - y * sliding_.dilation[0], h)
            .narrow(2, right - x * sliding_.dilation[1], w)
            .add_(tap);
      }
    }
    return result.permute({0, 3, 1, 2});
  }

  /// Multiplications for one place of the O channels.
  [[nodiscard]] std::int64_t products() const { return weight_.numel(); }
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t total = 0;
    for (const Tensor* held : {&weight_, &thin_spread_, &spread_, &thin_gather_, &gather_}) {
      if (held->defined()) total += held->numel() * static_cast<std::int64_t>(held->element_size());
    }
    return total;
  }

 private:
  /// [B h w, C], channels together.
  static Tensor flat(const Tensor& values) {
    return values.permute({0, 2, 3, 1}).reshape({-1, values.size(1)});
  }
  template <class Add>
  void add_taps(const Tensor& taps, const Add& add) const {
    for (std::int64_t y = 0; y < sliding_.kernel[0]; ++y) {
      for (std::int64_t x = 0; x < sliding_.kernel[1]; ++x) add(taps.select(0, y).select(0, x), y, x);
    }
  }
  /// What tap (y, x) of h x w patches reads, of a tensor whose rows are dimension `dim`.
  [[nodiscard]] Tensor read_at(const Tensor& values, std::int64_t dim, std::int64_t y, std::int64_t x,
                               std::int64_t h, std::int64_t w) const {
    const auto& [kernel, stride, padding, dilation] = sliding_;
    const std::int64_t top = y * dilation[0], left = x * dilation[1];
    return values.slice(dim, top, top + (h - 1) * stride[0] + 1, stride[0])
        .slice(dim + 1, left, left + (w - 1) * stride[1] + 1, stride[1]);
  }

  Sliding sliding_;
  std::int64_t groups_;
  Tensor weight_, thin_spread_, spread_, thin_gather_, gather_;
};

/// A convolution, or a transposed one, with a constant weight.
class ConvolutionMap final : public LocalMap {
 public:
  /// @param transposed  whether the operator is a transposed convolution, so that its operand has the O channels
  ConvolutionMap(const Plane& from, const Plane& to, const Tensor& weight, const Sliding& sliding,
                 std::int64_t groups, bool transposed)
      : LocalMap(from, to), kernels_(weight, sliding, groups), transposed_(transposed) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    return transposed_ ? gathered(gradient, from()) : spread(gradient, from());
  }
  Patches push(Patches change) const override {
    clear_outside(change, from());
    return transposed_ ? spread(change, to()) : gathered(change, to());
  }
  Reach pulled(const Reach& reach) const override {
    return transposed_ ? gathered(reach, from()) : spread(reach, from());
  }
  Reach pushed(const Reach& reach) const override {
    return transposed_ ? spread(reach, to()) : gathered(reach, to());
  }
  double stride() const override {
    const auto step = static_cast<double>(kernels_.sliding().stride[0]);
    return transposed_ ? 1.0 / step : step;
  }
  std::int64_t bytes() const override { return kernels_.bytes(); }

 private:
  [[nodiscard]] Patches spread(const Patches& given, const Plane& plane) const {
    const Span rows = kernels_.sliding().read(0, given.rows, given.height());
    const Span columns = kernels_.sliding().read(1, given.columns, given.width());
    Patches result{kernels_.spread(given.values), rows.begin, columns.begin, false, true};
    return cut(std::move(result), plane);
  }
  [[nodiscard]] Patches gathered(const Patches& given, const Plane& plane) const {
    const Sliding& s = kernels_.sliding();
    if (kernels_.hands_on(given.height(), given.width())) {
      Patches result{kernels_.handed_on(given.values), given.rows, given.columns, false, true};
      for (std::int64_t& row : result.rows) row += s.padding[0] - s.reach(0);
      for (std::int64_t& column : result.columns) column += s.padding[1] - s.reach(1);
      return cut(std::move(result), plane);
    }
    const Span rows = s.reading(0, given.rows, given.height(), plane.height);
    const Span columns = s.reading(1, given.columns, given.width(), plane.width);
    const Patches source =
        moved(given, s.read(0, rows.begin, rows.extent), s.read(1, columns.begin, columns.extent));
    return {kernels_.gather(source.values), rows.begin, columns.begin, false, true};
  }
  [[nodiscard]] double flops(const Reach& at) const {
    return 2.0 * at.height * at.width * static_cast<double>(kernels_.products());
  }
  [[nodiscard]] Reach spread(const Reach& reach, const Plane& plane) const {
    const Sliding& s = kernels_.sliding();
    return {std::min(s.read(0, reach.height), static_cast<double>(plane.height)),
            std::min(s.read(1, reach.width), static_cast<double>(plane.width)), flops(reach)};
  }
  [[nodiscard]] Reach gathered(const Reach& reach, const Plane& plane) const {
    const Sliding& s = kernels_.sliding();
    const Reach result{std::min(s.reading(0, reach.height), static_cast<double>(plane.height)),
                       std::min(s.reading(1, reach.width), static_cast<double>(plane.width)), 0.0};
    const bool single = s.stride == std::array<std::int64_t, 2>{1, 1};
    return {result.height, result.width, flops(single ? reach : result)};
  }

  Kernels kernels_;
  bool transposed_;
};

}  // namespace lumen::op::local
