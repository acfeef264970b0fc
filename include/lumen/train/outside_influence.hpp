// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>

#include <ATen/core/grad_mode.h>

#include <lumen/core/error.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/train/loss.hpp>

namespace lumen::train {

/// Another loss and, in training, what a class's pixels depend on outside of the class: the share of the energy (the squared
/// derivatives) of their influence that lies on pixels with another label,
///
///     share = sum over i, x outside of J[i, x]^2  /  sum over i, x of J[i, x]^2,   the mean over the samples with the class
///
/// where J[i, x] is the derivative of the log-odds of the class at its pixel i by the image's pixel x. Penalising input
/// gradients outside of a mask: Ross, Hughes and Doshi-Velez, "Right for the Right Reasons", IJCAI 2017, arXiv:1703.03717. No
/// row of J is computed: for random signs v the square of J^T v has the columns' energies as its mean (Bekas, Kokiopoulou and
/// Saad, Applied Numerical Mathematics 57, 2007), so that a product for each probe estimates both sums without bias; their
/// quotient is the share up to the probes' scatter. As a share it does not fall when all gradients do.
///
/// Of a network with batch normalisation in training mode the derivatives include those through the batch's statistics.
/// Cost: a backward pass for each probe, and a second one through it: three to four times a plain step.
template <Loss L = CrossEntropy>
struct OutsideInfluence {
  L loss{};
  double penalty = 1.0;      ///< what the share is multiplied by, >= 0
  std::int64_t channel = 1;  ///< the class
  std::int64_t margin = 0;   ///< pixels around the class, in rows and columns, that are not outside yet; >= 0
  std::int64_t probes = 1;   ///< random signs that the energies are averaged over, >= 1

  /// The inner loss alone: what is measured.
  Tensor operator()(const Tensor& logits, const Tensor& label) const { return loss(logits, label); }

  /// The inner loss + penalty * share.
  /// @param images  [N, C, H, W], from which `logits` were computed with gradients
  /// @throws Error  an option is out of range, or the logits do not depend on the images
  Tensor operator()(const Tensor& logits, const Tensor& label, const Tensor& images,
                    std::uint64_t seed) const {
    require(penalty >= 0.0 && std::isfinite(penalty),
            [&] { return text("OutsideInfluence: penalty is ", penalty, ", expected at least 0"); });
    return loss(logits, label) + penalty * share(logits, label, images, seed);
  }

  /// The share alone, in [0, 1]; differentiable where gradients are on. 0 if no sample has the class.
  /// @throws Error  as above
  [[nodiscard]] Tensor share(const Tensor& logits, const Tensor& label, const Tensor& images,
                             std::uint64_t seed) const {
    detail::check_pair(logits, label);
    require(
        channel >= 0 && channel < logits.size(1) && logits.size(1) > 1 && margin >= 0 && probes >= 1, [&] {
          return text("OutsideInfluence: channel ", channel, ", margin ", margin, ", probes ", probes,
                      " for logits ", logits.sizes(),
                      "; expected one of at least 2 channels, a margin of at least 0 and at least 1 probe");
        });
    require(images.dim() == 4 && images.sizes().slice(2) == label.sizes().slice(1) &&
                images.requires_grad() && logits.requires_grad(),
            "OutsideInfluence: expected images [N, C, H, W] of the labels' size that require gradients, and "
            "logits made from them with gradients on");
    const bool differentiable = at::GradMode::is_enabled();
    const at::AutoGradMode enable(true);
    const Tensor inside = label.eq(channel).to(logits.scalar_type());
    const Tensor outside = 1.0 - at::max_pool2d(inside.unsqueeze(1), 2 * margin + 1, 1, margin).squeeze(1);
    const Tensor others = logits.narrow(1, 0, channel);
    const Tensor log_odds =
        logits.select(1, channel) -
        at::cat({others, logits.narrow(1, channel + 1, logits.size(1) - channel - 1)}, 1).logsumexp(1);
    Tensor energy;
    for (std::int64_t k = 0; k < probes; ++k) {
      at::Generator source = generator(seed, 0, k);
      const Tensor signs =
          at::randint(0, 2, label.sizes(), source, at::TensorOptions(at::kFloat)).mul(2).sub(1);
      const Tensor probed = (log_odds * inside * signs.to(log_odds)).sum();
      const auto derivative = torch::autograd::grad({probed}, {images}, {}, /*retain_graph=*/true,
                                                    /*create_graph=*/differentiable,
                                                    /*allow_unused=*/true);
      require(derivative.front().defined(), "OutsideInfluence: the logits do not depend on the images");
      const Tensor square = derivative.front().square().sum(1);
      energy = energy.defined() ? energy + square : square;
    }
    const Tensor all = energy.sum({1, 2}), there = inside.sum({1, 2}).gt(0).to(all.scalar_type());
    const Tensor shares = (energy * outside).sum({1, 2}) / all.clamp_min(1e-30);
    return (shares * there).sum() / there.sum().clamp_min(1.0);
  }
};

}  // namespace lumen::train
