// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/interpreter.h>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/script/expand.hpp>
#include <lumen/script/output.hpp>
#include <lumen/script/private_copy.hpp>
#include <lumen/script/tap_operator.hpp>
#include <lumen/trace/intercept.hpp>

namespace lumen::script {

struct Options {
  Output output{};  ///< which part of the output is the answer; needed unless it is a tensor
  std::optional<at::Device> device{};     ///< where the weights go; unset: where they are
  std::optional<at::ScalarType> dtype{};  ///< what floating point weights become; unset: what they are
};

/// A TorchScript program, scripted or traced, as a model: copies share it, and any number of threads may run it.
///
/// It is a copy in evaluation mode of the module that it is made from, which stays as it is; the weights are shared
/// unless `device` or `dtype` changes them, so that layer::of takes the module's own parameters. Its forward is run
/// by TorchScript's interpreter as it is written, without the optimisations of its executor: every pass runs the
/// same operators, and they are those of the eager network. Every submodule is a layer by the name of its path:
///
///     layer::tap("layer4.1.conv2")           what it returns; a second argument counts its calls
///     layer::input(layer::tap("fc"))         the first tensor that it is given
///
/// What an in-place activation overwrites is seen as it was when the module returned. A module that works in place
/// and whose result nobody takes cannot have another value put in its place.
/// Cost: that of the eager network. A pass that nobody listens to runs a graph without taps.
class Network {
 public:
  /// @throws Error if the module has no forward that takes tensors only, if it cannot be observed (fork, calls
  ///         that are resolved as it runs), or if it was traced with dropout switched on
  explicit Network(const torch::jit::Module& module, Options options = {})
      : state_(std::make_shared<const State>(module, std::move(options))) {}

  /// The output for one tensor, or for several of a model of several inputs.
  /// @throws Error if there are too few or too many of them, if they are not of the weights' type or device (and it
  ///         fails for that), or if the output is not a tensor and `output` does not say which part is meant
  template <std::same_as<Tensor>... Parts>
    requires(sizeof...(Parts) > 0)
  [[nodiscard]] Tensor forward(const Parts&... parts) const {
    return state_->run({parts...});
  }
  /// The same where their number is known at run time only.
  [[nodiscard]] Tensor forward(const Tensors& parts) const { return state_->run(parts); }

  /// The weights' floating point type and device: what inputs should have. Of a network without weights, float on
  /// the CPU.
  [[nodiscard]] at::ScalarType dtype() const { return state_->dtype(); }
  [[nodiscard]] at::Device device() const { return state_->device(); }
  /// How many tensors forward needs at least.
  [[nodiscard]] std::int64_t inputs() const { return static_cast<std::int64_t>(state_->needed); }
  /// How many it takes at most, those with a default counted.
  [[nodiscard]] std::int64_t most_inputs() const {
    return static_cast<std::int64_t>(state_->defaults.size());
  }

  /// Parameters and buffers with their names, "layer1.0.conv1.weight": the tensors themselves.
  [[nodiscard]] std::vector<std::pair<std::string, Tensor>> tensors() const { return state_->tensors(); }
  /// One of them: layer::of(net.tensor("fc.weight")). @throws Error if there is none of this name
  [[nodiscard]] Tensor tensor(std::string_view name) const {
    for (const auto& [known, value] : tensors()) {
      if (known == name) return value;
    }
    throw Error(text("the TorchScript model has no parameter or buffer '", name,
                     "'; Network::tensors() lists the names that it has"));
  }
  /// The submodules that forward calls, in the order of their first call.
  [[nodiscard]] std::vector<Part> layers() const { return state_->parts; }

 private:
  struct State {
    State(const torch::jit::Module& original, Options options) : output(std::move(options.output)) {
      const auto method = original.find_method("forward");
      require(method.has_value(), "the TorchScript module has no forward; it is no network");
      for (const c10::Argument& argument : method->function().getSchema().arguments()) {
        if (arguments++ == 0) continue;  // the module itself
        const auto& otherwise = argument.default_value();
        defaults.push_back(otherwise ? std::optional(*otherwise) : std::nullopt);
        if (!argument.default_value()) needed = defaults.size();
        require(argument.default_value() || argument.type()->isSubtypeOf(*c10::TensorType::get()) ||
                    argument.type()->isSubtypeOf(*c10::OptionalType::ofTensor()),
                [&] {
                  return text("the TorchScript model's forward takes '", argument.name(), "', a ",
                              argument.type()->repr_str(),
                              "; only tensors can be explained: wrap it in a module ",
                              "whose forward takes tensors");
                });
      }
      require(!defaults.empty(), "the TorchScript model's forward takes no input; it is no network");
      needed = std::max<std::size_t>(needed, 1);
      detail::PrivateCopy copy(options.device, options.dtype);
      module = copy(original);
      const auto compiled = [&](bool taps) {
        detail::Expansion expansion(module, taps);
        move_constants(expansion.graph->block(), copy);
        parts = std::move(expansion.parts);
        return torch::jit::Code(expansion.graph, "forward");
      };
      plain = compiled(false);
      tapped = compiled(true);
    }

    [[nodiscard]] Tensor run(const Tensors& x) const {
      require(needed <= x.size() && x.size() <= defaults.size(), [&] {
        return text("the TorchScript model takes ", needed,
                    needed == defaults.size() ? "" : text(" to ", defaults.size()), " tensors, but got ",
                    x.size());
      });
      torch::jit::Stack stack{module._ivalue()};
      for (std::size_t i = 0; i < defaults.size(); ++i) {
        stack.push_back(i < x.size() ? c10::IValue(x[i]) : *defaults[i]);
      }
      const bool heard = trace::is_heard();
      std::optional<detail::ErrorKeeper> keeper;
      std::optional<trace::Listening> listening;
      if (heard) listening.emplace(keeper.emplace());
      detail::ErrorsOnTheirWay errors;
      try {
        torch::jit::InterpreterState(heard ? tapped : plain).run(stack);
      } catch (const std::exception& failure) {
        if (errors.latest) std::rethrow_exception(errors.latest);
        explain(x, failure);
        throw;
      }
      return detail::chosen(stack.front(), output);
    }

    /// @throws Error if the input's type or device explains the failure
    void explain(const Tensors& x, const std::exception& failure) const {
      if (tensors().empty()) return;
      for (const Tensor& part : x) {
        const std::string what = text("the TorchScript model failed on an input of type ", part.scalar_type(),
                                      " on ", part.device(), ": its weights are ", dtype(), " on ", device());
        require(part.device() == device(), [&] {
          return text(what, "; move it with x.to(net.device()), or load the model with {.device = ...}\n",
                      failure.what());
        });
        require(!at::isFloatingType(part.scalar_type()) || part.scalar_type() == dtype(), [&] {
          return text(what, "; convert it with x.to(net.dtype()), or load the model with {.dtype = ...}\n",
                      failure.what());
        });
      }
    }

    [[nodiscard]] std::vector<std::pair<std::string, Tensor>> tensors() const {
      std::vector<std::pair<std::string, Tensor>> all;
      for (const auto& parameter : module.named_parameters())
        all.emplace_back(parameter.name, parameter.value);
      for (const auto& buffer : module.named_buffers()) all.emplace_back(buffer.name, buffer.value);
      return all;
    }
    [[nodiscard]] at::ScalarType dtype() const {
      for (const auto& [name, value] : tensors()) {
        if (at::isFloatingType(value.scalar_type())) return value.scalar_type();
      }
      return at::kFloat;
    }
    [[nodiscard]] at::Device device() const {
      const auto all = tensors();
      return all.empty() ? at::Device(at::kCPU) : all.front().second.device();
    }

    static void move_constants(torch::jit::Block* block, detail::PrivateCopy& copy) {
      for (torch::jit::Node* node : block->nodes()) {
        for (torch::jit::Block* inner : node->blocks()) move_constants(inner, copy);
        if (node->kind() != c10::prim::Constant || !node->hasAttribute(c10::attr::value)) continue;
        if (node->output()->type()->kind() == c10::DeviceObjType::Kind && copy.device()) {
          node->s_(c10::attr::value, copy.device()->str());  // where the file's author had it
          continue;
        }
        if (node->kindOf(c10::attr::value) != torch::jit::AttributeKind::t) continue;
        node->t_(c10::attr::value, copy.moved(node->t(c10::attr::value)));
      }
    }

    Output output;
    torch::jit::Module module;
    torch::jit::Code plain, tapped;  ///< when nobody listens, and when somebody does
    std::vector<Part> parts;
    std::size_t arguments = 0, needed = 0;  ///< of forward, with the module; tensors without a default
    std::vector<std::optional<c10::IValue>> defaults;
  };

  std::shared_ptr<const State> state_;
};

/// The layers of a TorchScript model by path: `layer::tap(path)`.
[[nodiscard]] inline std::vector<Part> layers(const Network& network) { return network.layers(); }

}  // namespace lumen::script
