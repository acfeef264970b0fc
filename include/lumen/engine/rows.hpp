// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/derivatives.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/target/any.hpp>

/// Rows of work, numbered draw * N + sample: copy `draw` of sample `sample`. Chunks of them fit the memory budget.
namespace lumen::engine {

/// How many rows must stay together: one, or a whole batch if a target cannot be asked of single samples.
inline std::int64_t granule(const Targets& targets, std::int64_t n) {
  return std::all_of(targets.begin(), targets.end(), [](const AnyTarget& t) { return t.row_wise(); }) ? 1 : n;
}

/// The samples that rows first ... first + count - 1 are copies of: int64 [count].
inline Tensor samples_of(std::int64_t first, std::int64_t count, std::int64_t n) {
  if (n == 1) return at::zeros({count}, at::kLong);
  return at::arange(first, first + count, at::kLong).remainder(n);
}

/// The targets, asked of the rows that are copies of `samples`.
inline Targets target_rows(const Targets& targets, const Tensor& samples, std::int64_t n) {
  Targets rows;
  rows.reserve(targets.size());
  for (const AnyTarget& target : targets) rows.push_back(target.rows(samples, n));
  return rows;
}

/// The model, which also asks the targets of an output for a whole batch of `n`: one that does not fit the batch must
/// be told so, although it is asked in pieces.
inline Function checked(const Function& model, const Targets& targets, std::int64_t n) {
  return [&model, &targets, n](const Tensors& rows) {
    Tensor output = run_model(model, rows);
    std::vector<std::int64_t> shape = output.sizes().vec();
    shape.front() = n;
    const at::NoGradGuard no_grad;
    for (const AnyTarget& target : targets) (void)target(output.detach().narrow(0, 0, 1).expand(shape));
    return output;
  };
}

/// Visits draws * n rows in chunks within the budget: `points(first, samples)` makes their inputs, new tensors each
/// time, `collect(derivatives, first, samples)` takes what came out. Where copies of one sample stand beside each other
/// the model is `independent`, or that is an Error.
/// @param row_bytes, row_largest  an upper bound of what one row takes, and of its largest tensor, such as Start tells; 0 if
///                                none is known
template <class Points, class Collect>
void differentiate_rows(const Function& function, std::int64_t n, std::int64_t draws, const Targets& targets,
                        const Run& run, std::string_view what, const Points& points, const Collect& collect,
                        std::int64_t row_bytes = 0, std::int64_t row_largest = 0) {
  const Function model = draws > 1 && granule(targets, n) == 1 ? independent(function) : function;
  const auto visit = [&](std::int64_t first, std::int64_t count) {
    const Tensor samples = samples_of(first, count, n);
    collect(differentiate_owned(model, points(first, samples), target_rows(targets, samples, n), false),
            first, samples);
  };
  sweep(draws * n, granule(targets, n), run, what, visit, row_bytes, row_largest);
}

/// Adds row r of `values` to row samples[r] of `total`.
inline void add_rows(Tensor& total, const Tensor& samples, const Tensor& values) {
  if (total.size(0) == 1) {
    total += values.sum(0, true);
  } else {
    total.index_add_(0, samples.to(total.device()), values);
  }
}

/// The sum over everything but the batch of every part that is explained, [N].
inline Tensor sum_of(const Tensors& parts) {
  Tensor total;
  for (const Tensor& part : parts) {
    if (!explained(part)) continue;
    const Tensor sum = part.reshape({part.size(0), -1}).sum(1);
    total = total.defined() ? total + sum : sum;
  }
  return total;
}

}  // namespace lumen::engine
