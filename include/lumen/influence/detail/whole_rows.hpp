// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/influence/detail/stream.hpp>

namespace lumen::influence::detail {

/// Every row by a whole backward pass whose graph is kept: the definition, and what is done where no other way is
/// possible.
inline Report whole_rows(const engine::Function& model, const Tensor& x, const Outputs& outputs,
                         const Targets& targets, const RowSink& sink, const Run& run) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  const engine::Differentiable points({x.detach().clone()});
  const Tensor output = engine::run_model(model, points.given);
  require(output.requires_grad(), [&] {
    return text("influence: the output does not depend on the input through differentiable operations",
                engine::cut_note(model, {x}));
  });
  const Question question = ask(output, outputs, targets);
  Report report{.forward_passes = 1, .way = Way::Whole};
  Stream stream(question, x, run, sink, report);
  const auto bytes = static_cast<std::int64_t>(x.numel() * x.element_size());
  const std::int64_t most = std::clamp<std::int64_t>(run.memory / (2 * bytes), 1, 64);
  const auto start = Clock::now();
  report.setup_seconds = std::chrono::duration<double>(start - begin).count();
  for (std::int64_t first = 0; first < question.size(); first += most) {
    const std::int64_t count = std::min(most, question.size() - first);
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const Tensor rows = at::zeros({count, x.size(1), x.size(2), x.size(3)}, x.options());
      for (std::int64_t b = 0; b < count; ++b) {
        const auto* place = question.places.data_ptr<std::int64_t>() + 2 * (first + b);
        Tensor seed = at::zeros_like(output);
        seed.select(3, place[1]).select(2, place[0]).select(0, 0).copy_(question.seeds[t][first + b]);
        const Tensor row = torch::autograd::grad({output}, points.origins, {seed}, /*retain_graph=*/true,
                                                 /*create_graph=*/false, /*allow_unused=*/true)
                               .front();
        require(row.defined(), [&] {
          return text("influence: the output does not depend on the input through differentiable operations",
                      engine::cut_note(model, {x}));
        });
        rows[b].copy_(row[0]);
        ++report.backward_passes;
      }
      const at::NoGradGuard no_grad;
      stream.give(t, at::arange(first, first + count, at::kLong), rows, at::zeros({count, 2}, at::kLong));
    }
  }
  report.row_seconds = std::chrono::duration<double>(Clock::now() - start).count() - report.sink_seconds;
  return report;
}

}  // namespace lumen::influence::detail
