// SPDX-License-Identifier: BSD-3-Clause
#include <ATen/core/grad_mode.h>

#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "parts.hpp"

namespace lm = lumen;

namespace studies::vessels {

namespace {

double share(const Tensor& map, const Tensor& mask) {
  const Tensor mass = map.abs().to(at::kDouble);
  const double all = mass.sum().item<double>();
  return all > 0 ? mass.masked_select(mask).sum().item<double>() / all : 0.0;
}

}  // namespace

Grid noise_grid(const Setting& setting, const Network& network, const lm::data::Sample& sample,
                std::uint64_t seed, const lm::Progress& progress) {
  lm::net::UNet net = network.net;
  Grid grid{.sample = sample};
  const Tensor x = grid.sample.image.unsqueeze(0);
  const Tensor vessel = grid.sample.label.eq(1);
  // the vessel pixel nearest to the middle
  const Tensor places = vessel.any().item<bool>() ? vessel.nonzero() : at::ones_like(vessel).nonzero();
  const Tensor centre = at::tensor({vessel.size(0) / 2, vessel.size(1) / 2}, at::kLong);
  const Tensor nearest = places[(places - centre).square().sum(1).argmin()];
  grid.row = nearest[0].item<std::int64_t>();
  grid.column = nearest[1].item<std::int64_t>();
  const lm::target::LogOdds target{lm::target::Pixel{.channel = 1, .row = grid.row, .column = grid.column}};
  grid.plain = lm::Saliency{.absolute = false}(net, x, target).map[0][0];
  grid.inside = share(grid.plain, vessel);
  std::int64_t done = 0;
  for (const double stdev : setting.stdevs) {
    for (const std::int64_t samples : setting.samples) {
      //! [grid]
      const lm::Smooth smooth{.method = lm::Saliency{.absolute = false},
                              .samples = samples,
                              .stdev = stdev,
                              .scale = lm::NoiseScale::InputUnits,
                              .seed = seed};
      const auto moments = smooth.moments(net, x, target);  // all three from the same noisy copies
      //! [grid]
      Noisy cell{.stdev = stdev, .samples = samples};
      cell.maps = {moments.mean.map[0][0], moments.square.map[0][0], moments.variance.map[0][0]};
      for (std::size_t k = 0; k < 3; ++k) cell.inside[k] = share(cell.maps[k], vessel);
      const Tensor a = cell.maps[0].flatten().to(at::kDouble), b = grid.plain.flatten().to(at::kDouble);
      cell.cosine = (a.dot(b) / (a.norm() * b.norm()).clamp_min(1e-300)).item<double>();
      cell.error =
          (moments.mean.standard_error[0].to(at::kDouble).norm() / a.norm().clamp_min(1e-300)).item<double>();
      grid.cells.push_back(std::move(cell));
      if (progress)
        progress("noise", ++done, static_cast<std::int64_t>(setting.stdevs.size() * setting.samples.size()));
    }
  }
  return grid;
}

}  // namespace studies::vessels
