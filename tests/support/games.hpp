// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <lumen/core/tensor.hpp>

/// Cooperative games as models of [N, m] inputs that are 1 where a player is present and 0 where not.
namespace lumen::testing::games {

/// Everybody: the input of which features are explained.
inline Tensor everybody(std::int64_t m) { return at::ones({1, m}, at::kDouble); }

/// Player 0 has a left glove, players 1 and 2 a right one each; a pair is worth 1. Shapley: 2/3, 1/6, 1/6.
inline Tensor gloves(const Tensor& p) { return p.select(1, 0) * p.narrow(1, 1, 2).amax(1); }

/// Each has a weight; a majority of more than half of all is worth 1.
struct Majority {
  Tensor weights;
  Tensor operator()(const Tensor& p) const {
    return (at::mv(p, weights) * 2 > weights.sum()).to(at::kDouble);
  }
};

/// The definition over all orders of the players, of one score: [m].
template <class Score>
Tensor shapley(const Score& score, const Tensor& x, const Tensor& absent) {
  const std::int64_t m = x.size(1);
  std::vector<std::int64_t> order(static_cast<std::size_t>(m));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const Tensor sum = at::zeros({m}, at::kDouble);
  double orders = 0;
  do {
    Tensor at = absent.clone();
    double before = score(at).template item<double>();
    for (const std::int64_t player : order) {
      at.select(1, player).copy_(x.select(1, player));
      const double after = score(at).template item<double>();
      sum[player] += after - before;
      before = after;
    }
    orders += 1;
  } while (std::next_permutation(order.begin(), order.end()));
  return sum / orders;
}

}  // namespace lumen::testing::games
