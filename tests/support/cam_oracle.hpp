// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include <lumen/core/tensor.hpp>

#include "support/nets.hpp"

/// Class activation maps from their definitions, cell by cell, of networks that are cut by hand.
namespace lumen::testing::cams {

/// A network in two pieces, so that an oracle can cut it without lumen: suffix(prefix(x)). [N, 2, 8, 8] -> [N, 3].
struct Cut {
  Tensor conv1, bias1, conv2, bias2, fc, bias;
  bool in_place = false, pooled = true;

  explicit Cut(std::uint64_t seed = 40, bool is_pooled = true)
      : conv1(nets::weight({4, 2, 3, 3}, seed)),
        bias1(nets::random({4}, seed + 1, 0.2)),
        conv2(nets::weight({5, 4, 3, 3}, seed + 2)),
        bias2(nets::random({5}, seed + 3, 0.2)),
        fc(nets::weight({3, is_pooled ? 5 : 20}, seed + 4)),
        bias(nets::random({3}, seed + 5)),
        pooled(is_pooled) {}

  /// What the second relu gives, [N, 5, 4, 4].
  [[nodiscard]] Tensor prefix(const Tensor& x) const {
    Tensor y = at::max_pool2d(at::relu(at::conv2d(x, conv1, bias1, 1, 1)), 2);
    y = at::conv2d(y, conv2, bias2, 1, 1);
    return in_place ? y.relu_() : at::relu(y);
  }
  /// A pooled linear head, or one with a max pool and a tanh before it, which is not affine.
  [[nodiscard]] Tensor suffix(const Tensor& h) const {
    if (pooled) return at::linear(at::adaptive_avg_pool2d(h, {1, 1}).flatten(1), fc, bias);
    return at::linear(at::tanh(at::max_pool2d(h, 2)).flatten(1), fc, bias);
  }
  Tensor operator()(const Tensor& x) const { return suffix(prefix(x)); }
};

/// A layer's activation and gradient of one sample, by autograd on the piece behind it alone.
struct At {
  Tensor activation, gradient;  ///< [C, h, w]
};

template <class Score>
At at_layer(const Score& score_of_layer, const Tensor& layer) {
  const Tensor leaf = layer.detach().clone().requires_grad_(true);
  const Tensor gradient = torch::autograd::grad({score_of_layer(leaf).sum()}, {leaf}).front();
  return {layer.detach()[0], gradient[0]};
}

/// map(i, j) = sum over k of weight(k, i, j) A_k(i, j), [1, 1, h, w].
template <class Weight>
Tensor weighted(const Tensor& activation, const Weight& weight) {
  const auto a = activation.accessor<double, 3>();
  Tensor map = at::zeros({1, 1, a.size(1), a.size(2)}, at::kDouble);
  auto m = map.accessor<double, 4>();
  for (std::int64_t k = 0; k < a.size(0); ++k) {
    for (std::int64_t i = 0; i < a.size(1); ++i) {
      for (std::int64_t j = 0; j < a.size(2); ++j) m[0][0][i][j] += weight(k, i, j) * a[k][i][j];
    }
  }
  return map;
}

/// The sum over the cells of channel k of f(i, j).
template <class F>
double over_cells(const Tensor& layer, const F& f) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < layer.size(1); ++i) {
    for (std::int64_t j = 0; j < layer.size(2); ++j) sum += f(i, j);
  }
  return sum;
}

inline Tensor grad_cam(const At& at) {
  const auto g = at.gradient.accessor<double, 3>();
  const double cells = static_cast<double>(g.size(1) * g.size(2));
  return weighted(at.activation, [&](std::int64_t k, std::int64_t, std::int64_t) {
    return over_cells(at.gradient, [&](std::int64_t i, std::int64_t j) { return g[k][i][j]; }) / cells;
  });
}

/// Of the first three powers of the gradient, each [C, h, w]: Grad-CAM++'s own, or their means.
inline Tensor plus_plus(const Tensor& activation, const Tensor& g1, const Tensor& g2, const Tensor& g3) {
  const auto a = activation.accessor<double, 3>(), one = g1.accessor<double, 3>(),
             two = g2.accessor<double, 3>(), three = g3.accessor<double, 3>();
  return weighted(activation, [&](std::int64_t k, std::int64_t, std::int64_t) {
    const double total = over_cells(activation, [&](std::int64_t i, std::int64_t j) { return a[k][i][j]; });
    return over_cells(activation, [&](std::int64_t i, std::int64_t j) {
      const double below = 2.0 * two[k][i][j] + total * three[k][i][j];
      const double alpha = below == 0.0 ? 0.0 : two[k][i][j] / below;
      return alpha * std::max(one[k][i][j], 0.0);
    });
  });
}

inline Tensor plus_plus(const At& at) {
  return plus_plus(at.activation, at.gradient, at.gradient.pow(2), at.gradient.pow(3));
}

inline Tensor x_grad(const At& at) {
  const auto a = at.activation.accessor<double, 3>(), g = at.gradient.accessor<double, 3>();
  return weighted(at.activation, [&](std::int64_t k, std::int64_t, std::int64_t) {
    const double total =
        over_cells(at.activation, [&](std::int64_t i, std::int64_t j) { return a[k][i][j]; });
    if (total == 0.0) return 0.0;
    return over_cells(at.activation,
                      [&](std::int64_t i, std::int64_t j) { return a[k][i][j] / total * g[k][i][j]; });
  });
}

inline Tensor hi_res(const At& at) {
  const auto g = at.gradient.accessor<double, 3>();
  return weighted(at.activation, [&](std::int64_t k, std::int64_t i, std::int64_t j) { return g[k][i][j]; });
}

inline Tensor layer_cam(const At& at) {
  const auto g = at.gradient.accessor<double, 3>();
  return weighted(at.activation,
                  [&](std::int64_t k, std::int64_t i, std::int64_t j) { return std::max(g[k][i][j], 0.0); });
}

/// The projection on the direction to which power iteration on O^T O leads, from a vector of ones.
inline Tensor first_component(const Tensor& layer) {
  const Tensor cells = layer.reshape({layer.size(0), -1}).t().contiguous();  // [h w, C]
  const auto o = cells.accessor<double, 2>();
  std::vector<double> v(static_cast<std::size_t>(o.size(1)), 1.0);
  std::vector<double> along(static_cast<std::size_t>(o.size(0)));
  const auto project = [&] {
    for (std::int64_t p = 0; p < o.size(0); ++p) {
      along[static_cast<std::size_t>(p)] = 0.0;
      for (std::int64_t k = 0; k < o.size(1); ++k)
        along[static_cast<std::size_t>(p)] += o[p][k] * v[static_cast<std::size_t>(k)];
    }
  };
  for (int step = 0; step < 3000; ++step) {
    project();
    double norm = 0.0;
    for (std::int64_t k = 0; k < o.size(1); ++k) {
      double sum = 0.0;
      for (std::int64_t p = 0; p < o.size(0); ++p) sum += o[p][k] * along[static_cast<std::size_t>(p)];
      v[static_cast<std::size_t>(k)] = sum;
      norm += sum * sum;
    }
    for (double& each : v) each /= std::sqrt(norm);
  }
  project();
  double agrees = 0.0;
  for (std::int64_t p = 0; p < o.size(0); ++p) {
    for (std::int64_t k = 0; k < o.size(1); ++k) agrees += along[static_cast<std::size_t>(p)] * o[p][k];
  }
  Tensor map = at::zeros({o.size(0)}, at::kDouble);
  for (std::int64_t p = 0; p < o.size(0); ++p)
    map[p] = agrees < 0 ? -along[static_cast<std::size_t>(p)] : along[static_cast<std::size_t>(p)];
  return map.reshape({1, 1, layer.size(1), layer.size(2)});
}

/// One row of the batch at a time, [N, ...].
template <class OneMap>
Tensor each_row(const Tensor& x, const OneMap& one) {
  std::vector<Tensor> maps;
  for (std::int64_t row = 0; row < x.size(0); ++row) maps.push_back(one(x.narrow(0, row, 1)));
  return at::cat(maps);
}

}  // namespace lumen::testing::cams
