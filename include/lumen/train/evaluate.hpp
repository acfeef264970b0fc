// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/sample.hpp>
#include <lumen/train/loss.hpp>

namespace lumen::train {

/// IoU and Dice of "the largest logit is `channel`" with "the label is `channel`", [N] each, float64, on the
/// logits' device. Both are 1 where neither has such a pixel.
struct Overlap {
  Tensor iou;
  Tensor dice;
};

[[nodiscard]] inline Overlap overlap(const Tensor& logits, const Tensor& label, std::int64_t channel = 1) {
  detail::check_pair(logits, label);
  const Tensor predicted = logits.argmax(1).eq(channel).flatten(1);
  const Tensor actual = label.eq(channel).flatten(1);
  const Tensor both = (predicted & actual).sum(1).to(at::kDouble);
  const Tensor sizes = (predicted.sum(1) + actual.sum(1)).to(at::kDouble);
  const Tensor empty = sizes.eq(0);
  const auto ratio = [&](const Tensor& part, const Tensor& whole) {
    return at::where(empty, at::ones_like(part), part / whole.clamp_min(1.0));
  };
  return {ratio(both, sizes - both), ratio(2.0 * both, sizes)};
}

/// How well a network does on a set of whole images.
struct Quality {
  double loss = 0.0;         ///< mean over the images
  double iou = 0.0;          ///< mean over the images
  double dice = 0.0;         ///< mean over the images
  std::vector<double> ious;  ///< of each image
  std::vector<double> dices;
};

/// Runs `net` on every sample, one image a pass, without gradients. The caller has put the network in
/// evaluation mode, and the samples on any device; they travel to that of `where`.
/// @throws Error  there is no sample
template <class Net, Loss L>
[[nodiscard]] Quality evaluate(Net& net, const std::vector<data::Sample>& samples, const L& loss,
                               at::Device where = at::kCPU, std::int64_t channel = 1) {
  require(!samples.empty(), "evaluate: there are no samples");
  const at::NoGradGuard no_gradient;
  std::vector<Tensor> rows;
  for (const data::Sample& sample : samples) {
    const Tensor logits = forward(net, sample.image.unsqueeze(0).to(where));
    const Tensor label = sample.label.unsqueeze(0).to(where);
    const Overlap o = overlap(logits, label, channel);
    rows.push_back(at::stack({loss(logits, label).to(at::kDouble), o.iou[0], o.dice[0]}));
  }
  const Tensor table = at::stack(rows).to(at::kCPU).contiguous();  // the one wait for the device
  const auto* values = table.data_ptr<double>();
  Quality quality;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    quality.ious.push_back(values[3 * i + 1]);
    quality.dices.push_back(values[3 * i + 2]);
  }
  const Tensor mean = table.mean(0);
  quality.loss = mean.data_ptr<double>()[0];
  quality.iou = mean.data_ptr<double>()[1];
  quality.dice = mean.data_ptr<double>()[2];
  return quality;
}

}  // namespace lumen::train
