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

/// A model recorded on an image.
struct Recorded {
  Tensor output{};                   ///< undefined if nothing of it depends on the image
  std::optional<Network> network{};  ///< there is one or the other
  std::string why{};                 ///< why there is no network
};

inline Recorded record(const engine::Function& model, const Tensor& x) {
  const trace::Program program = trace::Program::record(
      model, {x.detach()}, {.run = {.memory = std::numeric_limits<std::int64_t>::max()}, .any_batch = false});
  Recorded recorded;
  if (!program.exact()) {
    recorded.why = program.why_not();
  } else if (program.output() < 0) {
    recorded.why = "the output does not depend on the input";
  } else {
    recorded.output = program.value(program.output());
    recorded.network.emplace(program);
    if (!recorded.network->any_confined()) {
      recorded.why = "no operator of the model reaches from windows to windows";
      recorded.network.reset();
    }
  }
  return recorded;
}

inline void tell_steps(const Network& network, const Shares& shares, Report& report) {
  for (std::size_t s = 0; s < shares.size(); ++s) {
    const Network::Stage& stage = network.stages()[s];
    report.steps.push_back({stage.where, !stage.whole && shares[s] < 1.0, shares[s]});
  }
}

/// Rows of a network, by the way that is asked for or the cheapest of rows and columns.
inline void stream_rows(const Network& network, const Question& question, const Tensor& x,
                        const RowSink& sink, const Run& run, Way way, Report& report) {
  using Clock = std::chrono::steady_clock;
  constexpr std::int64_t most_memory = std::int64_t{1} << 40;
  // on a processor larger chunks are no faster
  constexpr std::int64_t most_of_a_chunk = std::int64_t{128} << 20;
  Run rows_run = run, columns_run = run, band_run = run;
  if (x.is_cpu()) rows_run.memory = std::min(run.memory, most_of_a_chunk);
  const ConfinedRows rows(network, question, x, rows_run);
  columns_run.memory = std::max<std::int64_t>(run.memory / 4, 1);
  band_run.memory = std::max<std::int64_t>(run.memory - columns_run.memory, 1);
  std::optional<ConfinedColumns> columns;
  if (network.confined() && way != Way::Rows) {
    columns.emplace(network, question, x, columns_run);
    const auto targets = static_cast<double>(question.seeds.size());
    const double by_rows = static_cast<double>(question.size()) * targets * rows.cost().flops;
    const auto cheaper = [&](std::int64_t memory) {
      return columns_for_rows(rows.cost(), columns->cost(), x.sizes().vec(), network.sizes(network.output()),
                              static_cast<double>(x.element_size()) * targets, memory) *
                 columns->cost().flops <
             by_rows;
    };
    if (way != Way::Columns && !cheaper(band_run.memory)) {
      for (std::int64_t memory = run.memory; memory < most_memory && report.columns_memory == 0;) {
        memory *= 2;
        if (cheaper(memory - memory / 4)) report.columns_memory = memory;
      }
      columns.reset();
    }
  }
  Shares shares(network.stages().size(), 0.0);
  Stream stream(question, x, run, sink, report);
  report.way = columns ? Way::Columns : Way::Rows;
  std::optional<Band> band;
  if (columns) band.emplace(*columns, question, x, band_run);
  const auto start = Clock::now();
  if (band) {
    band->stream(stream, shares);
  } else {
    shares = rows.stream(stream);
  }
  report.row_seconds = std::chrono::duration<double>(Clock::now() - start).count() - report.sink_seconds;
  tell_steps(network, shares, report);
}

/// Columns of a network that is confined throughout, of all elements of the image.
inline void stream_columns(const Network& network, const Question& question, const Tensor& x,
                           const ColumnSink& sink, const Run& run, Report& report) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  const ConfinedColumns columns(network, question, x, run);
  Shares shares(network.stages().size(), 0.0);
  const std::int64_t height = x.size(2), width = x.size(3), area = height * width;
  const Tensor index = at::arange(x.size(1) * area, at::kLong);
  const Tensor places = at::stack(
      {index.div(area, "floor"), index.remainder(area).div(width, "floor"), index.remainder(width)}, 1);
  report.way = Way::Columns;
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
        tell_stream(run, "columns", report.rows,
                    index.size(0) * static_cast<std::int64_t>(question.seeds.size()));
      },
      shares);
  report.row_seconds = seconds(start) - report.sink_seconds;
  tell_steps(network, shares, report);
}

}  // namespace lumen::influence::detail
