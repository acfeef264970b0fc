// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/derivatives.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>

namespace lumen::engine {

/// The gradients of each target at `x`: one forward pass and, a target, one backward pass, in chunks.
class GradientsAt {
 public:
  /// @throws Error  bad input; a score that does not depend on it through differentiable operations
  GradientsAt(const Function& model, const Tensors& x, const Targets& targets, const Run& run) {
    check_input(x);
    const std::int64_t n = x.front().size(0);
    sweep(n, granule(targets, n), run, "gradient", [&](std::int64_t first, std::int64_t count) {
      if (count == n) {
        chunks_.push_back(differentiate(model, x, targets, true));
        return;
      }
      const Tensor samples = samples_of(first, count, n);
      chunks_.push_back(differentiate_owned(first == 0 ? checked(model, targets, n) : model,
                                            select_rows(x, samples), target_rows(targets, samples, n), true));
    });
  }

  /// One target's scores [N] and its gradients, shaped like the input's parts. @throws Error if a score is not finite
  [[nodiscard]] std::pair<Tensor, Tensors> of(std::size_t target) const {
    if (chunks_.size() == 1) {
      check_scores(chunks_.front().scores[target]);
      return {chunks_.front().scores[target], chunks_.front().gradients[target]};
    }
    Tensors scores, gradients;
    for (const Derivatives& chunk : chunks_) scores.push_back(chunk.scores[target]);
    for (std::size_t part = 0; part < chunks_.front().gradients[target].size(); ++part) {
      Tensors pieces;
      for (const Derivatives& chunk : chunks_) pieces.push_back(chunk.gradients[target][part]);
      gradients.push_back(at::cat(pieces));
    }
    const Tensor all = at::cat(scores);
    check_scores(all);
    return {all, std::move(gradients)};
  }

 private:
  std::vector<Derivatives> chunks_;
};

}  // namespace lumen::engine
