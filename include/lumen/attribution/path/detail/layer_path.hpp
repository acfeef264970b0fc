// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/path/detail/integral.hpp>
#include <lumen/attribution/path/path.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/trace/suffix.hpp>

/// What methods share that look at an inner layer along the straight path from a baseline to the input.
namespace lumen::detail {

/// A model, an input, its baseline, and what the model says of both.
struct LayerPath {
  engine::Function model;
  trace::Layer layer;
  Tensors x;
  path::Straight line;
  engine::Start start;
  std::vector<Tensor> baseline_scores;
  mutable bool asked = false;  ///< whether samples are independent

  [[nodiscard]] std::int64_t size() const { return x.front().size(0); }

  /// The points of rows first ... first + samples - 1, numbered node * N + sample.
  [[nodiscard]] Tensors points(const std::vector<double>& nodes, std::int64_t first,
                               const Tensor& samples) const {
    Tensors rows = line.points(nodes_of(nodes, first, samples.size(0), size()), samples);
    const bool apart = samples.size(0) > 1 && engine::granule(start.targets, size()) == 1;
    if (apart && !std::exchange(asked, true)) engine::require_independent(model, rows);
    return rows;
  }

  /// Visits nodes * N rows in chunks within the budget: `collect(derivatives, first, samples)`.
  template <class Collect>
  void visit(const std::vector<double>& nodes, const Run& run, std::string_view what,
             const Collect& collect) const {
    const std::int64_t n = size();
    const auto chunk = [&](std::int64_t first, std::int64_t count) {
      const Tensor samples = engine::samples_of(first, count, n);
      collect(trace::differentiate_at(model, {layer}, points(nodes, first, samples),
                                      engine::target_rows(start.targets, samples, n), false),
              first, samples);
    };
    sweep(static_cast<std::int64_t>(nodes.size()) * n, engine::granule(start.targets, n), run, what, chunk,
          start.row_bytes, start.row_largest);
  }
};

template <Input X, Baseline B, class M>
LayerPath layer_path(M& model, const trace::Layer& layer, const X& x, const B& baseline,
                     const Targets& targets, const Run& run) {
  LayerPath path;
  path.model = engine::bind(model, x);
  path.x = engine::detached(parts_of(x));
  engine::check_input(path.x);
  path.layer = trace::resolved({layer}, path.model, path.x).front();
  path.start = engine::start(path.model, path.x, targets, run);
  path.line = {baselines(baseline, path.x, first_draws(run, path.size())), path.x};
  path.baseline_scores = engine::scores_of(path.model, path.line.from, path.start.targets, run);
  return path;
}

}  // namespace lumen::detail
