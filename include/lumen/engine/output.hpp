// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <ATen/core/grad_mode.h>

#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/sweep.hpp>

namespace lumen::engine {

/// The model's output on `x`, without gradients, in chunks that fit the memory budget.
[[nodiscard]] inline Tensor output_of(const Function& model, const Tensors& x, const Run& run) {
  const at::NoGradGuard no_grad;
  Tensors outputs;
  sweep(x.front().size(0), 1, run, "output", [&](std::int64_t first, std::int64_t count) {
    Tensors rows;
    for (const Tensor& part : x) rows.push_back(part.narrow(0, first, count).clone());
    outputs.push_back(run_model(model, rows));
  });
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

}  // namespace lumen::engine
