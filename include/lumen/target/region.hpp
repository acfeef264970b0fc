// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/target/element.hpp>

namespace lumen::target {

/// How the scores of a region's pixels become one.
enum class Reduction {
  Sum,   ///< the sum: what a pixel's influence adds up to
  Mean,  ///< the sum over the number of pixels (of weights, for a weighted mask)
};

namespace detail {

/// @param pixels  [..., H, W], not 0 where the region is
/// @throws Error, which says `why`, if a sample has none
inline void check_pixels(const Tensor& pixels, const std::string& why) {
  const Tensor any = (pixels != 0).flatten(-2).any(-1).reshape({-1});
  if (any.all().item<bool>()) return;
  const std::int64_t which = any.logical_not().to(at::kByte).argmax().item<std::int64_t>();
  throw Error(any.numel() == 1 ? why : text(why, " (sample ", which, ", counted from 0)"));
}

/// Where the pixels of a lone channel's class are those above 0.
/// @param who  asks, for the message
/// @throws Error if a sample's values [N, H, W] may be probabilities, whose region would be the whole image
inline void check_logits(const Tensor& values, const char* who) {
  const Tensor low = values.flatten(1).amin(1), high = values.flatten(1).amax(1);
  const Tensor doubtful = (low > 0).logical_or((low >= 0).logical_and(high <= 1));
  require(!doubtful.any().item<bool>(), [&] {
    const Tensor which = doubtful.to(at::kByte).argmax();
    return text(who, ": the one channel's values lie between ", low.index({which}).item<double>(), " and ",
                high.index({which}).item<double>(),
                ", so that as logits nearly all pixels would be in the region; if the model ends in a "
                "sigmoid give threshold = 0.5, if these are logits threshold = 0");
  });
}

}  // namespace detail

/// One channel's score over a region of the output: Vinogradova, Dibrov and Myers, "Towards Interpretable
/// Semantic Segmentation via Gradient-Weighted Class Activation Mapping", AAAI 2020, arXiv:2002.11434,
/// section 3.
struct Region {
  std::int64_t channel = 0;  ///< 0 to C - 1
  Tensor mask;               ///< [H, W] for every sample, or [N, H, W]; bool, or floating point weights
  Reduction reduction = Reduction::Sum;

  /// @throws Error if the output is not [N, C, H, W], the mask does not fit it or is 0 everywhere, or the channel is
  ///         out of range
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
    detail::check_pixels(
        mask,
        "target::Region: the mask holds no pixel, so that there is nothing to explain; give one "
        "that is not 0 somewhere");
    const Tensor weights = mask.to(output.device(), output.scalar_type());
    const Tensor total = (output.select(1, channel) * weights).sum({-2, -1});
    if (reduction == Reduction::Sum) return total;
    const Tensor area = weights.sum({-2, -1});
    require((area != 0).all().item<bool>(),
            "target::Region: the mask's weights add up to 0, so that they have no mean; use Reduction::Sum");
    return total / area;
  }

  Region rows(const Tensor& samples) const {
    if (!mask.defined() || mask.dim() != 3) return *this;
    return {channel, mask.index_select(0, samples.to(mask.device())), reduction};
  }

  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    Box box = whole(sizes);
    if (box.size() != 3 || !mask.defined() || mask.dim() < 2 || channel < 0 || channel >= sizes[1])
      return box;
    const Tensor pixels = mask.detach().ne(0).reshape({-1, mask.size(-2), mask.size(-1)}).any(0);
    box[0] = {channel, channel + 1};
    for (std::size_t d = 1; d < 3; ++d) {
      const Tensor places = pixels.any(d == 1 ? 1 : 0).nonzero();
      if (places.numel() > 0)
        box[d] = {places.min().item<std::int64_t>(), places.max().item<std::int64_t>() + 1};
    }
    return box;
  }
};

/// One channel's score over the pixels that the model predicts as a class. The region is frozen on the unperturbed
/// output, so that the question stays the same while the input is varied.
///
/// Predicted are the pixels where that class has the largest output, or with a `threshold` those where its output
/// exceeds it: 0 for logits, 0.5 for the probabilities of a model that ends in a sigmoid. The one channel of a
/// [N, 1, H, W] output is taken for a logit, unless its values cannot be told from probabilities.
struct ClassRegion {
  std::int64_t channel = 0;     ///< whose score, 0 to C - 1
  std::int64_t predicted = -1;  ///< of the pixels predicted as this class; -1: as `channel`
  Reduction reduction = Reduction::Sum;
  std::optional<double> threshold{};  ///< in the output's units; none: the largest class, or logits > 0

  /// The region itself on this output.
  /// @throws Error if the output is not [N, C, H, W], a channel is out of range, no pixel of a sample is predicted as
  ///         the class, or the values of a single channel all lie in [0, 1] or above 0 and no threshold is given
  Region freeze(const Tensor& output) const {
    detail::check_dense(output, "ClassRegion");
    const std::int64_t which = predicted < 0 ? channel : predicted;
    detail::check_index(channel, output.size(1), "channel", output);
    detail::check_index(which, output.size(1), "class", output);
    const Tensor detached = output.detach();
    Tensor region;
    if (threshold) {
      region = detached.select(1, which) > *threshold;
    } else if (output.size(1) == 1) {
      detail::check_logits(detached.select(1, 0), "target::ClassRegion");
      region = detached.select(1, 0) > 0;
    } else {
      region = detached.argmax(1) == which;
    }
    detail::check_pixels(region,
                         text("target::ClassRegion: no pixel is predicted as class ", which,
                              ", so that there is nothing to explain; ask for another class, or give the "
                              "pixels yourself by target::Region"));
    return {channel, region, reduction};
  }
  Tensor operator()(const Tensor& output) const { return freeze(output)(output); }
  ClassRegion rows(const Tensor&) const { return *this; }
};

}  // namespace lumen::target
