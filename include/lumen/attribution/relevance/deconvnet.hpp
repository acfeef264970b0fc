// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/relevance/guided_backprop.hpp>

namespace lumen {

/// The deconvolutional network: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV
/// 2014, arXiv:1311.2901, section 2.1.
///
/// The gradient of the score, except that every rectifier rectifies what flows back, whatever it did in the forward
/// pass (rule::Deconvolution); max pools return values to where the maxima were. Functional, reused and in-place
/// rectifiers are treated like modules. Cost: one forward and one backward pass.
struct Deconvnet {
  std::vector<trace::Layer> except{};  ///< rectifiers that keep their own gradient
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward pass
  /// @return the signed map and `score`; no completeness
  /// @throws Error  bad input; an operator on the path of which it is not known whether it rectifies
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return detail::ruled_gradients(rule::rectifier_composite("Deconvnet", rule::Deconvolution{}), except,
                                   model, x, target, run);
  }
};

}  // namespace lumen
