// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <lumen/engine/side_by_side.hpp>
#include <lumen/influence/detail/point.hpp>
#include <lumen/influence/detail/stream.hpp>

namespace lumen::influence::detail {

/// A weighted sum of rows, and how they scatter about their mean (Welford, 1962).
struct RowSum {
  op::local::Patches sum{}, mean{};
  Tensor deviations{};
  std::int64_t count = 0;

  void add(const op::local::Patches& rows, double weight, bool scatter, const op::local::Plane& plane) {
    op::local::Patches part = rows;
    part.values = rows.values * weight;
    part.owned = true;
    sum = count == 0 ? part : op::local::sum_of(sum, part, plane);
    ++count;
    if (!scatter) return;
    const std::vector<std::int64_t> zeros(rows.rows.size(), 0);
    const bool same = count > 1 && rows.rows == mean.rows && rows.columns == mean.columns &&
                      rows.values.sizes() == mean.values.sizes();
    if (count == 1) {
      mean = rows;
      mean.values = rows.values.clone();
      deviations = at::zeros_like(mean.values);
      return;
    }
    require(same, "influence: the rows of noisy copies have other windows than each other");
    const Tensor apart = rows.values - mean.values;
    mean.values.add_(apart, 1.0 / static_cast<double>(count));
    deviations.add_(apart * (rows.values - mean.values));
  }
  /// [B]: the root of the mean over the image of the squared standard error of the mean.
  [[nodiscard]] Tensor standard_error(const op::local::Plane& plane) const {
    const auto n = static_cast<double>(count);
    const auto size = static_cast<double>(plane.channels * plane.height * plane.width);
    return (deviations.flatten(1).sum(1) / (n * (n - 1.0) * size)).sqrt();
  }
};

/// Where gradients are averaged: points and their weights.
struct Points {
  std::int64_t count = 0;
  std::function<Tensor(std::int64_t)> at{};
  std::vector<double> weights{};
  bool scatter = false;  ///< tell the standard error too
};

/// Turns a weighted sum of gradients into what is handed out, and says what is known of it.
using Finish = std::function<void(std::size_t target, const Tensor& which, RowSum& rows, Evidence& evidence)>;

/// Rows of the Jacobian averaged over points, each confined: as many rows at once as the memory holds, every point
/// recorded for each such block, or once for all where all of them fit.
inline Report averaged_rows(const engine::Function& model, const Tensor& x, const Outputs& outputs,
                            const Targets& targets, const Points& points, const Finish& finish,
                            const RowSink& sink, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const auto seconds = [](Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
  };
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  Report report{.way = Way::Rows};
  const auto make = [&](const Tensor& at) {
    ++report.forward_passes;
    return std::make_unique<const Point>(model, at, outputs, targets, options.run, options.way);
  };
  const auto here = make(x);
  Way way = options.way;
  if (here->confined()) {
    const std::string wrong =
        difference([&](std::int64_t which) { return here->rows(0, at::full({1}, which, at::kLong)); }, model,
                   x, here->question(), report);
    if (!wrong.empty()) {
      report.why = wrong;
      way = Way::Whole;
    }
  } else {
    report.why = here->why();
  }
  if (way == Way::Whole || !here->confined()) report.way = Way::Whole;
  const Options each{.run = options.run, .way = report.way};
  const auto point = [&](std::int64_t k) {
    ++report.forward_passes;
    return std::make_unique<const Point>(model, points.at(k), outputs, targets, each.run, each.way);
  };

  const Question& question = here->question();
  const op::local::Plane plane{x.size(1), x.size(2), x.size(3)};
  Stream stream(question, x, options.run, sink, report);
  const Order order(question.places, here->period(), here->chunk());
  const double held = (points.scatter ? 4.0 : 2.0) * here->elements() *
                      static_cast<double>(x.element_size()) * static_cast<double>(targets.size());
  const auto half = static_cast<double>(options.run.memory) / 2;
  const auto block =
      static_cast<std::size_t>(std::max(half / held / static_cast<double>(here->chunk()), 1.0));
  const bool keep = block >= order.chunks.size() ||
                    static_cast<double>(here->bytes()) * static_cast<double>(points.count) <= half;
  std::vector<std::unique_ptr<const Point>> kept(static_cast<std::size_t>(points.count));
  report.setup_seconds = seconds(begin);
  const auto start = Clock::now();
  for (std::size_t first = 0; first < order.chunks.size(); first += block) {
    const std::vector<Tensor> chunks(
        order.chunks.begin() + static_cast<std::ptrdiff_t>(first),
        order.chunks.begin() + static_cast<std::ptrdiff_t>(std::min(first + block, order.chunks.size())));
    std::vector<std::vector<RowSum>> sums(targets.size(), std::vector<RowSum>(chunks.size()));
    for (std::int64_t k = 0; k < points.count; ++k) {
      auto& slot = kept[static_cast<std::size_t>(k)];
      if (!slot) slot = point(k);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const auto add = [&](std::int64_t c) {
          const auto i = static_cast<std::size_t>(c);
          sums[t][i].add(slot->rows(t, chunks[i]), points.weights[static_cast<std::size_t>(k)],
                         points.scatter, plane);
        };
        engine::side_by_side(static_cast<std::int64_t>(chunks.size()), add);
      }
      for (const Tensor& chunk : chunks) {
        if (report.way == Way::Whole)
          report.backward_passes += chunk.size(0) * static_cast<std::int64_t>(targets.size());
      }
      if (!keep) slot.reset();
      stream.tell();
    }
    for (std::size_t t = 0; t < targets.size(); ++t) {
      for (std::size_t c = 0; c < chunks.size(); ++c) {
        Evidence evidence;
        RowSum& rows = sums[t][c];
        finish(t, chunks[c], rows, evidence);
        if (points.scatter && points.count > 1) evidence.standard_error = rows.standard_error(plane);
        stream.give(t, chunks[c], rows.sum.values, ConfinedRows::origins_of(rows.sum), evidence);
        rows = {};
      }
    }
  }
  report.row_seconds = seconds(start) - report.sink_seconds;
  return report;
}

}  // namespace lumen::influence::detail
