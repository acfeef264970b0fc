// SPDX-License-Identifier: BSD-3-Clause
// The one source of all programs that includes the list of methods, which takes long to compile.
#include "method.hpp"

#include <lumen/catalogue/methods.hpp>

namespace cli {

const std::vector<Entry>& methods() { return lm::catalogue::methods(); }

const Entry& method_named(const std::string& name) { return lm::catalogue::find(methods(), name); }

Explainer prepared(const Entry& entry, const Choices& choices) {
  const std::string& name = entry.name;
  require(entry.traits.layer != LayerUse::None || !choices.layer,
          [&] { return name + " explains the whole model; leave --layer out"; });
  require(entry.traits.layer != LayerUse::Required || choices.layer, [&] {
    return name + " explains a layer: name it with --layer, for instance --layer layer4 or conv2d:-1";
  });
  require(!entry.both || choices.neuron,
          [&] { return name + " explains a neuron of the layer: name it with --neuron"; });
  require(!choices.neuron || choices.layer, [&] { return name + " needs --layer to find the --neuron"; });
  require(!choices.neuron || entry.both || entry.traits.layer != LayerUse::Required,
          [&] { return name + " takes no --neuron"; });
  require(!choices.baseline || !entry.baseline.empty(),
          [&] { return name + " has no baseline; leave --baseline out"; });
  return entry.prepare(choices);
}

}  // namespace cli
