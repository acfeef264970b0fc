// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::train {

/// What training lowers: (logits [N, C, H, W], classes [N, H, W] int64) -> one number, a mean over the batch.
template <class L>
concept Loss =
    std::copy_constructible<L> && requires(const L& loss, const Tensor& logits, const Tensor& label) {
      { loss(logits, label) } -> std::convertible_to<Tensor>;
    };

/// A loss that also takes what each pixel counts: [N, H, W], at least 0 (data::Sample::weight).
template <class L>
concept PixelWeightedLoss =
    Loss<L> && requires(const L& loss, const Tensor& logits, const Tensor& label, const Tensor& weight) {
      { loss(logits, label, weight) } -> std::convertible_to<Tensor>;
    };

/// A loss that in training also asks how the logits depend on the images: `images`, [N, C, H, W], require gradients, and
/// `logits` were made from them. What it draws is a function of `seed`.
template <class L>
concept ImageLoss = Loss<L> && requires(const L& loss, const Tensor& logits, const Tensor& label,
                                        const Tensor& images, std::uint64_t seed) {
  { loss(logits, label, images, seed) } -> std::convertible_to<Tensor>;
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

[[nodiscard]] inline Tensor class_weights(const std::vector<double>& weights, const Tensor& logits,
                                          const char* who) {
  require(static_cast<std::int64_t>(weights.size()) == logits.size(1) &&
              std::all_of(weights.begin(), weights.end(), [](double w) { return w >= 0.0; }),
          [&] {
            return text(who, ": ", weights.size(), " weights for ", logits.size(1),
                        " classes; give one each, at least 0");
          });
  return at::tensor(weights, at::kDouble).to(logits.options());
}

}  // namespace detail

/// Mean over the pixels of -log softmax(logits)[label], on request weighted by class and with smoothed labels (Szegedy,
/// Vanhoucke, Ioffe, Shlens and Wojna, CVPR 2016, arXiv:1512.00567), as PyTorch's cross_entropy:
///
///     sum over pixels of (1 - s) w[l] (-log p[l]) + s / C sum over c of w[c] (-log p[c]),  over the sum of w[l]
struct CrossEntropy {
  std::vector<double> weights{};  ///< w of each class, >= 0; none: 1 each
  double smoothing = 0.0;         ///< s in [0, 1]: the share of a label that is spread over all classes

  /// @throws Error  another number of weights than classes, one below 0, or a smoothing out of range
  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    detail::check_pair(logits, label);
    require(smoothing >= 0.0 && smoothing <= 1.0,
            [&] { return text("CrossEntropy: smoothing is ", smoothing, ", expected 0 to 1"); });
    if (weights.empty() && smoothing == 0.0) return at::nll_loss2d(at::log_softmax(logits, 1), label);
    return at::cross_entropy_loss(logits, label, of_class(logits), at::Reduction::Mean, -100, smoothing);
  }

  /// The same where pixels count differently: a pixel's terms, above and below the line, times its weight. 0 where none
  /// counts.
  /// @param weight   [N, H, W], at least 0
  /// @throws Error   as above, or for a weight of another shape
  Tensor operator()(const Tensor& logits, const Tensor& label, const Tensor& weight) const {
    detail::check_pair(logits, label);
    require(weight.defined() && weight.sizes() == label.sizes(), [&] {
      return text("CrossEntropy: the pixels' weights have shape ",
                  weight.defined() ? text(weight.sizes()) : "undefined", ", the labels ", label.sizes());
    });
    const c10::optional<Tensor> classes = of_class(logits);
    const Tensor each = at::cross_entropy_loss(logits, label, classes, at::Reduction::None, -100, smoothing);
    const Tensor all = classes ? weight * classes->index({label}) : weight;
    return (each * weight).sum() / all.sum().clamp_min(1e-12);
  }

 private:
  [[nodiscard]] c10::optional<Tensor> of_class(const Tensor& logits) const {
    if (weights.empty()) return c10::nullopt;
    return detail::class_weights(weights, logits, "CrossEntropy");
  }
};

/// Cross-entropy in which pixels that are right already count less: Lin, Goyal, Girshick, He and Dollar, "Focal Loss for
/// Dense Object Detection", ICCV 2017, arXiv:1708.02002.
///
///     mean over the pixels of w[l] (1 - p[l])^gamma (-log p[l])
struct Focal {
  double gamma = 2.0;             ///< >= 0; 0: the cross-entropy
  std::vector<double> weights{};  ///< w of each class, the paper's alpha; none: 1 each

  /// @throws Error  gamma below 0, another number of weights than classes, or one below 0
  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    detail::check_pair(logits, label);
    require(gamma >= 0.0, [&] { return text("Focal: gamma is ", gamma, ", expected at least 0"); });
    const Tensor logarithm = at::log_softmax(logits, 1).gather(1, label.unsqueeze(1)).squeeze(1);
    // 1 - p without cancellation, kept from 0 so that its power has a slope
    const Tensor wrong = at::expm1(logarithm).neg().clamp_min(1e-12);
    Tensor loss = -wrong.pow(gamma) * logarithm;
    if (!weights.empty()) loss = loss * detail::class_weights(weights, logits, "Focal").index({label});
    return loss.mean();
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
