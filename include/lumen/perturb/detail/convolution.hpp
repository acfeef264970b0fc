// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/op/assemble.hpp>
#include <lumen/op/channel_map.hpp>
#include <lumen/op/confined.hpp>
#include <lumen/op/local/convolution.hpp>
#include <lumen/op/windows.hpp>

namespace lumen::perturb::detail {

/// A convolution of images, or a transposed one, on crops that hold all that it reads: with what scales its channels
/// and rectifies them after it.
class Convolution {
 public:
  /// None unless the weights are constants and it is one of images.
  [[nodiscard]] static std::optional<Convolution> of(const trace::Step& step) {
    const std::optional<op::Windows> windows = op::convolution_windows(step);
    const std::optional<std::size_t> weight = op::weight(step), bias = op::bias(step), data = op::data(step);
    const bool alone = step.op.schema().name().find("relu") == std::string::npos;
    if (!windows || windows->dims() != 2 || !data || !weight || !step.operands[*weight].is_constant() ||
        (bias && !step.operands[*bias].is_constant()) || step.operands[*data].sizes.size() != 4 || !alone ||
        step.results.size() != 1 || (windows->transposed && windows->groups > 1)) {
      return std::nullopt;
    }
    Convolution result;
    result.windows_ = *windows;
    result.weight_ = step.operands[*weight].constant.detach();
    if (bias) result.bias_ = step.operands[*bias].constant.detach();
    return result;
  }

  /// Followed by an affine map of each channel.
  void scale(const op::ChannelMap& by) {
    const Tensor factor = by.scale.detach().to(weight_.options());
    weight_ =
        windows_.transposed ? weight_ * factor.view({1, -1, 1, 1}) : weight_ * factor.view({-1, 1, 1, 1});
    const Tensor shift = by.shift.detach().to(weight_.options());
    bias_ = bias_.defined() ? bias_ * factor + shift : shift;
  }
  void rectify() { rectifies_ = true; }
  [[nodiscard]] bool rectifies() const { return rectifies_; }

  /// Lays the weights out; to be called once, before `operator()`.
  void prepare() {
    const std::int64_t taps = windows_.kernel[0] * windows_.kernel[1];
    if (windows_.transposed || (windows_.groups == 1 && weight_.size(0) * taps <= 64)) {
      op::local::Sliding sliding;
      for (std::size_t d = 0; d < 2; ++d) {
        sliding.kernel[d] = windows_.kernel[d];
        sliding.stride[d] = windows_.stride[d];
        sliding.dilation[d] = windows_.dilation[d];
      }
      kernels_ = std::make_shared<const op::local::Kernels>(weight_, sliding, windows_.groups);
    }
    weight_ = weight_.contiguous(at::MemoryFormat::ChannelsLast);
  }

  /// Of the weights in layouts of its own.
  [[nodiscard]] std::int64_t bytes() const {
    return kernels_ ? kernels_->bytes() : weight_.numel() * static_cast<std::int64_t>(weight_.element_size());
  }
  /// Products for one place of the result, all channels of it.
  [[nodiscard]] double products() const {
    const double all = static_cast<double>(weight_.numel());
    return windows_.transposed ? all / static_cast<double>(windows_.stride[0] * windows_.stride[1]) : all;
  }

  /// The values on boxes.
  /// @param crop   the boxes' footprint, [B, C, h, w]
  /// @param boxes  of the result
  /// @param read   what the crop holds
  [[nodiscard]] Tensor operator()(const Tensor& crop, const op::Boxes& boxes, const op::Boxes& read) const {
    Tensor result = windows_.transposed ? spread(crop, boxes, read) : gathered(crop, boxes);
    return rectifies_ ? result.relu_() : result;
  }

 private:
  [[nodiscard]] Tensor gathered(const Tensor& crop, const op::Boxes& boxes) const {
    const Tensor given = crop.contiguous(at::MemoryFormat::ChannelsLast);
    if (kernels_ && crop.is_cpu()) return biased(kernels_->gather(given));
    if (windows_.groups == 1 && crop.is_cpu() && crop.size(1) >= 256 &&
        boxes.extent[1] * boxes.extent[2] <= 16) {
      return product(given, boxes.extent[1], boxes.extent[2]);
    }
    return at::conv2d(given, weight_, bias_.defined() ? c10::optional<Tensor>(bias_) : c10::nullopt,
                      windows_.stride, std::array<std::int64_t, 2>{0, 0}, windows_.dilation, windows_.groups);
  }
  /// One product of matrices: on few places of many channels convolutions of libraries are slow.
  [[nodiscard]] Tensor product(const Tensor& crop, std::int64_t h, std::int64_t w) const {
    const std::int64_t b = crop.size(0), c = crop.size(1), out = weight_.size(0);
    const std::int64_t down = windows_.kernel[0], across = windows_.kernel[1];
    const Tensor source = crop.permute({0, 2, 3, 1});
    Tensor patches;
    if (down * across == 1 && windows_.stride[0] == 1 && windows_.stride[1] == 1) {
      patches = source.reshape({b * h * w, c});
    } else {
      patches = at::empty({b, h, w, down, across, c}, crop.options());
      for (std::int64_t y = 0; y < down; ++y) {
        for (std::int64_t x = 0; x < across; ++x) {
          const std::int64_t top = y * windows_.dilation[0], left = x * windows_.dilation[1];
          patches.select(3, y).select(3, x).copy_(
              source.slice(1, top, top + (h - 1) * windows_.stride[0] + 1, windows_.stride[0])
                  .slice(2, left, left + (w - 1) * windows_.stride[1] + 1, windows_.stride[1]));
        }
      }
      patches = patches.view({b * h * w, down * across * c});
    }
    const Tensor matrix = weight_.permute({0, 2, 3, 1}).reshape({out, down * across * c}).t();
    const Tensor values = bias_.defined() ? at::addmm(bias_, patches, matrix) : at::mm(patches, matrix);
    return values.view({b, h, w, out}).permute({0, 3, 1, 2});
  }
  /// All that the crop reaches, of which the boxes are cut out.
  [[nodiscard]] Tensor spread(const Tensor& crop, const op::Boxes& boxes, const op::Boxes& read) const {
    const Tensor all = kernels_->spread(crop);
    op::Boxes within = boxes;
    bool same = true;
    for (std::size_t b = 0; b < within.rows(); ++b) {
      for (std::size_t d = 1; d < 3; ++d) {
        within.origins[b][d] += windows_.padding[d - 1] - read.origins[b][d] * windows_.stride[d - 1];
        same = same && within.origins[b][d] == within.origins[0][d];
      }
    }
    if (!same)
      return biased(op::assemble(all.contiguous(at::MemoryFormat::ChannelsLast), within, 0.0, {}, {}));
    // what output_padding adds is reached by no window
    const auto& at = within.origins.front();
    if (at[1] + within.extent[1] > all.size(2) || at[2] + within.extent[2] > all.size(3))
      return biased(op::cut(all, within));
    return biased(all.narrow(2, at[1], within.extent[1])
                      .narrow(3, at[2], within.extent[2])
                      .contiguous(at::MemoryFormat::ChannelsLast));
  }
  [[nodiscard]] Tensor biased(Tensor result) const {
    if (!bias_.defined()) return result;
    return result.add_(bias_.view({1, -1, 1, 1}));
  }

  op::Windows windows_;
  Tensor weight_, bias_;
  bool rectifies_ = false;
  std::shared_ptr<const op::local::Kernels> kernels_;
};

}  // namespace lumen::perturb::detail
