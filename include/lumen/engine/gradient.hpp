// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/core/attribution.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/backward.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/node.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/target/any.hpp>

/// What gradient methods share. Rows of work are numbered draw * N + sample: copy `draw` of sample `sample`.
namespace lumen::engine {

/// A model as a function of the parts of its input.
using Function = std::function<Tensor(const Tensors&)>;

template <Input X, class M>
Function bind(M& model) {
  return [&model](const Tensors& parts) { return forward(model, input_of<X>(parts)); };
}

/// The model's output on `x`. @throws Error unless it is floating point with one row for each row of `x`
inline Tensor run_model(const Function& model, const Tensors& x) {
  Tensor output = model(x);
  require(output.defined() && at::isFloatingType(output.scalar_type()), [&] {
    return text("the model returned ",
                output.defined() ? text("values of type ", output.scalar_type()) : "nothing",
                "; expected a floating point tensor [N, ...]");
  });
  const std::int64_t n = x.front().size(0);
  require(output.dim() >= 1 && output.size(0) == n, [&] {
    return text("the model returned ", output.sizes(), " for a batch of ", n,
                "; expected one row a sample, [", n, ", ...]");
  });
  return output;
}

/// What one forward pass and one backward pass a target tell.
struct Derivatives {
  std::vector<Tensor> scores;      ///< for each target, [rows]
  std::vector<Tensors> gradients;  ///< for each target, of the sum of its scores, shaped like the input
};

/// Differentiates the scores with respect to `points` alone: nothing of the model is touched.
/// @param points  what the model is given, and may overwrite
/// @param freeze  fix the targets on this pass's own output first
/// @throws Error if a score does not depend on `points` through differentiable operations
inline Derivatives differentiate_owned(const Function& model, const Tensors& points, const Targets& targets,
                                       bool freeze) {
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  const Differentiable x(points);
  const Tensor output = run_model(model, x.given);
  Derivatives result;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const Tensor scores = freeze ? targets[t].freeze(output)(output) : targets[t](output);
    Tensors gradients(points.size());
    if (scores.requires_grad()) {
      gradients = backward({scores}, x.origins, {at::ones_like(scores)}, t + 1 < targets.size());
    }
    // a score that requires gradients may owe that to the parameters alone
    const auto reached = [](const Tensor& gradient) { return gradient.defined(); };
    require(std::any_of(gradients.begin(), gradients.end(), reached), [&] {
      return text(
          "the score does not depend on the input through differentiable operations; check the model for ",
          "detach, argmax, NoGradGuard or conversions to numbers");
    });
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].defined()) gradients[i] = at::zeros_like(points[i]);
    }
    result.scores.push_back(scores.detach());
    result.gradients.push_back(std::move(gradients));
  }
  return result;
}

/// The same at `x`, which is left as it is whatever the model does.
inline Derivatives differentiate(const Function& model, const Tensors& x, const Targets& targets,
                                 bool freeze) {
  const c10::InferenceMode no_inference(false);
  Tensors points;
  for (const Tensor& part : x) points.push_back(part.detach().clone());
  return differentiate_owned(model, points, targets, freeze);
}

inline void check_scores(const Tensor& scores) {
  require(all_finite(scores),
          "the score is NaN or infinite on this input; check the model's output and the target");
}

/// How many rows must stay together: one, or a whole batch if a target cannot be asked of single samples.
inline std::int64_t granule(const Targets& targets, std::int64_t n) {
  return std::all_of(targets.begin(), targets.end(), [](const AnyTarget& t) { return t.row_wise(); }) ? 1 : n;
}

/// The samples that rows first ... first + count - 1 are copies of: int64 [count].
inline Tensor samples_of(std::int64_t first, std::int64_t count, std::int64_t n) {
  if (n == 1) return at::zeros({count}, at::kLong);
  return at::arange(first, first + count, at::kLong).remainder(n);
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

inline Targets target_rows(const Targets& targets, const Tensor& samples, std::int64_t n) {
  Targets rows;
  rows.reserve(targets.size());
  for (const AnyTarget& target : targets) rows.push_back(target.rows(samples, n));
  return rows;
}

/// Visits draws * n rows in chunks within the budget: `points(first, samples)` makes their inputs, new tensors each
/// time, `collect(derivatives, first, samples)` takes what came out.
/// @param row_bytes  an upper bound of what one row takes, such as Start tells; 0 if none is known
template <class Points, class Collect>
void differentiate_rows(const Function& model, std::int64_t n, std::int64_t draws, const Targets& targets,
                        const Run& run, std::string_view what, const Points& points, const Collect& collect,
                        std::int64_t row_bytes = 0) {
  const auto visit = [&](std::int64_t first, std::int64_t count) {
    const Tensor samples = samples_of(first, count, n);
    collect(differentiate_owned(model, points(first, samples), target_rows(targets, samples, n), false),
            first, samples);
  };
  sweep(draws * n, granule(targets, n), run, what, visit, row_bytes);
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
};

/// One forward pass of x without gradients. @throws Error if `x` cannot be explained or a score is not finite
inline Start start(const Function& model, const Tensors& x, const Targets& targets, const Run& run) {
  check_input(x);
  const at::NoGradGuard no_grad;
  Tensors outputs;
  Start result;
  const std::int64_t margin = 8 + 2 * static_cast<std::int64_t>(targets.size());
  sweep(x.front().size(0), granule(targets, x.front().size(0)), run, "output",
        [&](std::int64_t first, std::int64_t count) {
          const MemoryMeter meter;
          Tensors rows;
          for (const Tensor& part : x) rows.push_back(part.narrow(0, first, count).clone());
          outputs.push_back(run_model(model, rows));
          result.row_bytes = std::max(result.row_bytes, margin * meter.allocated() / count);
        });
  const Tensor output = outputs.size() == 1 ? outputs.front() : at::cat(outputs);
  const MemoryMeter meter;
  for (const AnyTarget& target : targets) {
    result.targets.push_back(target.freeze(output));
    result.scores.push_back(result.targets.back()(output));
    check_scores(result.scores.back());
  }
  result.row_bytes += margin * meter.allocated() / output.size(0);
  return result;
}

/// Adds row r of `values` to row samples[r] of `total`.
inline void add_rows(Tensor& total, const Tensor& samples, const Tensor& values) {
  if (total.size(0) == 1) {
    total += values.sum(0, true);
  } else {
    total.index_add_(0, samples.to(total.device()), values);
  }
}

/// The sum over everything but the batch of every part, [N].
inline Tensor sum_of(const Tensors& parts) {
  Tensor total;
  for (const Tensor& part : parts) {
    const Tensor sum = part.reshape({part.size(0), -1}).sum(1);
    total = total.defined() ? total + sum : sum;
  }
  return total;
}

}  // namespace lumen::engine
