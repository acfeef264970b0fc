// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <lumen/attribution/path/path.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/derivatives.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/quadrature.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/trace/cut.hpp>

namespace lumen::detail {

/// Along a path, for one target and by a quadrature: the integral of dF/dx, that of dF/dx dx/dt, and F(x').
struct PathIntegral {
  Tensors gradient, product;
  Tensor baseline_score;
};

/// The nodes of rows first ... first + count - 1, numbered node * N + sample.
inline std::vector<double> nodes_of(const std::vector<double>& nodes, std::int64_t first, std::int64_t count,
                                    std::int64_t n) {
  std::vector<double> where;
  for (std::int64_t row = first; row < first + count; ++row)
    where.push_back(nodes[static_cast<std::size_t>(row / n)]);
  return where;
}

/// For each target, its integrals along `path` by the rule `q`, over batches like `x`. F(x') is the score at t = 0, which
/// costs a row more (`q` gets a node of weight 0) unless the rule looks there anyway.
template <path::Path P>
std::vector<PathIntegral> path_integrals(const engine::Function& model, const P& path, const Tensors& x,
                                         const engine::Start& start, Quadrature& q, const Run& run,
                                         std::string_view what) {
  const bool more = q.nodes.front() > 0.0;
  if (more) {
    q.nodes.insert(q.nodes.begin(), 0.0);
    q.weights.insert(q.weights.begin(), 0.0);
  }
  // a straight path's product is that of the sums
  constexpr bool straight = std::same_as<P, path::Straight>;
  const Targets& targets = start.targets;
  const std::int64_t n = x.front().size(0), steps = static_cast<std::int64_t>(q.nodes.size());
  std::vector<PathIntegral> integrals(targets.size());
  for (PathIntegral& integral : integrals) {
    for (Tensors* parts : {&integral.gradient, &integral.product}) {
      if (straight && parts == &integral.product) continue;
      for (const Tensor& part : x) {
        // the sum over a single sample's points starts with the first of them
        parts->push_back(n == 1 && engine::explained(part) ? Tensor() : at::zeros_like(part));
      }
    }
  }
  std::vector<Tensors> at_origin(targets.size());
  Tensors away, velocities;  // the latter of the rows of the pass under way
  if constexpr (straight) away = path.away();
  const auto points = [&](std::int64_t first, const Tensor& samples) {
    const std::vector<double> t = nodes_of(q.nodes, first, samples.size(0), n);
    if constexpr (straight) {
      return path::Straight::along(path.from, path.to, away, t, samples);
    } else {
      path::Rows rows = path.rows(t, samples);
      velocities = std::move(rows.velocities);
      return std::move(rows.points);
    }
  };
  const auto collect = [&](const engine::Derivatives& derivatives, std::int64_t first,
                           const Tensor& samples) {
    const std::int64_t ends = std::clamp<std::int64_t>(n - first, 0, samples.size(0)),
                       skipped = more ? ends : 0;
    for (std::size_t t = 0; ends > 0 && t < targets.size(); ++t) {
      at_origin[t].push_back(derivatives.scores[t].narrow(0, 0, ends));
    }
    const std::int64_t count = samples.size(0) - skipped;
    if (count == 0) return;
    const std::vector<double> w = nodes_of(q.weights, first + skipped, count, n);
    const auto add = [&](Tensor& total, const Tensor& all) {
      const Tensor values = all.narrow(0, skipped, count);  // a derivative at t = 0 may be infinite
      const Tensor weight = engine::numbers_like(w, values);
      if (n == 1) {  // the weighted sum in one operator
        std::vector<std::int64_t> shape = values.sizes().vec();
        shape.front() = 1;
        const Tensor sum = at::mv(values.reshape({count, -1}).t(), weight).view(shape);
        total = total.defined() ? total.add_(sum) : sum;
      } else {
        engine::add_rows(total, samples.narrow(0, skipped, count), values * engine::per_row(weight, values));
      }
    };
    for (std::size_t t = 0; t < targets.size(); ++t) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (!engine::explained(x[i])) continue;
        const Tensor& gradient = derivatives.gradients[t][i];
        add(integrals[t].gradient[i], gradient);
        if constexpr (!straight) add(integrals[t].product[i], engine::times(velocities[i], gradient));
      }
    }
  };
  engine::differentiate_rows(model, n, steps, targets, run, what, points, collect, start.row_bytes,
                             start.row_largest);
  for (std::size_t t = 0; t < targets.size(); ++t)
    integrals[t].baseline_score = at_origin[t].size() == 1 ? at_origin[t].front() : at::cat(at_origin[t]);
  if constexpr (straight) {
    for (PathIntegral& integral : integrals) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        integral.product.push_back(engine::times(away[i], integral.gradient[i]));
      }
    }
  }
  return integrals;
}

}  // namespace lumen::detail
