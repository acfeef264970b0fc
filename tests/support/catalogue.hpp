// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <lumen/catalogue/entry.hpp>
#include <lumen/target/element.hpp>

/// The list of methods for batteries of tests. One source, support/catalogue.cpp, includes the list itself.
namespace lumen::testing {

[[nodiscard]] const std::vector<catalogue::Entry>& methods();

/// One way to run a method: as it is, at a layer, for a neuron, averaged over noise.
struct Way {
  std::string name{};
  const catalogue::Entry* entry = nullptr;
  catalogue::Choices choices{};
  bool inner = false;  ///< explains a neuron, whatever the targets are

  [[nodiscard]] catalogue::Explainer explainer() const { return entry->prepare(choices); }
};

/// Every method in every way that its entry allows, with few steps and draws, at `layer` where it needs one.
/// @param neuron  of the layer's value
template <class Visit>
void each_way(const trace::Layer& layer, const AnyTarget& neuron, const Visit& visit) {
  using catalogue::LayerUse;
  for (const catalogue::Entry& entry : methods()) {
    catalogue::Choices plain{.settings = entry.traits.quick, .seed = 7};
    if (entry.traits.layer == LayerUse::Required) plain.layer = layer;
    if (entry.both) plain.neuron = neuron;
    visit(Way{entry.name, &entry, plain});
    if (entry.traits.layer == LayerUse::Optional) {
      catalogue::Choices at = plain;
      at.layer = layer;
      visit(Way{entry.name + " at a layer", &entry, at});
      at.neuron = neuron;
      visit(Way{entry.name + " for a neuron", &entry, at, true});
    }
    if (entry.name == "smooth") continue;
    const catalogue::Entry* smooth = nullptr;
    for (const catalogue::Entry& other : methods())
      if (other.name == "smooth") smooth = &other;
    catalogue::Choices noisy = plain;
    for (auto& [name, value] : noisy.settings) name = "method." + name;
    noisy.settings.emplace_back("method", entry.name);
    noisy.settings.emplace_back("samples", "2");
    visit(Way{"smooth of " + entry.name, smooth, noisy});
  }
}

}  // namespace lumen::testing
