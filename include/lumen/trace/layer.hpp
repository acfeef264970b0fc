// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/trace/names.hpp>

namespace lumen::trace {

/// The name of an inner activation: which operator (or tap) of a forward pass, and whether what it gives or what
/// it is given. Made by the functions of lumen::layer.
struct Layer {
  enum class By { Parameter, Kind, Tap };

  By by = By::Kind;
  std::string name{};    ///< the operator's kind or the tap's name
  Tensor parameter{};    ///< a tensor that the operator consumes
  std::int64_t nth = 0;  ///< which of those that fit, in the order of execution; negative from the end
  bool input = false;    ///< what it is given (its first tensor) instead of what it gives

  /// For messages: "the output of relu 3".
  [[nodiscard]] std::string what() const {
    const std::string side = input ? "the input of " : "the output of ";
    if (by == By::Parameter) return text(side, "use ", nth, " of the given parameter ", parameter.sizes());
    return text(side, by == By::Tap ? "tap '" : "", name, by == By::Tap ? "' " : " ", nth);
  }
};

}  // namespace lumen::trace

/// Ways to name a layer.
namespace lumen::layer {

using trace::Layer;

/// The nth operator of a kind: `nth("relu", 3)`, `nth("conv2d", -1)` for the last. In-place forms count alike, and so
/// do all names of a function (trace::kind_of).
[[nodiscard]] inline Layer nth(std::string kind, std::int64_t n) {
  return {.by = Layer::By::Kind, .name = trace::kind_named(std::move(kind)), .nth = n};
}

/// The operator that consumes this parameter: `of(net->conv3->weight)`.
/// @param use  which of them, if it is consumed several times
/// @throws Error if the tensor is undefined
[[nodiscard]] inline Layer of(const Tensor& parameter, std::int64_t use = 0) {
  require(parameter.defined(), "layer::of: the parameter is undefined; give the layer's weight");
  return {.by = Layer::By::Parameter, .parameter = parameter, .nth = use};
}

/// The same for a module (or a holder of one) with a weight: `of(net->conv3)`.
template <class Module>
  requires requires(const Module& module) { Tensor(module.weight); } ||
           requires(const Module& module) { Tensor(module->weight); }
[[nodiscard]] Layer of(const Module& module, std::int64_t use = 0) {
  if constexpr (requires { Tensor(module.weight); }) {
    return of(Tensor(module.weight), use);
  } else {
    return of(Tensor(module->weight), use);
  }
}

/// What the model marked by `trace::tap(name, value)`; of a TorchScript model, the module of this path.
[[nodiscard]] inline Layer tap(std::string name, std::int64_t n = 0) {
  return {.by = Layer::By::Tap, .name = std::move(name), .nth = n};
}

/// What that operator is given instead of what it gives.
[[nodiscard]] inline Layer input(Layer layer) {
  layer.input = true;
  return layer;
}

}  // namespace lumen::layer
