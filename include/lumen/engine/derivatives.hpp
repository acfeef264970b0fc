// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/backward.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/node.hpp>
#include <lumen/target/any.hpp>

namespace lumen::engine {

/// What one forward pass and one backward pass a target tell.
struct Derivatives {
  std::vector<Tensor> scores;      ///< for each target, [rows]
  std::vector<Tensors> gradients;  ///< for each target, of the sum of its scores, shaped like the input
};

/// Differentiates the scores with respect to `points` alone: nothing of the model is touched. Parts that are not
/// floating point are handed to the model as they are and have gradient 0.
/// @param points  what the model is given, and may overwrite
/// @param freeze  fix the targets on this pass's own output first
/// @throws Error if a score does not depend on `points` through differentiable operations
[[nodiscard]] inline Derivatives differentiate_owned(const Function& model, const Tensors& points,
                                                     const Targets& targets, bool freeze) {
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  const Differentiable x(points);
  const Tensor output = run_model(model, x.given);
  Derivatives result;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const Tensor scores = freeze ? targets[t].freeze(output)(output) : targets[t](output);
    Tensors gradients(x.origins.size());
    if (scores.requires_grad()) {
      gradients = backward({scores}, x.origins, {at::ones_like(scores)}, t + 1 < targets.size());
    }
    // a score that requires gradients may owe that to the parameters alone
    const auto reached = [](const Tensor& gradient) { return gradient.defined(); };
    require(std::any_of(gradients.begin(), gradients.end(), reached), [&] {
      return text("the score does not depend on the input through differentiable operations",
                  cut_note(model, points));
    });
    result.scores.push_back(scores.detach());
    result.gradients.push_back(x.for_parts(std::move(gradients)));
  }
  return result;
}

/// The same at `x`, which is left as it is whatever the model does.
[[nodiscard]] inline Derivatives differentiate(const Function& model, const Tensors& x,
                                               const Targets& targets, bool freeze) {
  const c10::InferenceMode no_inference(false);
  Tensors points;
  for (const Tensor& part : x) points.push_back(part.detach().clone());
  return differentiate_owned(model, points, targets, freeze);
}

}  // namespace lumen::engine
