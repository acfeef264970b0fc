// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/keyed_stream.hpp>
#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/core/error.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen::detail {

/// What players add to those before them, over random orders.
template <class G>
class Orders {
 public:
  /// @param order  of a draw: the subgame's players, 0 to m - 1, in some order
  Orders(G& game, perturb::Subgame sub, bool antithetic,
         std::function<std::vector<std::int64_t>(std::int64_t)> order)
      : game_(&game),
        sub_(std::move(sub)),
        antithetic_(antithetic),
        order_(std::move(order)),
        moments_(game.scores().size(), engine::Moments(1)) {
    require(players() <= most_players, [&] {
      return text(players(), " features would each take a forward pass for every order, at most ",
                  most_players, " are allowed; make larger groups of elements");
    });
    full_ = (*game_)(sub_, at::ones({1, players()}, at::kBool));
    empty_ = (*game_)(sub_, at::zeros({1, players()}, at::kBool));
  }

  void add(std::int64_t first, std::int64_t count) {
    // as many orders at once as make tables of some megabytes
    const std::int64_t row = players() * std::max<std::int64_t>(1, players() - 1) * (antithetic_ ? 2 : 1);
    const std::int64_t most = std::max<std::int64_t>(1, (std::int64_t{8} << 20) / row);
    for (std::int64_t draw = first; draw < first + count && !game_->stopped(); draw += most)
      take(draw, std::min(most, first + count - draw));
  }

  [[nodiscard]] bool ready() const { return moments_.front().draws() > 0; }

  [[nodiscard]] Estimate estimate() const {
    Estimate result;
    for (std::size_t t = 0; t < moments_.size(); ++t) {
      result.value.push_back(moments_[t].wide_mean()[0]);
      if (const Tensor error = moments_[t].standard_error(); error.defined())
        result.error.push_back(error[0]);
      result.origin.push_back(empty_[t][0].clone());
    }
    return result;
  }

 private:
  [[nodiscard]] std::int64_t players() const { return sub_.players.size(0); }

  void take(std::int64_t first, std::int64_t count) {
    const std::int64_t m = players(), n = sub_.samples.size(0), ways = antithetic_ ? 2 : 1, inner = m - 1;
    std::vector<std::vector<std::int64_t>> orders;
    const Tensor present = at::zeros({count * ways * inner, m}, at::kBool);
    bool* row = present.template data_ptr<bool>();
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      for (std::int64_t way = 0; way < ways; ++way) {
        if (way == 0) {
          orders.push_back(order_(draw));
        } else {
          orders.emplace_back(orders.back().rbegin(), orders.back().rend());
        }
        for (std::int64_t step = 0; step < inner; ++step, row += m) {
          for (std::int64_t i = 0; i <= step; ++i) row[orders.back()[static_cast<std::size_t>(i)]] = true;
        }
      }
    }
    const std::vector<Tensor> scores = game_->until_stopped(sub_, present);
    if (inner > 0) count = std::min(count, scores.front().size(0) / (ways * inner));
    if (count == 0) return;
    orders.resize(static_cast<std::size_t>(count * ways));
    for (std::size_t t = 0; t < scores.size(); ++t) {
      const Tensor added = at::zeros({count, n, m}, at::kDouble);
      double* const to = added.template data_ptr<double>();
      const double* const between = scores[t].template data_ptr<double>();
      const double *const none = empty_[t].template data_ptr<double>(), *const all =
                                                                            full_[t]
                                                                                .template data_ptr<double>();
      const double share = 1.0 / static_cast<double>(ways);
      for (std::size_t o = 0; o < orders.size(); ++o) {
        const std::int64_t draw = static_cast<std::int64_t>(o) / ways;
        const double* before = none;
        for (std::int64_t step = 0; step < m; ++step) {
          const double* const after =
              step == inner ? all : between + (static_cast<std::int64_t>(o) * inner + step) * n;
          const std::int64_t player = orders[o][static_cast<std::size_t>(step)];
          for (std::int64_t s = 0; s < n; ++s)
            to[(draw * n + s) * m + player] += share * (after[s] - before[s]);
          before = after;
        }
      }
      moments_[t].add(first, {}, added);
    }
  }

  static constexpr std::int64_t most_players = 4096;

  G* game_;
  perturb::Subgame sub_;
  bool antithetic_;
  std::function<std::vector<std::int64_t>(std::int64_t)> order_;
  std::vector<engine::Moments> moments_;  // for each target, of [samples, players]
  std::vector<Tensor> full_, empty_;      // for each target [1, samples]
};

}  // namespace lumen::detail
