// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <lumen/core/error.hpp>
#include <lumen/script/tap_operator.hpp>

namespace lumen::script {

/// A module inside a TorchScript model, which is called by the model's forward: a layer, by the name of its path.
struct Part {
  std::string path;        ///< "layer1.0.conv2", for layer::tap
  std::string kind;        ///< the class's name, "Conv2d"
  std::int64_t calls = 0;  ///< in how many places forward calls it; layer::tap("relu", 3) is the fourth call
  bool input = false;      ///< whether it is given a tensor: layer::input(layer::tap(path)) names it
  bool output = false;     ///< whether it returns a tensor: layer::tap(path) names it
};

namespace detail {

/// Writes a module's forward out into one graph without calls, in which every call of a submodule is a stretch of
/// nodes between two taps that carry the submodule's path: what it is given, and what it returns.
class Expansion {
 public:
  /// @param taps  without them, the same graph for when nobody listens
  /// @throws Error if the forward cannot be written out: fork, calls resolved as it runs, or too many nodes
  Expansion(const torch::jit::Module& module, bool taps)
      : graph(torch::jit::toGraphFunction(module.get_method("forward").function()).graph()->copy()),
        taps_(taps) {
    modules_.emplace(graph->inputs().at(0), Place{module._ivalue(), ""});
    expand(graph->block());
  }

  std::shared_ptr<torch::jit::Graph> graph;
  std::vector<Part> parts;  ///< in the order of their first call

 private:
  struct Place {
    c10::intrusive_ptr<c10::ivalue::Object> object;
    std::string path;
  };
  using Node = torch::jit::Node;
  using Value = torch::jit::Value;
  static constexpr std::size_t most = 2'000'000;

  void expand(torch::jit::Block* block) {
    for (Node* node = block->param_node()->next(); node != block->return_node();) {
      require(++nodes_ <= most, [&] {
        return text("the TorchScript model expands to more than ", most,
                    " nodes; it is damaged or no network");
      });
      for (torch::jit::Block* inner : node->blocks()) expand(inner);
      switch (node->kind()) {
        case c10::prim::GetAttr:
          follow(node);
          break;
        case c10::prim::CallMethod:
          node = call_method(node);
          continue;
        case c10::prim::CallFunction:
          node = call_function(node);
          continue;
        case c10::prim::fork:
          throw Error(
              "the TorchScript model runs a part of itself on another thread (torch.jit.fork), where nobody "
              "can "
              "observe it; save the network without fork");
        case c10::aten::warn:  // not once a pass
        case c10::prim::Print:
          node = node->prev();
          node->next()->destroy();
          break;
        default:
          check_dropout(node);
      }
      node = node->next();
    }
  }

  /// Which module an attribute of a module is.
  void follow(Node* node) {
    const auto owner = modules_.find(node->input());
    if (owner == modules_.end()) return;
    const std::string& name = node->s(c10::attr::name);
    const auto slot = owner->second.object->type()->findAttributeSlot(name);
    if (!slot) return;
    const c10::IValue& value = owner->second.object->getSlot(*slot);
    if (!value.isModule()) return;
    const std::string& path = owner->second.path;
    const Place place{value.toObject(), path.empty() ? name : path + "." + name};
    modules_.emplace(node->output(), place);
  }

  /// @return where to go on: at the first node of what took the call's place
  Node* call_method(Node* call) {
    const std::string& method = call->s(c10::attr::name);
    const auto found = modules_.find(call->input(0));
    c10::ClassTypePtr type = found != modules_.end() ? found->second.object->type()
                                                     : call->input(0)->type()->cast<c10::ClassType>();
    require(type != nullptr, [&] {
      return text("the TorchScript model calls '", method, "' of something that is known as it runs only (",
                  call->input(0)->type()->repr_str(),
                  "), so its operators cannot be followed; name the module itself");
    });
    torch::jit::GraphFunction* const function = torch::jit::tryToGraphFunction(type->getMethod(method));
    if (function == nullptr) return call->next();  // a C++ class's: one operator
    if (found == modules_.end() || found->second.path.empty() || !is_forward(method)) {
      return replace(call, *function, call->inputs());
    }
    const Place place = found->second;
    Node* const before = call->prev();
    Part& part = part_of(place);
    part.calls += 1;
    const auto inputs = call->inputs();
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (!is_tensor(inputs[i])) continue;
      if (taps_) call->replaceInput(i, tap(call, inputs[i], place.path, true));
      part.input = true;
      break;
    }
    if (is_tensor(call->output())) {
      if (taps_) {
        Value* const value = call->output();
        Value* const tapped = tap(call->next(), value, place.path, false);
        value->replaceAllUsesAfterNodeWith(tapped->node(), tapped);
      }
      part.output = true;
    }
    replace(call, *function, call->inputs());
    return before->next();
  }

  Node* call_function(Node* call) {
    const auto type = call->input(0)->type()->cast<c10::FunctionType>();
    torch::jit::GraphFunction* const function =
        type ? torch::jit::tryToGraphFunction(*type->function()) : nullptr;
    return function == nullptr ? call->next() : replace(call, *function, call->inputs().slice(1));
  }

  Node* replace(Node* call, torch::jit::GraphFunction& function, at::ArrayRef<Value*> inputs) {
    Node* const before = call->prev();
    const torch::jit::WithInsertPoint here(call);
    const std::vector<Value*> outputs = torch::jit::insertGraph(*graph, *function.graph(), inputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      call->outputs()[i]->replaceAllUsesWith(outputs[i]);
    }
    call->destroy();
    return before->next();
  }

  Value* tap(Node* where, Value* value, const std::string& path, bool input) {
    const torch::jit::WithInsertPoint here(where);
    Value* const name = graph->insertConstant(path);
    Value* const side = graph->insertConstant(input);
    Node* const node = graph->insertNode(graph->create(tap_symbol(), {name, value, side}));
    node->output()->setType(value->type());
    return node->output();
  }

  Part& part_of(const Place& place) {
    const auto known =
        std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.path == place.path; });
    if (known != parts.end()) return *known;
    const auto& name = place.object->type()->name();
    parts.push_back({.path = place.path, .kind = name ? name->name() : "module"});
    return parts.back();
  }

  /// A file traced in training mode draws new masks in every pass, and no mode can be set any more.
  static void check_dropout(Node* node) {
    const std::string_view name = node->kind().toQualString();
    if (!name.starts_with("aten::") || name.find("dropout") == std::string_view::npos ||
        node->inputs().size() != 3)
      return;
    const auto share = torch::jit::toIValue(node->input(1)), on = torch::jit::toIValue(node->input(2));
    const bool random =
        on && on->isBool() && on->toBool() && share && share->isDouble() && share->toDouble() > 0.0;
    require(!random,
            "the TorchScript model drops values at random in every pass: it was traced or frozen in training "
            "mode; call "
            "eval() on the network before torch.jit.trace or freeze");
  }

  static bool is_tensor(const Value* value) { return value->type()->isSubtypeOf(*c10::TensorType::get()); }

  /// "forward", and what TorchScript calls its further forms: "forward1" of a traced module that is called
  /// several times, "forward__0" of an overloaded one.
  static bool is_forward(std::string_view method) {
    return method.starts_with("forward") &&
           std::all_of(method.begin() + 7, method.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || c == '_'; });
  }

  std::unordered_map<const Value*, Place> modules_;
  std::size_t nodes_ = 0;
  bool taps_;
};

}  // namespace detail

}  // namespace lumen::script
