// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/shapley/detail/orders.hpp>
#include <lumen/attribution/shapley/detail/tree_coalitions.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>
#include <lumen/perturb/partition.hpp>

namespace lumen {

/// Owen values: Owen, "Values of games with a priori unions", 1977, with a tree of unions within unions: of the orders of
/// features only those count in which the features below each node of the tree come one after the other.
///
///     a_i = mean over such orders of v(those before i, and i) - v(those before i),  v(S) = F(x on S, x' elsewhere)
///
/// They sum to F(x) - F(x'), and so do those below a node to what the node is worth among nodes. With halves that are
/// neighbours in the image most coalitions are large whole regions. Exact, or with `samples` from random orders, each
/// with its reverse, and a `standard_error`. The model need not be differentiable.
/// Cost: exact at most m 2^depth forward passes of m features, about m^2 on the balanced tree; sampled as ShapleySampling.
template <Baseline B = baseline::Zero>
struct OwenValues {
  B baseline{};  ///< x', what takes an absent feature's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  perturb::Partition tree{};        ///< over the features, by ascending number; none: `perturb::balanced`
  std::int64_t max_passes = 16384;  ///< an exact run that could take more is refused
  std::int64_t samples = 0;         ///< draws of an order and its reverse (of the first round); 0: exact
  /// > 0: draws until no feature's standard error, in units of the score, is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 4096;  ///< the most draws with a tolerance
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] OwenValues<Other> with_baseline(Other other) const {
    return {std::move(other), groups, tree, max_passes, samples, tolerance, max_samples, run, seed};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] OwenValues rows(const Tensor& index) const {
    OwenValues other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `completeness_error`; of draws `standard_error`
  /// @throws Error  bad input, groups, tree, baseline or options; too many features; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    require(samples >= 0 && max_passes >= 1, [&] {
      return text("OwenValues: samples is ", samples, " and max_passes ", max_passes,
                  ", expected at least 0 and at least 1");
    });
    require(tolerance == 0 || samples > 0, [&] {
      return text("OwenValues: tolerance is ", tolerance,
                  " but samples is 0, which is exact; give the draws of the first round, or no tolerance");
    });
    const detail::Effort effort{
        samples, tolerance, max_samples,
        [](std::int64_t draws, std::int64_t players) { return 2 + 2 * draws * (players - 1); }};
    if (samples > 0) effort.check("OwenValues");
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      if (tree.count > 0) tree.check(game.players());
      const perturb::Partition whole =
          tree.count > 0 ? tree : perturb::balanced(game.regions(), engine::explained_of(game.x()).size());
      const auto tree_of = [&](const perturb::Subgame& sub) {
        const auto* first = sub.players.template data_ptr<std::int64_t>();
        return whole.over({first, first + sub.players.size(0)});
      };
      if (samples > 0) {
        return detail::play<X>(game, effort, [&](const perturb::Subgame& sub) {
          return detail::Orders(game, sub, true, [this, own = tree_of(sub)](std::int64_t draw) {
            return detail::tree_order(own, detail::KeyedStream(seed, draw));
          });
        });
      }
      return detail::play<X>(game, {}, [&](const perturb::Subgame& sub) {
        perturb::Partition own = tree_of(sub);
        const double passes = detail::contexts_of(own);
        require(passes <= static_cast<double>(max_passes), [&] {
          return text("OwenValues: ", own.count, " features on this tree could take ", passes,
                      " forward passes, max_passes is ", max_passes,
                      "; make larger groups, or draw orders: samples = 16, say");
        });
        return detail::TreeCoalitions(game, sub, std::move(own));
      });
    });
  }
};

}  // namespace lumen
