// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lumen/attribution/combine/pipe.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/catalogue/entry.hpp>
#include <lumen/target/element.hpp>

/// The list of methods for batteries of tests. One source, support/catalogue.cpp, includes the list itself.
namespace lumen::testing {

[[nodiscard]] const std::vector<catalogue::Entry>& methods();

/// One way to run a method: as it is, at a layer or two, for a neuron, averaged over noise, with a step behind it.
struct Way {
  std::string name{};
  const catalogue::Entry* entry = nullptr;
  catalogue::Choices choices{};
  bool inner = false;  ///< explains a neuron, whatever the targets are
  /// What is put around it.
  std::function<catalogue::Explainer(const catalogue::Explainer&)> around{};

  [[nodiscard]] catalogue::Explainer explainer() const {
    const catalogue::Explainer own = entry->prepare(choices);
    return around ? around(own) : own;
  }
};

/// A method of the list as one that combinators take, of one type for all: they are compiled once.
struct Listed {
  catalogue::Explainer explain;
  Run run{};

  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<Tensors, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      return explain(engine::bind(model, x), parts_of(x), targets, run);
    });
  }
};

/// Combinators around a method: `make(Listed)` gives the method that they make.
template <class Make>
auto combined(const Make& make) {
  return [make](const catalogue::Explainer& own) -> catalogue::Explainer {
    return [make, own](const engine::Function& model, const Tensors& x, const Targets& targets,
                       const Run& run) { return engine::ask(make(Listed{own, run}), model, x, targets); };
  };
}

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
    visit(Way{entry.name + " with a step behind it", &entry, plain, false,
              combined([](const Listed& method) { return method | Magnitude{}; })});
    if (entry.traits.layer == LayerUse::Optional) {
      catalogue::Choices at = plain;
      at.layer = layer;
      visit(Way{entry.name + " at a layer", &entry, at});
      at.neuron = neuron;
      visit(Way{entry.name + " for a neuron", &entry, at, true});
      visit(Way{entry.name + " at two layers", &entry, plain, false, combined([layer](const Listed& method) {
                  return AtLayers<Listed>{.method = method, .layers = {layer, layer::nth("relu", 0)}};
                })});
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
