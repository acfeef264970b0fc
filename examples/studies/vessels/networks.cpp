// SPDX-License-Identifier: BSD-3-Clause
#include <ATen/core/grad_mode.h>

#include <lumen/data/dataset.hpp>
#include <lumen/map/view.hpp>
#include <lumen/metric/sparsity.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/train/evaluate.hpp>
#include <lumen/train/trainer.hpp>

#include "parts.hpp"

namespace lm = lumen;

namespace studies::vessels {

std::vector<Network> train(const Setting& setting, const VesselImages& images, std::uint64_t seed,
                           const lm::Progress& progress) {
  std::vector<Network> networks{{.name = "no penalty", .file = "none"},
                                {.name = lm::text("L1, ", setting.l1), .file = "l1", .l1 = setting.l1},
                                {.name = lm::text("L2, ", setting.l2), .file = "l2", .l2 = setting.l2}};
  const lm::data::Augment augment{.crop = setting.crop, .transposition = 0.5, .gain = 0.4, .seed = seed};
  for (Network& network : networks) {
    network.net =
        lm::net::seeded(seed, [&] { return lm::net::UNet(lm::net::UNetOptions{.width = setting.width}); });
    //! [penalties]
    // Sums over the weights alone: neither biases nor normalisation are penalised.
    const lm::train::Trainer<lm::train::CrossEntropy, lm::train::Cosine> trainer{
        .schedule = {.epochs = setting.epochs, .last = 0.05},
        .epochs = setting.epochs,
        .batch = setting.batch,
        .learning_rate = setting.rate,
        .l1 = network.l1,
        .l2 = network.l2,
        .progress = progress,
        .seed = seed};
    //! [penalties]
    network.history = trainer(
        network.net, lm::data::Dataset(images.train, augment, static_cast<std::size_t>(setting.views)),
        images.validation);
    network.ious = lm::train::evaluate(network.net, images.test, lm::train::CrossEntropy{}).ious;
  }
  return networks;
}

Weights weights_of(const Network& network) {
  const at::NoGradGuard no_gradient;
  std::vector<Tensor> parts;
  for (const Tensor& parameter : network.net->parameters())
    if (parameter.dim() == 4) parts.push_back(parameter.detach().flatten().to(at::kDouble));
  const Tensor all = at::cat(parts), size = all.abs();
  const auto few = [&](const Tensor& mask) { return mask.sum().item<std::int64_t>(); };
  return {.count = all.numel(),
          .above = few(size.gt(1e-3)),
          .tiny = few(size.le(1e-8)),
          .gini = lm::metric::Gini{}(lm::map::view<double>(all)),
          .near = at::histc(all, weight_bins, -near_end, near_end),
          .whole = at::histc(all, weight_bins, -whole_end, whole_end)};
}

}  // namespace studies::vessels
