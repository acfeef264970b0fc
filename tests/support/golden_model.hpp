// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/golden_op.hpp"
#include "support/golden_value.hpp"

namespace lumen::testing::golden {

/// What a model of the golden file is told about a value that it has just computed. The returned tensor takes
/// the value's place; return `value` itself to look only.
using Hook = std::function<Tensor(const Node& node, const Tensor& value)>;

/// A model of the golden file: explicit parameters and a list of operators in single-assignment form, run one
/// by one through ATen's functional operators. It holds no state, so that one model may be run by several
/// threads.
struct Model {
  std::string id;
  std::map<std::string, Tensor> parameters;
  std::vector<std::pair<std::string, std::optional<Value>>>
      inputs;  ///< name, default (none: required); "*x" takes all
  std::vector<Node> nodes;
  std::string output;
  bool training_mode = false;
  Json lrp_rules;

  /// Runs the operators on positional inputs (tensors, then additional arguments), calling `hook` after each
  /// node whose value is a tensor.
  [[nodiscard]] Tensor run(const List& given, const Hook& hook = {}) const {
    std::unordered_map<std::string, Value> values;
    if (inputs.size() == 1 && inputs.front().first.starts_with('*')) {
      values[inputs.front().first] = {given};
    } else {
      if (given.size() > inputs.size()) throw std::runtime_error(id + ": too many inputs");
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        if (i < given.size())
          values[inputs[i].first] = given[i];
        else if (inputs[i].second)
          values[inputs[i].first] = *inputs[i].second;
        else
          throw std::runtime_error(id + ": input " + inputs[i].first + " is missing");
      }
    }
    for (const Node& node : nodes) {
      Value result = apply(node, values, parameters);
      if (hook && result.is_tensor()) result = {hook(node, result.tensor())};
      values[node.out] = std::move(result);
    }
    return values.at(output).tensor();
  }

  /// The value of a node, by its name or by the name of the module that computes it.
  [[nodiscard]] Tensor value_of(const std::string& name_or_module, const List& given) const {
    Tensor found;
    (void)run(given, [&](const Node& node, const Tensor& value) {
      if (node.out == name_or_module || node.module == name_or_module) found = value;
      return value;
    });
    if (!found.defined()) throw std::runtime_error(id + ": no node or module is called " + name_or_module);
    return found;
  }

  /// The same model with its floating point parameters cast.
  [[nodiscard]] Model to(at::ScalarType type) const {
    Model copy = *this;
    for (auto& [name, parameter] : copy.parameters)
      if (at::isFloatingType(parameter.scalar_type())) parameter = parameter.to(type);
    return copy;
  }
};

inline Model read_model(const std::string& id, const Json& json) {
  Model model;
  model.id = id;
  model.training_mode = json.at("training_mode").get<bool>();
  model.output = json.at("output").get<std::string>();
  model.lrp_rules = json.value("lrp_rules", Json());
  for (const auto& [name, parameter] : json.at("params").items()) model.parameters[name] = tensor(parameter);
  for (const Json& input : json.at("inputs")) {
    const auto text = input.get<std::string>();
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos)
      model.inputs.emplace_back(text, std::nullopt);
    else
      model.inputs.emplace_back(text.substr(0, equals), value(Json::parse(text.substr(equals + 1))));
  }
  for (const Json& node : json.at("nodes")) model.nodes.push_back(read_node(node));
  return model;
}

}  // namespace lumen::testing::golden
