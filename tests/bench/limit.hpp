// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include <lumen/core/tensor.hpp>
#include <lumen/engine/quadrature.hpp>

#include "bench/measure.hpp"

/// The least that LibTorch can do: loops written out for one method each, that check nothing and return the map only.
/// `rows` is how many rows they put through the network at once.
namespace lumen::bench::limit {

template <class Net>
Tensor gradient(const Net& net, const Tensor& x, std::int64_t target) {
  const Tensor leaf = x.detach().requires_grad_(true);
  return torch::autograd::grad({net(leaf).select(1, target).sum()}, {leaf}).front();
}

template <class Net>
Tensor saliency(const Net& net, const Tensor& x, std::int64_t target) {
  return gradient(net, x, target).abs();
}

/// Signed gradients of several classes from one forward pass.
template <class Net>
std::vector<Tensor> several(const Net& net, const Tensor& x, std::int64_t targets) {
  const Tensor leaf = x.detach().requires_grad_(true);
  const Tensor output = net(leaf);
  std::vector<Tensor> maps;
  for (std::int64_t t = 0; t < targets; ++t)
    maps.push_back(torch::autograd::grad({output.select(1, t).sum()}, {leaf}, {}, t + 1 < targets).front());
  return maps;
}

inline Tensor column(const Tensor& values) { return values.to(at::kFloat).reshape({-1, 1, 1, 1}); }

template <class Net>
Tensor integrated_gradients(const Net& net, const Tensor& x, std::int64_t target, std::int64_t steps,
                            std::int64_t rows) {
  const Quadrature q = quadrature::GaussLegendre{}(steps);
  const Tensor nodes = column(at::tensor(q.nodes)), weights = column(at::tensor(q.weights));
  Tensor total = at::zeros_like(x);
  for (std::int64_t first = 0; first < steps; first += rows) {
    const std::int64_t count = std::min(rows, steps - first);
    total += (gradient(net, x * nodes.narrow(0, first, count), target) * weights.narrow(0, first, count))
                 .sum(0, true);
  }
  return total * x;
}

template <class Net>
Tensor smooth_grad(const Net& net, const Tensor& x, std::int64_t target, std::int64_t draws, double stdev,
                   std::int64_t rows) {
  Tensor total = at::zeros_like(x);
  for (std::int64_t first = 0; first < draws; first += rows) {
    const std::int64_t count = std::min(rows, draws - first);
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.front() = count;
    total += gradient(net, x + at::randn(shape) * stdev, target).abs().sum(0, true);
  }
  return total / static_cast<double>(draws);
}

template <class Net>
Tensor gradient_shap(const Net& net, const Tensor& x, const Tensor& baselines, std::int64_t target,
                     std::int64_t draws, std::int64_t rows) {
  Tensor total = at::zeros_like(x);
  for (std::int64_t first = 0; first < draws; first += rows) {
    const std::int64_t count = std::min(rows, draws - first);
    const Tensor origin = baselines.index_select(0, at::randint(baselines.size(0), {count}, at::kLong));
    const Tensor away = x - origin;
    total += (gradient(net, origin + away * column(at::rand({count})), target) * away).sum(0, true);
  }
  return total / static_cast<double>(draws);
}

/// How many rows at once are fastest for one row, of those tried.
template <class Net>
std::int64_t best_rows(const Net& net, const Tensor& x, const std::vector<std::int64_t>& candidates) {
  std::int64_t best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (const std::int64_t rows : candidates) {
    std::vector<std::int64_t> copies(static_cast<std::size_t>(x.dim()), 1);
    copies.front() = rows;
    const Tensor batch = x.repeat(copies);
    const Timed pass = timed([&] { (void)gradient(net, batch, 0); });
    pass(1);
    const double seconds = std::min(pass(2), pass(2)) / static_cast<double>(rows);
    if (seconds < least) {
      least = seconds;
      best = rows;
    }
  }
  return best;
}

}  // namespace lumen::bench::limit
