// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/sweep.hpp>

namespace lumen::detail {

/// Descent of cells in [0, 1] down a loss, with projection back to [0, 1]; one after the other for several targets.
struct Descent {
  std::string_view what;        ///< the work's name, for the progress
  std::int64_t iterations = 1;  ///< for each target
  std::size_t targets = 1;
  const Run& run;

  /// @param loss  (cells, differentiable; iteration) -> a scalar
  /// @param way   (the loss's gradient by the cells, iteration) -> what is subtracted from them
  /// @return where the last step leads
  /// @throws Stopped if `run.stop` ends it: cells on their way are no answer
  template <class Loss, class Way>
  [[nodiscard]] Tensor operator()(std::size_t target, Tensor cells, const Loss& loss, const Way& way) const {
    const std::int64_t before = static_cast<std::int64_t>(target) * iterations;
    for (std::int64_t i = 0; i < iterations; ++i) {
      const at::AutoGradMode enable(true);
      const Tensor leaf = cells.detach().requires_grad_(true);
      const Tensor slope = torch::autograd::grad({loss(leaf, i)}, {leaf}).front();
      const at::NoGradGuard no_grad;
      cells = (cells - way(slope, i)).clamp(0, 1);
      const std::int64_t done = before + i + 1, total = static_cast<std::int64_t>(targets) * iterations;
      if (engine::stopped(run, what, done, total)) {
        throw Stopped(text("stopped by run.stop after ", done, " of ", total, " iterations of ", what,
                           "; a mask on its way is no answer"));
      }
    }
    return cells;
  }
};

}  // namespace lumen::detail
