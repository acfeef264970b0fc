// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <lumen/target/any.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/slice.hpp>
#include <lumen/trace/intercept.hpp>
#include <lumen/trace/layer.hpp>

#include "support/golden_question.hpp"

/// Cases of the golden file as lumen is asked them, for methods at layers and neurons.
namespace lumen::testing::golden {

/// The same as Model::run, with a tap around every operator, called like the module that runs it, or else like its
/// result.
inline Tensor run_tapped(const Model& model, const List& given) {
  std::unordered_map<std::string, Value> values;
  if (model.inputs.size() == 1 && model.inputs.front().first.starts_with('*')) {
    values[model.inputs.front().first] = {given};
  } else {
    for (std::size_t i = 0; i < model.inputs.size(); ++i) {
      values[model.inputs[i].first] = i < given.size() ? given[i] : model.inputs[i].second.value();
    }
  }
  for (const Node& node : model.nodes) {
    const std::string& name = node.module.empty() ? node.out : node.module;
    std::unordered_map<std::string, Value> seen = values;
    const Json& first = node.json.at("args").at(0);
    if (first.is_string() && values.at(first.get<std::string>()).is_tensor()) {
      Value& data = seen.at(first.get<std::string>());
      data = {trace::tap(name, data.tensor(), true)};
    }
    Value result = apply(node, seen, model.parameters);
    if (result.is_tensor()) result = {trace::tap(name, result.tensor())};
    values[node.out] = std::move(result);
  }
  return values.at(model.output).tensor();
}

/// A baseline of its own for each part of an input whose number of parts is known at run time.
struct PartBaselines {
  static constexpr bool random = false;
  std::vector<AnyBaseline> parts;
  [[nodiscard]] Tensors rows(const Tensors& x, const std::vector<std::int64_t>&,
                             const std::vector<std::int64_t>&) const {
    Tensors values;
    for (std::size_t i = 0; i < x.size(); ++i) values.push_back(parts.at(i)(x[i]));
    return values;
  }
};

/// Captum's neuron selectors: an index, or a tuple of indices and slices.
inline AnyTarget neuron_of(const Json& json) {
  const Json tuple = json.is_number() ? Json::array({json}) : json.at("tuple");
  bool plain = true;
  std::vector<std::int64_t> index;
  std::vector<target::Range> ranges;
  for (const Json& item : tuple) {
    if (item.is_number()) {
      index.push_back(item.get<std::int64_t>());
      ranges.push_back({index.back(), index.back() + 1});
    } else {
      plain = false;
      const auto range = item.at("slice").get<std::vector<std::int64_t>>();
      ranges.push_back({range.at(0), range.at(1), range.at(2)});
    }
  }
  return plain ? AnyTarget(target::Element{index}) : AnyTarget(target::Slice{ranges});
}

/// A case as lumen is asked it. Additional arguments with a row for each sample become further inputs, whose
/// baseline is themselves.
struct Asked {
  Model model;
  List arguments;
  std::vector<std::size_t> slots;  ///< which arguments are inputs
  std::size_t explained = 0;       ///< how many of them the case explains: the first ones
  Tensors inputs;
  PartBaselines baselines;
  AnyTarget target = target::Output{};

  Tensor operator()(const Tensors& parts) const {
    List all = arguments;
    for (std::size_t i = 0; i < parts.size(); ++i) all[slots[i]] = {parts[i]};
    return run_tapped(model, all);
  }
};

/// @param baselines  false where those of the case are a distribution, to be read by the caller
inline Asked ask_at_layer(const Case& one, const Model& model, bool with_baselines = true) {
  Asked asked{model.to(one.type()), {}, {}, 0, {}, {}};
  const Value inputs = cast(one.inputs, one.type());
  const Value baselines = cast(one.baselines, one.type());
  asked.arguments = arguments(inputs, cast(one.additional, one.type()));
  asked.explained = inputs.is_list() ? inputs.list().size() : 1;
  const std::int64_t n = asked.arguments.front().tensor().size(0);
  for (std::size_t i = 0; i < asked.arguments.size(); ++i) {
    Value& value = asked.arguments[i];
    const bool explained = i < asked.explained;
    if (!explained && (!value.is_tensor() || value.tensor().dim() == 0)) continue;
    const bool of_rows = value.tensor().dim() > 0 && value.tensor().size(0) == n;
    if (!explained && !of_rows) continue;  // the model's own
    if (!of_rows) throw Unmapped("an input whose rows are not those of the batch");
    value = {value.tensor().to(one.type())};
    asked.slots.push_back(i);
    asked.inputs.push_back(value.tensor());
    if (!with_baselines) continue;
    asked.baselines.parts.push_back(
        !explained ? AnyBaseline([](const Tensor& x) { return x; })
                   : baseline_of(baselines.is_list() ? baselines.list().at(i) : baselines));
  }
  asked.target = target_of(one.target_json);
  return asked;
}

/// The layers of a case, for each name: a container of several parallel modules is several layers, one of modules
/// in a row its last.
inline std::vector<std::vector<trace::Layer>> layers_of(const Case& one, const Model& model, bool input) {
  const Json names = one.layer.is_array() ? one.layer : Json::array({one.layer});
  std::vector<std::vector<trace::Layer>> all;
  for (const Json& json : names) {
    const auto name = json.get<std::string>();
    std::vector<trace::Layer> layers;
    for (const Node& node : model.nodes) {
      if (node.module == name || node.module.starts_with(name + "."))
        layers.push_back(layer::tap(node.module));
    }
    if (layers.empty()) throw Unmapped("no module " + name);
    if (name == "seq") layers = {input ? layers.front() : layers.back()};
    if (layers.size() > 1 && name != "multi_relu") throw Unmapped("a container " + name);
    for (trace::Layer& each : layers) each.input = input;
    all.push_back(std::move(layers));
  }
  return all;
}

/// Tensors in the shape of what Captum returns: one, or a tuple.
inline Value output_of(const Tensors& maps, bool tuple) {
  if (!tuple) return {maps.front()};
  List list;
  for (const Tensor& map : maps) list.push_back({map});
  return {list};
}

}  // namespace lumen::testing::golden
