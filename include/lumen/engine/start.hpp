// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/target/any.hpp>

namespace lumen::engine {

/// @throws Error if a score is not finite
inline void check_scores(const Tensor& scores) {
  require(all_finite(scores),
          "the score is NaN or infinite on this input; check the model's output and the target");
}

/// Each target's scores [N] of `x`, without gradients.
inline std::vector<Tensor> scores_of(const Function& model, const Tensors& x, const Targets& targets,
                                     const Run& run) {
  const at::NoGradGuard no_grad;
  const std::int64_t n = x.front().size(0);
  std::vector<Tensors> pieces(targets.size());
  sweep(n, granule(targets, n), run, "scores", [&](std::int64_t first, std::int64_t count) {
    const Tensor samples = samples_of(first, count, n);
    const Tensor output = run_model(model, select_rows(x, samples));
    const Targets rows = target_rows(targets, samples, n);
    for (std::size_t t = 0; t < targets.size(); ++t) pieces[t].push_back(rows[t](output));
  });
  std::vector<Tensor> scores;
  for (const Tensors& piece : pieces) scores.push_back(piece.size() == 1 ? piece.front() : at::cat(piece));
  return scores;
}

/// Where an explanation starts: the targets fixed on the unperturbed output, and their scores F(x).
struct Start {
  Targets targets;
  std::vector<Tensor> scores;  ///< for each target, [N]
  /// More than a row's forward and backward pass takes, from all that its forward pass and the targets
  /// allocated: a backward pass keeps what they made and holds gradients of as much, and each target adds
  /// gradients of the input. A wide margin is left, for models whose passes with and without gradients differ.
  std::int64_t row_bytes = 0;
  std::int64_t row_largest = 0;  ///< what the largest tensor of a row's forward pass takes, on a processor
};

/// One forward pass of x without gradients. @throws Error if `x` cannot be explained or a score is not finite
inline Start start(const Function& model, const Tensors& x, const Targets& targets, const Run& run,
                   Types types = Types::Floating) {
  check_input(x, types);
  const at::NoGradGuard no_grad;
  Tensors outputs;
  Start result;
  const std::int64_t n = x.front().size(0), margin = 8 + 2 * static_cast<std::int64_t>(targets.size());
  const MemoryMeter meter(/*levels=*/false);
  sweep(n, granule(targets, n), run, "output", [&](std::int64_t first, std::int64_t count) {
    const std::int64_t before = meter.allocated();
    Tensors rows;
    rows.reserve(x.size());
    for (const Tensor& part : x) rows.push_back((count == n ? part : part.narrow(0, first, count)).clone());
    outputs.push_back(run_model(model, rows));
    result.row_bytes = std::max(result.row_bytes, margin * (meter.allocated() - before) / count);
    result.row_largest = std::max(result.row_largest, meter.largest() / count);
  });
  const Tensor output = outputs.size() == 1 ? std::move(outputs.front()) : at::cat(outputs);
  const std::int64_t before = meter.allocated();
  for (const AnyTarget& target : targets) {
    result.targets.push_back(target.freeze(output));
    result.scores.push_back(result.targets.back()(output));
    check_scores(result.scores.back());
  }
  result.row_bytes += margin * (meter.allocated() - before) / output.size(0);
  return result;
}

}  // namespace lumen::engine
