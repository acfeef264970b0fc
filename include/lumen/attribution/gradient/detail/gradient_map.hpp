// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <vector>

#include <lumen/core/attribution.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/answer.hpp>
#include <lumen/engine/gradients_at.hpp>
#include <lumen/trace/cut.hpp>

namespace lumen::detail {

/// Gradient attributions whose map is `shape(gradient, x)` for each part.
template <Input X, class M, class T, class Shape>
Answer<X, T> gradient_attribution(M& model, const X& x, const T& target, const Run& run, const Shape& shape) {
  return engine::answer(target, [&](const Targets& targets) {
    const Tensors parts = parts_of(x);
    const engine::GradientsAt found(engine::bind(model, x), parts, targets, run);
    std::vector<Attribution<X>> results;
    for (std::size_t t = 0; t < targets.size(); ++t) {
      auto [scores, gradients] = found.of(t);
      for (std::size_t i = 0; i < parts.size(); ++i) gradients[i] = shape(gradients[i], parts[i]);
      results.push_back(
          {.map = input_of<X>(gradients), .score = scores, .forward_passes = 1, .backward_passes = 1});
    }
    return results;
  });
}

}  // namespace lumen::detail
