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
#include <lumen/influence/detail/band.hpp>
#include <lumen/influence/detail/confined_columns.hpp>
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

/// A model recorded on an image, and what is asked of it.
struct Recorded {
  std::optional<Question> question{};
  std::optional<Network> network{};
  std::string why{};  ///< why there is no network
};

inline Recorded record(const engine::Function& model, const Tensor& x, const Outputs& outputs,
                       const Targets& targets) {
  const trace::Program program = trace::Program::record(
      model, {x.detach()}, {.run = {.memory = std::numeric_limits<std::int64_t>::max()}, .any_batch = false});
  Recorded recorded;
  if (!program.exact()) {
    recorded.why = program.why_not();
  } else if (program.output() < 0) {
    recorded.why = "the output does not depend on the input";
  } else {
    recorded.question = ask(program.value(program.output()), outputs, targets);
    recorded.network.emplace(program);
    if (!recorded.network->any_confined())
      recorded.why = "no operator of the model reaches from windows to windows";
  }
  return recorded;
}

inline void tell_steps(const Network& network, const Shares& shares, Report& report) {
  for (std::size_t s = 0; s < shares.size(); ++s) {
    const Network::Stage& stage = network.stages()[s];
    report.steps.push_back({stage.where, !stage.whole && shares[s] < 1.0, shares[s]});
  }
}

/// The stream of rows, by the way that is asked for or the cheapest.
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
  const Recorded recorded = record(model, x, outputs, targets);
  if (!recorded.why.empty()) return give_up(recorded.why);
  const Question& question = *recorded.question;
  const Network& network = *recorded.network;
  const ConfinedRows rows(network, question, x, options.run);
  const std::string wrong =
      difference([&](std::int64_t which) { return rows.rows(0, at::full({1}, which, at::kLong)); }, model, x,
                 question, report);
  if (!wrong.empty()) return give_up(wrong);

  Run columns_run = options.run, band_run = options.run;
  columns_run.memory = std::max<std::int64_t>(options.run.memory / 4, 1);
  band_run.memory = std::max<std::int64_t>(options.run.memory - columns_run.memory, 1);
  std::optional<ConfinedColumns> columns;
  if (network.confined() && options.way != Way::Rows) {
    columns.emplace(network, question, x, columns_run);
    const auto targets_count = static_cast<double>(targets.size());
    const double count =
        columns_for_rows(rows.cost(), columns->cost(), x.sizes().vec(), network.sizes(network.output()),
                         static_cast<double>(x.element_size()) * targets_count, band_run.memory);
    const double by_rows = static_cast<double>(question.size()) * targets_count * rows.cost().flops;
    if (options.way != Way::Columns && count * columns->cost().flops >= by_rows) columns.reset();
  }
  Shares shares(network.stages().size(), 0.0);
  Stream stream(question, x, options.run, sink, report);
  auto start = Clock::now();
  if (columns) {
    report.way = Way::Columns;
    const Band band(*columns, question, x, band_run);
    report.setup_seconds = seconds(begin);
    start = Clock::now();
    band.stream(stream, shares);
  } else {
    report.setup_seconds = seconds(begin);
    start = Clock::now();
    shares = rows.stream(stream);
  }
  report.row_seconds = seconds(start) - report.sink_seconds;
  tell_steps(network, shares, report);
  return report;
}

/// The stream of columns. @throws Error if the model is not local throughout
inline Report stream_columns(const engine::Function& model, const Tensor& x, const Outputs& outputs,
                             const Targets& targets, const ColumnSink& sink, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto seconds = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  Report report{.forward_passes = 1, .way = Way::Columns};
  const Recorded recorded = record(model, x, outputs, targets);
  require(recorded.why.empty(),
          [&] { return text("influence::columns: ", recorded.why, "; use influence::rows"); });
  const Question& question = *recorded.question;
  const Network& network = *recorded.network;
  require(network.confined(), [&] {
    const auto whole = std::find_if(network.stages().begin(), network.stages().end(),
                                    [](const Network::Stage& stage) { return stage.whole != nullptr; });
    return text("influence::columns: ", whole->where,
                " does not reach from windows to windows; use influence::rows");
  });
  const std::string wrong = difference(
      [&](std::int64_t which) {
        return ConfinedRows(network, question, x, options.run).rows(0, at::full({1}, which, at::kLong));
      },
      model, x, question, report);
  require(wrong.empty(), [&] { return text("influence::columns: ", wrong, "; use influence::rows"); });
  const ConfinedColumns columns(network, question, x, options.run);
  Shares shares(network.stages().size(), 0.0);
  const std::int64_t height = x.size(2), width = x.size(3), area = height * width;
  const Tensor index = at::arange(x.size(1) * area, at::kLong);
  const Tensor places = at::stack(
      {index.div(area, "floor"), index.remainder(area).div(width, "floor"), index.remainder(width)}, 1);
  report.setup_seconds = seconds(begin);
  const auto start = Clock::now();
  columns.stream(
      places.contiguous(),
      [&](std::size_t target, const Tensor& some, const op::local::Patches& found) {
        const Tensor origins =
            at::stack({at::tensor(found.rows, at::kLong), at::tensor(found.columns, at::kLong)}, 1)
                .contiguous();
        const ColumnChunk chunk{.target = target,
                                .values = found.values,
                                .origins = origins,
                                .places = some,
                                .height = height,
                                .width = width,
                                .out_height = question.height,
                                .out_width = question.width};
        report.rows += some.size(0);
        ++report.chunks;
        const auto at_sink = Clock::now();
        sink(chunk);
        report.sink_seconds += seconds(at_sink);
        tell_stream(options.run, "columns", report.rows,
                    index.size(0) * static_cast<std::int64_t>(targets.size()));
      },
      shares);
  report.row_seconds = seconds(start) - report.sink_seconds;
  tell_steps(network, shares, report);
  return report;
}

}  // namespace lumen::influence::detail
