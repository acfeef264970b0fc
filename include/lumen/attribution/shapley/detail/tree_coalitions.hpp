// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/keyed_stream.hpp>
#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/perturb/game.hpp>
#include <lumen/perturb/partition.hpp>

namespace lumen::detail {

/// A partition's leaves below each node.
inline std::vector<std::vector<std::int64_t>> leaves_of(const perturb::Partition& tree) {
  std::vector<std::vector<std::int64_t>> leaves;
  for (std::int64_t i = 0; i < tree.count; ++i) leaves.push_back({i});
  for (const auto& [a, b] : tree.merges) {
    leaves.push_back(leaves[static_cast<std::size_t>(a)]);
    const auto& other = leaves[static_cast<std::size_t>(b)];
    leaves.back().insert(leaves.back().end(), other.begin(), other.end());
  }
  return leaves;
}

/// How many coalitions of others each player meets, in all: 2^depth for each.
inline double contexts_of(const perturb::Partition& tree) {
  std::vector<double> below(static_cast<std::size_t>(tree.count), 1.0);
  for (const auto& [a, b] : tree.merges)
    below.push_back(2 * (below[static_cast<std::size_t>(a)] + below[static_cast<std::size_t>(b)]));
  return below.empty() ? 0.0 : below.back();
}

/// An order of the players that keeps those below each node together: which half comes first, a coin for each.
inline std::vector<std::int64_t> tree_order(const perturb::Partition& tree, KeyedStream stream) {
  std::vector<std::vector<std::int64_t>> orders;
  for (std::int64_t i = 0; i < tree.count; ++i) orders.push_back({i});
  for (const auto& [a, b] : tree.merges) {
    const bool turned = stream.uniform() < 0.5;
    orders.push_back(orders[static_cast<std::size_t>(turned ? b : a)]);
    const auto& second = orders[static_cast<std::size_t>(turned ? a : b)];
    orders.back().insert(orders.back().end(), second.begin(), second.end());
  }
  return orders.back();
}

/// Owen values of a subgame, exact: each player with all coalitions of others that the tree allows before it.
template <class G>
class TreeCoalitions {
 public:
  TreeCoalitions(G& game, perturb::Subgame sub, perturb::Partition tree)
      : game_(&game), sub_(std::move(sub)), tree_(std::move(tree)), leaves_(leaves_of(tree_)) {}

  void add(std::int64_t, std::int64_t) {
    std::vector<char> others(static_cast<std::size_t>(tree_.count), 0);
    descend(static_cast<std::int64_t>(leaves_.size()) - 1, others);
    const auto rows = static_cast<std::int64_t>(who_.size());
    const Tensor table = at::from_blob(rows_.data(), {2 * rows, tree_.count}, at::kChar).to(at::kBool);
    scores_ = (*game_)(sub_, table);
    none_ = (*game_)(sub_, at::zeros({1, tree_.count}, at::kBool));
    rows_.clear();
  }

  [[nodiscard]] bool ready() const { return !none_.empty(); }

  [[nodiscard]] Estimate estimate() const {
    Estimate result;
    const std::int64_t n = sub_.samples.size(0), rows = static_cast<std::int64_t>(who_.size());
    for (std::size_t t = 0; t < scores_.size(); ++t) {
      const Tensor value = at::zeros({tree_.count, n}, at::kDouble);
      const Tensor pairs = scores_[t].reshape({rows, 2, n});
      const Tensor added =
          (pairs.select(1, 1) - pairs.select(1, 0)) * at::tensor(weight_, at::kDouble).unsqueeze(1);
      value.index_add_(0, at::tensor(who_, at::kLong), added);
      result.value.push_back(value.t().contiguous());
      result.origin.push_back(none_[t][0].clone());
    }
    return result;
  }

 private:
  /// Visits the leaves below a node, `others` being there: of each half with the other one absent and present.
  void descend(std::int64_t node, std::vector<char>& others, double weight = 1.0) {
    if (node < tree_.count) {
      who_.push_back(node);
      weight_.push_back(weight);
      rows_.insert(rows_.end(), others.begin(), others.end());
      others[static_cast<std::size_t>(node)] = 1;
      rows_.insert(rows_.end(), others.begin(), others.end());
      others[static_cast<std::size_t>(node)] = 0;
      return;
    }
    const auto [a, b] = tree_.merges[static_cast<std::size_t>(node - tree_.count)];
    for (const auto& [inside, beside] : {std::pair{a, b}, std::pair{b, a}}) {
      descend(inside, others, weight / 2);
      const auto& there = leaves_[static_cast<std::size_t>(beside)];
      for (const std::int64_t leaf : there) others[static_cast<std::size_t>(leaf)] = 1;
      descend(inside, others, weight / 2);
      for (const std::int64_t leaf : there) others[static_cast<std::size_t>(leaf)] = 0;
    }
  }

  G* game_;
  perturb::Subgame sub_;
  perturb::Partition tree_;
  std::vector<std::vector<std::int64_t>> leaves_;
  std::vector<char> rows_;
  std::vector<std::int64_t> who_;  // of each pair of rows the player that the second one adds
  std::vector<double> weight_;
  std::vector<Tensor> scores_, none_;
};

}  // namespace lumen::detail
