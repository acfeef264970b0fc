// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/attribution/gradient/detail/gradient_map.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Saliency: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014,
/// arXiv:1312.6034, section 3.
///
///     a = |dF/dx|, or dF/dx with `absolute = false`
///
/// Cost: one forward and one backward pass.
struct Saliency {
  bool absolute = true;  ///< the magnitude of the gradient, as in the paper; false keeps its sign
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return a in units of the score per unit of input, `score`; no completeness
  /// @throws Error  bad input; a score that is not finite, not one a sample, or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return detail::gradient_attribution(model, x, target, run, [this](const Tensor& gradient, const Tensor&) {
      return absolute ? gradient.abs() : gradient;
    });
  }
};

}  // namespace lumen
