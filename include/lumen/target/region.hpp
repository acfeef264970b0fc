// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/target/element.hpp>

namespace lumen::target {

/// How the scores of a region's pixels become one.
enum class Reduction {
  sum,   ///< the sum: what a pixel's influence adds up to
  mean,  ///< the sum over the number of pixels (of weights, for a weighted mask); 0 for an empty region
};

/// One channel's score over a region of the output: Vinogradova, Dibrov and Myers, "Towards Interpretable
/// Semantic Segmentation via Gradient-Weighted Class Activation Mapping", AAAI 2020, arXiv:2002.11434,
/// section 3.
struct Region {
  std::int64_t channel = 0;  ///< 0 to C - 1
  Tensor mask;               ///< [H, W] for every sample, or [N, H, W]; bool, or floating point weights
  Reduction reduction = Reduction::sum;

  /// @throws Error if the output is not [N, C, H, W], the mask does not fit it, or the channel is out of
  ///         range
  Tensor operator()(const Tensor& output) const {
    detail::check_dense(output, "Region");
    detail::check_index(channel, output.size(1), "channel", output);
    const bool fits = mask.defined() &&
                      (mask.dim() == 2 || (mask.dim() == 3 && mask.size(0) == output.size(0))) &&
                      mask.size(-2) == output.size(2) && mask.size(-1) == output.size(3);
    require(fits, [&] {
      return text("target::Region: the mask is ", mask.defined() ? text(mask.sizes()) : "undefined",
                  ", expected [", output.size(2), ", ", output.size(3), "] or [", output.size(0), ", ",
                  output.size(2), ", ", output.size(3), "] for an output of shape ", output.sizes());
    });
    const Tensor weights = mask.to(output.device(), output.scalar_type());
    const Tensor total = (output.select(1, channel) * weights).sum({-2, -1});
    if (reduction == Reduction::sum) return total;
    const Tensor area = weights.sum({-2, -1});
    return total / at::where(area == 0, at::ones_like(area), area);
  }

  Region rows(const Tensor& samples) const {
    if (!mask.defined() || mask.dim() != 3) return *this;
    return {channel, mask.index_select(0, samples.to(mask.device())), reduction};
  }
};

/// One channel's score over the pixels that the model predicts as a class: those where that class has the
/// largest output, or the one channel of a [N, 1, H, W] output is positive. The region is frozen on the
/// unperturbed output, so that the question stays the same while the input is varied.
struct ClassRegion {
  std::int64_t channel = 0;     ///< whose score, 0 to C - 1
  std::int64_t predicted = -1;  ///< of the pixels predicted as this class; -1: as `channel`
  Reduction reduction = Reduction::sum;

  /// The region itself on this output. @throws Error if the output is not [N, C, H, W] or a channel is out of
  /// range
  Region freeze(const Tensor& output) const {
    detail::check_dense(output, "ClassRegion");
    const std::int64_t which = predicted < 0 ? channel : predicted;
    detail::check_index(channel, output.size(1), "channel", output);
    detail::check_index(which, output.size(1), "class", output);
    const Tensor detached = output.detach();
    return {channel, output.size(1) == 1 ? detached.select(1, 0) > 0 : detached.argmax(1) == which,
            reduction};
  }
  Tensor operator()(const Tensor& output) const { return freeze(output)(output); }
  ClassRegion rows(const Tensor&) const { return *this; }
};

}  // namespace lumen::target
