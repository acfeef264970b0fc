// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "support/golden_value.hpp"

namespace lumen::testing::golden {

/// One operator of a model: `out = op(args)`.
struct Node {
  std::string out;
  std::string op;
  std::string module;  ///< the module that executes it; empty for a functional call
  Json json;           ///< arguments and the operator's own options (weight, stride, dim, ...)
};

inline Node read_node(const Json& json) {
  const Json& module = json.contains("module") ? json.at("module") : Json();
  return {json.at("out").get<std::string>(), json.at("op").get<std::string>(),
          module.is_string() ? module.get<std::string>() : std::string(), json};
}

using Values = std::unordered_map<std::string, Value>;
using Parameters = std::map<std::string, Tensor>;

/// What the implementation of an operator sees.
struct Call {
  const Node& node;
  const Values& values;
  const Parameters& parameters;

  [[nodiscard]] std::size_t size() const { return node.json.at("args").size(); }
  [[nodiscard]] Value arg(std::size_t i) const {
    const Json& arg = node.json.at("args").at(i);
    return arg.is_string() ? values.at(arg.get<std::string>()) : value(arg);
  }
  [[nodiscard]] Tensor x(std::size_t i = 0) const { return arg(i).tensor(); }
  [[nodiscard]] List all() const {
    if (size() == 1 && arg(0).is_list()) return arg(0).list();
    List list;
    for (std::size_t i = 0; i < size(); ++i) list.push_back(arg(i));
    return list;
  }
  [[nodiscard]] std::vector<Tensor> tensors() const {
    std::vector<Tensor> list;
    for (const Value& item : all()) list.push_back(item.tensor());
    return list;
  }
  /// A parameter tensor by the option that names it; undefined when the option is null or absent.
  [[nodiscard]] Tensor parameter(const char* option) const {
    const Json name = node.json.value(option, Json());
    return name.is_null() ? Tensor() : parameters.at(name.get<std::string>());
  }
  [[nodiscard]] std::int64_t integer(const char* option) const {
    return node.json.at(option).get<std::int64_t>();
  }
  [[nodiscard]] double real(const char* option, double otherwise) const {
    return node.json.value(option, otherwise);
  }
  [[nodiscard]] std::vector<std::int64_t> integers(const char* option, std::size_t dims) const {
    const Json& json = node.json.at(option);
    if (json.is_array()) return json.get<std::vector<std::int64_t>>();
    return std::vector<std::int64_t>(dims, json.get<std::int64_t>());
  }
};

/// `f` of two tensors or of tensors and numbers, at least one of them a tensor.
template <class F>
Value binary(const Value& a, const Value& b, const F& f) {
  const auto as_tensor = [](const Value& number, const Tensor& like) {
    return at::scalar_tensor(number.number(), like.options());
  };
  if (a.is_tensor() && b.is_tensor()) return {f(a.tensor(), b.tensor())};
  if (a.is_tensor()) return {f(a.tensor(), as_tensor(b, a.tensor()))};
  return {f(as_tensor(a, b.tensor()), b.tensor())};
}

inline at::ScalarType floating_type(const Parameters& parameters) {
  for (const auto& [name, parameter] : parameters)
    if (at::isFloatingType(parameter.scalar_type())) return parameter.scalar_type();
  return at::kFloat;
}

using Operator = std::function<Value(const Call&)>;

inline std::map<std::string, Operator> arithmetic_operators() {
  const auto add = [](const Tensor& a, const Tensor& b) { return a + b; };
  const auto sub = [](const Tensor& a, const Tensor& b) { return a - b; };
  return {
      {"add", [=](const Call& c) { return binary(c.arg(0), c.arg(1), add); }},
      {"add_optional",
       [=](const Call& c) { return c.arg(1).is_none() ? c.arg(0) : binary(c.arg(0), c.arg(1), add); }},
      {"sub", [=](const Call& c) { return binary(c.arg(0), c.arg(1), sub); }},
      {"rsub", [=](const Call& c) { return binary(c.arg(1), c.arg(0), sub); }},
      {"mul",
       [](const Call& c) {
         return binary(c.arg(0), c.arg(1), [](const Tensor& a, const Tensor& b) { return a * b; });
       }},
      {"div",
       [](const Call& c) {
         return binary(c.arg(0), c.arg(1), [](const Tensor& a, const Tensor& b) { return a / b; });
       }},
      {"sum",
       [](const Call& c) -> Value {
         return c.node.json.at("dim").is_null() ? Value{c.x().sum()} : Value{c.x().sum(c.integer("dim"))};
       }},
  };
}

inline std::map<std::string, Operator> shape_operators() {
  return {
      {"cat", [](const Call& c) { return Value{at::cat(c.tensors(), c.integer("dim"))}; }},
      {"cat_flat",
       [](const Call& c) {
         std::vector<Tensor> flat;
         for (const Tensor& x : c.tensors()) flat.push_back(x.reshape({x.size(0), -1}));
         return Value{at::cat(flat, 1)};
       }},
      {"select", [](const Call& c) { return Value{c.x().select(c.integer("dim"), c.integer("index"))}; }},
      {"select_arg",
       [](const Call& c) {
         const Value index = c.arg(1);
         return Value{c.x().select(c.integer("dim"), index.is_tensor() ? index.tensor().item<std::int64_t>()
                                                                       : index.number().toLong())};
       }},
      {"getitem",
       [](const Call& c) -> Value {
         const Value from = c.arg(0);
         if (from.is_tensor()) return {from.tensor().select(0, c.integer("index"))};
         return from.list().at(static_cast<std::size_t>(c.integer("index")));
       }},
      {"unsqueeze", [](const Call& c) { return Value{c.x().unsqueeze(c.integer("dim"))}; }},
      {"reshape", [](const Call& c) { return Value{c.x().reshape(c.integers("shape", 1))}; }},
      {"reshape_batch",
       [](const Call& c) {
         std::vector<std::int64_t> shape = c.integers("shape", 1);
         shape.insert(shape.begin(), c.x().size(0));
         return Value{c.x().reshape(shape)};
       }},
      {"identity", [](const Call& c) { return c.arg(0); }},
      {"dropout_eval", [](const Call& c) { return c.arg(0); }},
      {"to_float", [](const Call& c) { return Value{c.x().to(floating_type(c.parameters))}; }},
      {"coalesce",
       [](const Call& c) -> Value {
         for (const Value& item : c.all())
           if (!item.is_none()) return item;
         return {};
       }},
      {"first_or_zero",
       [](const Call& c) -> Value {
         const Tensor x = c.x();
         return x.numel() == 0 ? Value{at::Scalar(0)} : Value{x.reshape({-1})[0]};
       }},
  };
}

inline std::map<std::string, Operator> layer_operators() {
  return {
      {"linear",
       [](const Call& c) { return Value{at::linear(c.x(), c.parameter("weight"), c.parameter("bias"))}; }},
      {"conv1d",
       [](const Call& c) {
         return Value{at::conv1d(c.x(), c.parameter("weight"), c.parameter("bias"), c.integers("stride", 1),
                                 c.integers("padding", 1), c.integers("dilation", 1))};
       }},
      {"conv2d",
       [](const Call& c) {
         return Value{at::conv2d(c.x(), c.parameter("weight"), c.parameter("bias"), c.integers("stride", 2),
                                 c.integers("padding", 2), c.integers("dilation", 2))};
       }},
      {"conv3d",
       [](const Call& c) {
         return Value{at::conv3d(c.x(), c.parameter("weight"), c.parameter("bias"), c.integers("stride", 3),
                                 c.integers("padding", 3), c.integers("dilation", 3))};
       }},
      {"maxpool1d",
       [](const Call& c) {
         return Value{at::max_pool1d(c.x(), c.integers("kernel", 1), c.integers("stride", 1))};
       }},
      {"maxpool2d",
       [](const Call& c) {
         return Value{at::max_pool2d(c.x(), c.integers("kernel", 2), c.integers("stride", 2))};
       }},
      {"maxpool3d",
       [](const Call& c) {
         return Value{at::max_pool3d(c.x(), c.integers("kernel", 3), c.integers("stride", 3))};
       }},
      {"avgpool2d",
       [](const Call& c) {
         return Value{at::avg_pool2d(c.x(), c.integers("kernel", 2), c.integers("stride", 2))};
       }},
      {"adaptive_avgpool2d",
       [](const Call& c) { return Value{at::adaptive_avg_pool2d(c.x(), c.integers("size", 2))}; }},
      {"batchnorm2d",
       [](const Call& c) {
         return Value{at::batch_norm(c.x(), c.parameter("weight"), c.parameter("bias"),
                                     c.parameter("running_mean"), c.parameter("running_var"), false, 0.1,
                                     c.real("eps", 1e-5), false)};
       }},
      {"embedding",
       [](const Call& c) { return Value{at::embedding(c.parameter("weight"), c.x().to(at::kLong))}; }},
      {"relu", [](const Call& c) { return Value{at::relu(c.x())}; }},
      {"tanh", [](const Call& c) { return Value{at::tanh(c.x())}; }},
      {"sigmoid", [](const Call& c) { return Value{at::sigmoid(c.x())}; }},
      {"elu", [](const Call& c) { return Value{at::elu(c.x(), c.real("alpha", 1.0))}; }},
      {"leaky_relu",
       [](const Call& c) { return Value{at::leaky_relu(c.x(), c.real("negative_slope", 0.01))}; }},
      {"softplus",
       [](const Call& c) {
         return Value{at::softplus(c.x(), c.real("beta", 1.0), c.real("threshold", 20.0))};
       }},
      {"softmax", [](const Call& c) { return Value{at::softmax(c.x(), c.integer("dim"))}; }},
  };
}

/// Every operator that the golden file's header lists under ir_ops.
inline const std::map<std::string, Operator>& operators() {
  static const std::map<std::string, Operator> table = [] {
    std::map<std::string, Operator> all = arithmetic_operators();
    all.merge(shape_operators());
    all.merge(layer_operators());
    return all;
  }();
  return table;
}

/// @throws std::runtime_error for an operator that the reader does not know
inline Value apply(const Node& node, const Values& values, const Parameters& parameters) {
  const auto found = operators().find(node.op);
  if (found == operators().end()) throw std::runtime_error("golden model: unknown operator " + node.op);
  return found->second(Call{node, values, parameters});
}

}  // namespace lumen::testing::golden
