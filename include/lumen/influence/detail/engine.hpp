// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <lumen/engine/gradient.hpp>
#include <lumen/influence/detail/confined_rows.hpp>
#include <lumen/influence/detail/network.hpp>
#include <lumen/influence/detail/stream.hpp>
#include <lumen/influence/detail/whole_rows.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::influence::detail {

/// The row of one pixel by a plain backward pass.
inline Tensor plain_row(const engine::Function& model, const Tensor& x, const Question& question,
                        std::int64_t which) {
  const at::AutoGradMode enable(true);
  const engine::Differentiable points({x.detach().clone()});
  const Tensor output = engine::run_model(model, points.given);
  const auto* place = question.places.data_ptr<std::int64_t>() + 2 * which;
  Tensor seed = at::zeros_like(output);
  seed.select(3, place[1]).select(2, place[0]).select(0, 0).copy_(question.seeds.front()[which]);
  if (!output.requires_grad()) return {};
  return torch::autograd::grad({output}, points.origins, {seed}, false, false, /*allow_unused=*/true).front();
}

/// Whether confined rows are those of plain backward passes, tried on a few: what a model does behind its operators'
/// backs, such as a backward pass of its own, is told by nothing else. Empty if they are, else how they differ.
template <class Rows>
std::string difference(const Rows& rows, const engine::Function& model, const Tensor& x,
                       const Question& question, Report& report) {
  const double tolerance = x.scalar_type() == at::kDouble  ? 1e-9
                           : x.scalar_type() == at::kFloat ? 1e-3
                                                           : 5e-2;
  for (const std::int64_t which : std::set<std::int64_t>{question.size() / 3, question.size() - 1}) {
    const Tensor plain = plain_row(model, x, question, which);
    ++report.forward_passes;
    ++report.backward_passes;
    if (!plain.defined()) return "a plain backward pass finds that the output does not depend on the input";
    const op::local::Patches row = rows(which);
    const op::local::Plane plane{x.size(1), x.size(2), x.size(3)};
    const Tensor dense = op::local::moved(row, {{0}, plane.height}, {{0}, plane.width}).values;
    const double error = (dense - plain).abs().max().template item<double>();
    const double scale = plain.abs().max().template item<double>();
    if (!(error <= tolerance * scale)) {
      return text(
          "a confined row differs from a plain backward pass by ", error, " where that is ", scale,
          " at most: the model does what its operators do not tell, such as a backward pass of its own");
    }
  }
  return {};
}

/// The stream, by the way that is asked for or the cheapest.
inline Report stream_rows(const engine::Function& model, const Tensor& x, const Outputs& outputs,
                          const Targets& targets, const RowSink& sink, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto seconds = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  if (options.way == Way::Whole) return whole_rows(model, x, outputs, targets, sink, options.run);

  Report report{.forward_passes = 1, .way = Way::Rows};
  const auto give_up = [&](const std::string& why) {
    Report whole = whole_rows(model, x, outputs, targets, sink, options.run);
    whole.why = why;
    whole.forward_passes += report.forward_passes;
    whole.backward_passes += report.backward_passes;
    whole.setup_seconds = seconds(begin) - whole.row_seconds - whole.sink_seconds;
    return whole;
  };
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  std::optional<trace::Program> program = trace::Program::record(
      model, {x.detach()},
      {.run = {.memory = std::numeric_limits<std::int64_t>::max()}, .any_batch = false, .verify = false});
  if (!program->exact()) return give_up(program->why_not());
  if (program->output() < 0) return give_up("the output does not depend on the input");
  const Question question = ask(program->value(program->output()), outputs, targets);
  const Network network(*program);
  program.reset();  // what the network keeps of it is enough
  if (!network.any_confined()) return give_up("no operator of the model reaches from windows to windows");
  const ConfinedRows rows(network, question, x, options.run);
  const std::string wrong =
      difference([&](std::int64_t which) { return rows.rows(0, at::full({1}, which, at::kLong)); }, model, x,
                 question, report);
  if (!wrong.empty()) return give_up(wrong);

  Stream stream(question, x, options.run, sink, report);
  report.setup_seconds = seconds(begin);
  const auto start = Clock::now();
  const Shares shares = rows.stream(stream);
  report.row_seconds = seconds(start) - report.sink_seconds;
  for (std::size_t s = 0; s < shares.size(); ++s) {
    const Network::Stage& stage = network.stages()[s];
    report.steps.push_back({stage.where, !stage.whole && shares[s] < 1.0, shares[s]});
  }
  return report;
}

}  // namespace lumen::influence::detail
