// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::train {

/// What training lowers: (logits [N, C, H, W], classes [N, H, W] int64) -> one number, a mean over the batch.
template <class L>
concept Loss =
    std::copy_constructible<L> && requires(const L& loss, const Tensor& logits, const Tensor& label) {
      { loss(logits, label) } -> std::convertible_to<Tensor>;
    };

namespace detail {

inline void check_pair(const Tensor& logits, const Tensor& label) {
  require(logits.dim() == 4 && label.dim() == 3 && label.scalar_type() == at::kLong &&
              logits.size(0) == label.size(0) && logits.size(2) == label.size(1) &&
              logits.size(3) == label.size(2),
          [&] {
            return text("loss: logits ", logits.sizes(), " and labels ", label.sizes(), " (",
                        label.scalar_type(),
                        ") do not belong together; expected [N, C, H, W] and int64 [N, H, W]");
          });
}

}  // namespace detail

/// Mean over the pixels of -log softmax(logits)[label].
struct CrossEntropy {
  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    detail::check_pair(logits, label);
    return at::nll_loss2d(at::log_softmax(logits, 1), label);
  }
};

/// 1 - Dice of the softmax probabilities of one class, the mean over samples (Milletari, Navab and Ahmadi,
/// "V-Net", 3DV 2016, arXiv:1606.04797, with the sum rather than the sum of squares below the line):
///
///     1 - (2 sum(p y) + smooth) / (sum(p) + sum(y) + smooth),  y = 1 where the label is `channel`
struct SoftDice {
  std::int64_t channel = 1;
  double smooth = 1.0;  ///< pixels; an empty prediction of an empty label is perfect

  /// @throws Error  the logits have no such channel
  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    detail::check_pair(logits, label);
    require(channel >= 0 && channel < logits.size(1),
            [&] { return text("SoftDice: channel ", channel, " of logits ", logits.sizes()); });
    const Tensor p = at::softmax(logits, 1).select(1, channel).flatten(1);
    const Tensor y = label.eq(channel).to(p.scalar_type()).flatten(1);
    const Tensor dice = (2.0 * (p * y).sum(1) + smooth) / (p.sum(1) + y.sum(1) + smooth);
    return 1.0 - dice.mean();
  }
};

/// The sum of both: cross-entropy is right at every pixel, Dice does not mind that vessels are rare.
struct DiceCrossEntropy {
  SoftDice dice{};
  double dice_weight = 1.0;

  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    return CrossEntropy{}(logits, label) + dice_weight * dice(logits, label);
  }
};

}  // namespace lumen::train
