// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>
#include <vector>

#include <lumen/engine/gradients_at.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/rule/guided.hpp>
#include <lumen/rule/pass.hpp>

namespace lumen {

namespace detail {

/// Gradients of a backward pass that follows `composite` through the model, as attributions. The target is no part of
/// the model: it keeps its own gradient.
/// @param except  operators that keep their own gradient
template <Input X, class M, class T>
Answer<X, T> ruled_gradients(rule::Composite composite, const std::vector<trace::Layer>& except, M& model,
                             const X& x, const T& target, const Run& run) {
  return engine::answer(target, [&](const Targets& targets) {
    const Tensors parts = parts_of(x);
    const engine::Function function = engine::bind(model, x);
    if (!except.empty()) {
      for (trace::Layer& layer : trace::resolved(except, function, parts)) {
        composite.layers.emplace_back(std::move(layer), nullptr);
      }
    }
    rule::Pass pass(std::move(composite));
    const engine::GradientsAt found(pass.bind(function), parts, targets, run);
    std::vector<Attribution<X>> results;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      auto [scores, gradients] = found.of(t);
      results.push_back(
          {.map = input_of<X>(gradients), .score = scores, .forward_passes = 1, .backward_passes = 1});
    }
    return results;
  });
}

}  // namespace detail

/// Guided backpropagation: Springenberg, Dosovitskiy, Brox and Riedmiller, "Striving for Simplicity: The All
/// Convolutional Net", ICLR workshop 2015, arXiv:1412.6806, section 3.4.
///
/// The gradient of the score, except that every rectifier lets only positive values flow back (rule::Guided). It
/// acts on the operators that run: functional, reused and in-place rectifiers are guided like modules.
/// Cost: one forward and one backward pass.
struct GuidedBackprop {
  std::vector<trace::Layer> except{};  ///< rectifiers that keep their own gradient
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward pass
  /// @return the signed map and `score`; no completeness
  /// @throws Error  bad input; an operator on the path of which it is not known whether it rectifies
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return detail::ruled_gradients(rule::rectifier_composite("GuidedBackprop", rule::Guided{}), except, model,
                                   x, target, run);
  }
};

}  // namespace lumen
