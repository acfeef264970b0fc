// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <torch/csrc/autograd/autograd.h>

#include <lumen/core/tensor.hpp>

/// The definitions, computed the slow way: one sample, one step, one draw at a time, without any of lumen's
/// own machinery. `score` maps an input [1, ...] to one number (a tensor of one element).
namespace lumen::testing::oracle {

/// d score / d x by autograd, for a single sample.
template <class Score>
Tensor gradient(const Score& score, const Tensor& x) {
  const Tensor leaf = x.detach().clone().requires_grad_(true);
  return torch::autograd::grad({score(leaf).sum()}, {leaf}).front();
}

/// d score / d x by central differences, element by element: two evaluations each.
template <class Score>
Tensor finite_differences(const Score& score, const Tensor& x, double step = 1e-6) {
  const Tensor flat = x.detach().clone().reshape({-1});
  Tensor result = at::zeros_like(flat);
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const auto moved = [&](double by) {
      Tensor copy = flat.clone();
      copy[i] += by;
      return score(copy.reshape(x.sizes())).template item<double>();
    };
    result[i] = (moved(step) - moved(-step)) / (2.0 * step);
  }
  return result.reshape(x.sizes());
}

/// sum_k w_k grad(x' + a_k (x - x')) for given nodes and weights, one step at a time; times (x - x') if
/// asked.
template <class Score>
Tensor integrated_gradients(const Score& score, const Tensor& x, const Tensor& baseline,
                            const std::vector<double>& nodes, const std::vector<double>& weights,
                            bool multiply_by_inputs = true) {
  Tensor total = at::zeros_like(x);
  for (std::size_t k = 0; k < nodes.size(); ++k)
    total += weights[k] * gradient(score, baseline + nodes[k] * (x - baseline));
  return multiply_by_inputs ? total * (x - baseline) : total;
}

/// The three statistics that SmoothGrad and its relatives make of the maps of noisy copies.
struct Noisy {
  Tensor mean;         ///< SmoothGrad (Smilkov et al. 2017, arXiv:1706.03825)
  Tensor mean_square;  ///< SmoothGrad-Squared (Hooker et al. 2019, arXiv:1806.10758)
  Tensor variance;     ///< VarGrad, over the number of draws (Adebayo et al. 2018, arXiv:1810.03307)
  Tensor
      standard_error;  ///< of the mean: sample standard deviation over the square root of the number of draws
};

/// `method(x + noise_k)` for every given noise tensor, one at a time.
template <class OneMap>
Noisy noisy(const OneMap& method, const Tensor& x, const std::vector<Tensor>& noise) {
  std::vector<Tensor> maps;
  for (const Tensor& one : noise) maps.push_back(method(x + one));
  const Tensor all = at::stack(maps);
  const auto n = static_cast<double>(noise.size());
  const Tensor mean = all.mean(0);
  const Tensor squares = (all - mean).square().sum(0);
  return {mean, all.square().mean(0), squares / n, (squares / (n - 1.0) / n).sqrt()};
}

}  // namespace lumen::testing::oracle
