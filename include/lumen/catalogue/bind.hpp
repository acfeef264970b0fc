// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/catalogue/entry.hpp>
#include <lumen/catalogue/features.hpp>
#include <lumen/catalogue/table.hpp>
#include <lumen/core/error.hpp>

namespace lumen::catalogue {

namespace detail {

/// The answers with their maps as lists of parts, whatever type the method gives them.
template <class M>
std::vector<Map> in_parts(std::vector<Attribution<M>> answers) {
  if constexpr (std::same_as<M, Tensors>) {
    return answers;
  } else {
    std::vector<Map> maps;
    for (Attribution<M>& answer : answers) {
      Map map{.map = parts_of(answer.map),
              .score = answer.score,
              .completeness_error = answer.completeness_error,
              .standard_error = {},
              .forward_passes = answer.forward_passes,
              .backward_passes = answer.backward_passes};
      if (const Tensors errors = parts_of(answer.standard_error); errors.front().defined())
        map.standard_error = errors;
      maps.push_back(std::move(map));
    }
    return maps;
  }
}

/// Runs an aggregate where it is asked for: on the input, at a layer, or for a neuron of a layer.
template <class A>
std::vector<Map> run_at(A method, const Choices& choices, const engine::Function& model, const Tensors& x,
                        const Targets& targets, const Run& run) {
  method.run = run;
  if constexpr (requires { method.layer; }) {
    method.layer = *choices.layer;
    if constexpr (requires { method.neuron; }) method.neuron = *choices.neuron;
    return in_parts(method(model, x, targets));
  } else {
    if (choices.neuron)
      return in_parts(AtNeuron<A>{method, *choices.layer}(model, x, Targets{*choices.neuron}));
    if (choices.layer) return in_parts(AtLayer<A>{method, *choices.layer}(model, x, targets));
    return in_parts(method(model, x, targets));
  }
}

/// @throws Error for an undefined part, which methods would detach before they check it
inline void check_defined(const Tensors& x) {
  for (const Tensor& part : x)
    require(part.defined(), "an input is an undefined tensor; pass one that holds data");
}

/// The same with what is known of its baseline, where that saves passes or makes draws unnecessary.
template <class A>
std::vector<Map> run_known(const A& method, const Choices& choices, const engine::Function& model,
                           const Tensors& x, const Targets& targets, const Run& run) {
  check_defined(x);
  if constexpr (requires {
                  method.samples;
                  method.with_baseline(FixedBaseline{});
                }) {
    const AnyBaseline& baseline = method.baseline;
    if (!baseline.random) {
      return run_at(method.with_baseline(FixedBaseline{baseline}), choices, model, x, targets, run);
    }
    if (baseline.set.defined()) {
      const lumen::baseline::Samples set{.values = baseline.set, .seed = baseline.seed};
      return run_at(method.with_baseline(set), choices, model, x, targets, run);
    }
  }
  return run_at(method, choices, model, x, targets, run);
}

/// @throws Error unless the choices fit a method that has these members
inline void check_choices(const std::string& name, const Choices& choices, LayerUse layer, bool has_layer,
                          bool has_neuron, bool has_baseline) {
  require(layer != LayerUse::None || !choices.layer,
          [&] { return name + " explains the whole model; leave the layer out"; });
  require(!has_layer || choices.layer,
          [&] { return name + " explains a layer: name it, for instance layer4 or conv2d:-1"; });
  require(!has_neuron || choices.neuron,
          [&] { return name + " explains a neuron of the layer: name the neuron, for instance element:3"; });
  require(!choices.neuron || (choices.layer && (has_neuron || !has_layer)), [&] {
    return name + (has_layer ? " takes no neuron" : " needs the layer of the neuron: name it, too");
  });
  require(has_baseline || !choices.baseline, [&] { return name + " has no baseline; leave it out"; });
}

}  // namespace detail

/// The entry of an aggregate whose options stand in `table`.
template <class A>
Entry entry(Table<A> table, std::string what, std::string paper, Traits traits = {}) {
  constexpr bool has_layer = requires(A a) { a.layer; };
  constexpr bool has_neuron = requires(A a) { a.neuron; };
  constexpr bool has_baseline = requires(A a) { a.baseline; };
  constexpr bool has_seed = requires(A a) { a.seed; };
  if (has_layer) traits.layer = LayerUse::Required;
  Entry made{.name = table.method(),
             .what = std::move(what),
             .paper = std::move(paper),
             .options = table.infos(),
             .traits = traits,
             .both = has_neuron,
             .drawn = has_seed};
  if constexpr (has_baseline) {
    made.baseline = table.with({}).baseline.words;
    made.drawn = made.drawn || table.with({}).baseline.random;
  }
  made.prepare = [table = std::move(table), use = traits.layer](const Choices& choices) -> Explainer {
    A method = table.with(choices.settings);
    detail::check_choices(table.method(), choices, use, has_layer, has_neuron, has_baseline);
    if constexpr (has_seed) method.seed = choices.seed;
    if constexpr (requires { with_masks(method.groups, choices.more_masks); })
      method.groups = with_masks(method.groups, choices.more_masks);
    if constexpr (has_baseline) {
      if (choices.baseline) method.baseline = *choices.baseline;
      method.baseline.seed = choices.seed;
    }
    return [method, choices](const engine::Function& model, const Tensors& x, const Targets& targets,
                             const Run& run) {
      return detail::run_known(method, choices, model, x, targets, run);
    };
  };
  return made;
}

}  // namespace lumen::catalogue
