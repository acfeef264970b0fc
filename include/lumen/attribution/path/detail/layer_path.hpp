// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/quadrature.hpp>

/// What methods share that look at an inner layer along the straight path from a baseline to the input.
namespace lumen::detail {

/// A model, an input, its baseline, and what the model says of both.
struct LayerPath {
  engine::Function model;
  trace::Layer layer;
  Tensors x, origin;
  engine::Start start;
  std::vector<Tensor> baseline_scores;

  [[nodiscard]] std::int64_t size() const { return x.front().size(0); }

  /// The points of rows first ... first + samples - 1, numbered node * N + sample.
  [[nodiscard]] Tensors points(const std::vector<double>& nodes, std::int64_t first,
                               const Tensor& samples) const {
    std::vector<double> where;
    for (std::int64_t row = first; row < first + samples.size(0); ++row) {
      where.push_back(nodes[static_cast<std::size_t>(row / size())]);
    }
    const Tensors from = engine::select_rows(origin, samples), to = engine::select_rows(x, samples);
    Tensors rows;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Tensor t = engine::per_row(at::tensor(where, at::kDouble), from[i])
                           .to(from[i].device(), from[i].scalar_type());
      rows.push_back(at::addcmul(from[i], to[i] - from[i], t));
    }
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
          start.row_bytes);
  }
};

template <Input X, Baseline B, class M>
LayerPath layer_path(M& model, const trace::Layer& layer, const X& x, const B& baseline,
                     const Targets& targets, const Run& run) {
  LayerPath path;
  path.model = engine::bind<X>(model);
  path.x = parts_of(x);
  for (Tensor& part : path.x) part = part.detach();
  engine::check_input(path.x);
  path.layer = trace::resolved({layer}, path.model, path.x).front();
  path.start = engine::start(path.model, path.x, targets, run);
  path.origin = baselines(baseline, path.x, first_draws(run, path.size()));
  path.baseline_scores = engine::scores_of(path.model, path.origin, path.start.targets, run);
  return path;
}

}  // namespace lumen::detail
