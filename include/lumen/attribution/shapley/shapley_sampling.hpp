// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/shapley/detail/orders.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen {

/// Shapley values from random orders of the features: Castro, Gomez and Tejada, "Polynomial calculation of the Shapley
/// value based on sampling", Computers and Operations Research 2009; each order with its reverse: Mitchell, Cooper, Frank
/// and Holmes, "Sampling permutations for Shapley value estimation", JMLR 2022, arXiv:2104.12199, section 4.1.
///
///     a_i = mean over orders of v(those before i, and i) - v(those before i),  v(S) = F(x on S, x' elsewhere)
///
/// Unbiased, and it sums to F(x) - F(x') to rounding. `standard_error` is that of the mean over draws. The orders
/// depend on (seed, draw) alone. The model need not be differentiable.
/// Cost: with m features m - 1 forward passes an order, batched, less what coalitions have in common, and two more.
template <Baseline B = baseline::Zero>
struct ShapleySampling {
  B baseline{};  ///< x', what takes an absent feature's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  std::int64_t samples = 25;  ///< draws (of the first round with a tolerance), at least 1
  bool antithetic = true;     ///< a draw is an order and its reverse; false: an order
  /// > 0: draws until no feature's standard error, in units of the score, is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 4096;  ///< the most draws with a tolerance
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] ShapleySampling<Other> with_baseline(Other other) const {
    return {std::move(other), groups, samples, antithetic, tolerance, max_samples, run, seed};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] ShapleySampling rows(const Tensor& index) const {
    ShapleySampling other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `standard_error` (from two draws on), `completeness_error`
  /// @throws Error  bad input, groups, baseline or options; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    const detail::Effort effort{samples, tolerance, max_samples,
                                [this](std::int64_t draws, std::int64_t players) {
                                  return 2 + draws * (antithetic ? 2 : 1) * (players - 1);
                                }};
    effort.check("ShapleySampling");
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      return detail::play<X>(game, effort, [&](const perturb::Subgame& sub) {
        const std::int64_t players = sub.players.size(0);
        return detail::Orders(game, sub, antithetic, [this, players](std::int64_t draw) {
          return detail::KeyedStream(seed, draw).shuffled(players, players);
        });
      });
    });
  }
};

}  // namespace lumen
