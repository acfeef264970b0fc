// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/attribution/gradient/detail/gradient_map.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Input times gradient: Shrikumar, Greenside, Shcherbina and Kundaje, "Not Just a Black Box", 2016,
/// arXiv:1605.01713, section 3.1.
///
///     a = x * dF/dx
///
/// On a network of linear layers and ReLUs without biases it sums to F(x). Cost: one forward and one backward
/// pass.
struct InputXGradient {
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return a in units of the score, `score`; no completeness in general
  /// @throws Error  bad input; a score that is not finite, not one a sample, or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return detail::gradient_attribution(
        model, x, target, run,
        [](const Tensor& gradient, const Tensor& part) { return gradient * part.detach(); });
  }
};

}  // namespace lumen
