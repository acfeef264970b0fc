// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/autograd/edge.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::engine {

/// A shared_ptr or an intrusive_ptr, as LibTorch's version has it.
using NodePtr = decltype(torch::autograd::Edge::function);

template <class N, class Pointer = NodePtr, class... Arguments>
Pointer make_node(Arguments&&... arguments) {
  if constexpr (std::same_as<Pointer, std::shared_ptr<torch::autograd::Node>>) {
    return Pointer(new N(std::forward<Arguments>(arguments)...),
                   [](auto* node) { deleteNode(node); });  // of torch::autograd
  } else {
    return c10::make_intrusive<N>(std::forward<Arguments>(arguments)...);
  }
}

/// Calls `hook(gradient)` for what flows back to a value. A hook of the derived class fails where, of an operator with
/// several results, nothing flows back to this one.
template <class Hook>
void on_gradient(const Tensor& value, Hook hook) {
  static_cast<const at::TensorBase&>(value).register_hook([hook](const at::TensorBase& gradient) {
    if (gradient.defined()) hook(gradient);
  });
}

/// Where gradients arrive at an input.
class Origin final : public torch::autograd::Node {
 public:
  explicit Origin(const Tensor& input) { add_input_metadata(input); }
  [[nodiscard]] std::string name() const override { return "lumen::Origin"; }
  torch::autograd::variable_list apply(torch::autograd::variable_list&& gradients) override {
    return std::move(gradients);
  }
};

/// The same values, twice: what a model is given, and what gradients are then asked for. As no leaf, nor a view of
/// one, a model may work in place on it. Parts that are not floating point are given as they are.
struct Differentiable {
  Tensors given, origins;

  explicit Differentiable(const Tensors& points) {
    for (const Tensor& part : points) {
      if (!at::isFloatingType(part.scalar_type())) {
        given.push_back(part);
        continue;
      }
      const torch::autograd::Edge edge(make_node<Origin>(part), 0);
      for (Tensors* aliases : {&given, &origins}) {
        aliases->push_back(part.detach());
        torch::autograd::impl::set_gradient_edge(aliases->back(), edge);
      }
    }
  }

  /// Gradients of the origins as one for each part: zeros where there is none.
  [[nodiscard]] Tensors for_parts(Tensors gradients) const {
    Tensors result;
    std::size_t next = 0;
    for (const Tensor& part : given) {
      const bool explained = at::isFloatingType(part.scalar_type());
      Tensor gradient = explained ? std::move(gradients[next]) : Tensor();
      result.push_back(gradient.defined() ? std::move(gradient)
                                          : at::zeros_like(explained ? origins[next] : part));
      next += explained ? 1 : 0;
    }
    return result;
  }
};

}  // namespace lumen::engine
