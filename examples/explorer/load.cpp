// SPDX-License-Identifier: BSD-3-Clause
#include "load.hpp"

#include <filesystem>

#include <lumen/core/error.hpp>

#include "../lumen/network.hpp"

namespace explorer {

namespace {

/// Names the classes of a network by asking it about a small image.
Network described(Network network) {
  const at::NoGradGuard no_grad;
  for (const std::int64_t channels : {network.channels, std::int64_t{1}, std::int64_t{3}}) {
    if (channels <= 0) continue;
    Tensor output;
    try {
      output = network.model(
          at::zeros({1, channels, 64, 64}, at::TensorOptions(network.device).dtype(network.dtype)));
    } catch (const std::exception&) {
      continue;
    }
    lm::require(output.defined() && output.dim() == 4, [&] {
      return lm::text(
          network.name, " gives ", output.defined() ? lm::text(output.sizes()) : "nothing",
          " for one image; the explorer shows segmentation networks, [1, C, H, W] -> [1, K, H, W]");
    });
    network.channels = channels;
    const std::int64_t classes = output.size(1);
    for (std::int64_t c = 0; c < classes; ++c) {
      network.classes.push_back(classes == 1   ? "foreground"
                                : classes == 2 ? (c == 0 ? "background" : "foreground")
                                               : lm::text("class ", c));
    }
    return network;
  }
  throw lm::Error(lm::text(network.name, " takes no image of 64 x 64 pixels with one or three channels"));
}

}  // namespace

std::vector<Network> load_networks(const NetworkOptions& options) {
  lm::require(options.nets.size() == options.weights.size(), [&] {
    return lm::text(options.nets.size(), " --net and ", options.weights.size(),
                    " --weights; give one for each");
  });
  std::vector<cli::LoadOptions> all;
  for (const std::string& model : options.models) all.push_back({.model = model});
  for (std::size_t i = 0; i < options.nets.size(); ++i) {
    all.push_back({.net = options.nets[i], .weights = options.weights[i]});
  }
  lm::require(!all.empty(), "no network: give --model FILE.pt, or --net NAME --weights FILE");
  std::vector<Network> networks;
  for (const cli::LoadOptions& each : all) {
    const cli::Network loaded = cli::load(each);
    Network network{
        .id = lm::text("n", networks.size()),
        .name = each.model.empty() ? each.net : std::filesystem::path(each.model).filename().string(),
        .model = [model = loaded.model](const Tensor& x) { return model(x); },
        .device = loaded.device,
        .dtype = loaded.dtype};
    if (loaded.weight.size() == 4) network.channels = loaded.weight[1];
    networks.push_back(described(std::move(network)));
  }
  return networks;
}

}  // namespace explorer
