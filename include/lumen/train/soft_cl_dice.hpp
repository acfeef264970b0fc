// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/train/loss.hpp>

namespace lumen::train {

/// A skeleton of soft masks [N, 1, H, W] in [0, 1] that has gradients: what openings take away, collected while the mask is
/// eroded `iterations` times (Shit et al., arXiv:2003.07311, algorithm 1). Vessels up to 2 `iterations` wide are thinned.
[[nodiscard]] inline Tensor soft_skeleton(Tensor mask, std::int64_t iterations) {
  const auto eroded = [](const Tensor& x) {
    return at::minimum(-at::max_pool2d(-x, {3, 1}, {1, 1}, {1, 0}),
                       -at::max_pool2d(-x, {1, 3}, {1, 1}, {0, 1}));
  };
  const auto opened = [&](const Tensor& x) { return at::max_pool2d(eroded(x), 3, 1, 1); };
  Tensor skeleton = at::relu(mask - opened(mask));
  for (std::int64_t i = 0; i < iterations; ++i) {
    mask = eroded(mask);
    const Tensor rest = at::relu(mask - opened(mask));
    skeleton = skeleton + at::relu(rest - skeleton * rest);
  }
  return skeleton;
}

/// 1 - clDice of soft masks, which asks whether lines are found and connected rather than how wide they are: Shit, Paetzold,
/// Sekuboyina et al., "clDice: A Novel Topology-Preserving Loss Function for Tubular Structure Segmentation", CVPR 2021,
/// arXiv:2003.07311. With the soft skeletons S_p and S_y of the probability p of a class and of its label y
///
///     precision = (sum(S_p y) + smooth) / (sum(S_p) + smooth),  sensitivity = (sum(S_y p) + smooth) / (sum(S_y) + smooth)
///     1 - 2 precision sensitivity / (precision + sensitivity),  the mean over samples
struct SoftClDice {
  std::int64_t channel = 1;
  std::int64_t iterations = 10;  ///< at least 1: half the width of the widest vessel, pixels
  double smooth = 1.0;           ///< pixels, > 0

  /// @throws Error  the logits have no such channel, or an option is out of range
  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    detail::check_pair(logits, label);
    require(channel >= 0 && channel < logits.size(1),
            [&] { return text("SoftClDice: channel ", channel, " of logits ", logits.sizes()); });
    require(iterations >= 1 && smooth > 0.0, [&] {
      return text("SoftClDice: iterations ", iterations, " and smooth ", smooth,
                  " must be at least 1 and above 0");
    });
    const Tensor p = at::softmax(logits, 1).narrow(1, channel, 1);
    const Tensor y = label.eq(channel).to(p.scalar_type()).unsqueeze(1);
    const auto within = [&](const Tensor& lines, const Tensor& mask) {
      return ((lines * mask).flatten(1).sum(1) + smooth) / (lines.flatten(1).sum(1) + smooth);
    };
    const Tensor precision = within(soft_skeleton(p, iterations), y),
                 sensitivity = within(soft_skeleton(y, iterations), p);
    return 1.0 - (2.0 * precision * sensitivity / (precision + sensitivity)).mean();
  }
};

/// (1 - weight) soft Dice + weight soft clDice, as the paper trains with.
struct DiceClDice {
  SoftDice dice{};
  SoftClDice cl_dice{};
  double weight = 0.5;  ///< of clDice, 0 to 1; the paper: at most 0.5

  /// @throws Error  the weight is out of range
  Tensor operator()(const Tensor& logits, const Tensor& label) const {
    require(weight >= 0.0 && weight <= 1.0,
            [&] { return text("DiceClDice: weight is ", weight, ", expected 0 to 1"); });
    return (1.0 - weight) * dice(logits, label) + weight * cl_dice(logits, label);
  }
};

}  // namespace lumen::train
