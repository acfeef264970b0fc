// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/surrogate/detail/neighbourhood.hpp>
#include <lumen/attribution/surrogate/regression.hpp>
#include <lumen/attribution/surrogate/sampler.hpp>
#include <lumen/attribution/surrogate/similarity.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen {

/// LIME: Ribeiro, Singh and Guestrin, "Why Should I Trust You?", KDD 2016, arXiv:1602.04938, section 3: the coefficients of
/// a linear model that is fitted to F around x.
///
///     a = argmin over a, b of sum over draws z of w(z) (F(x where z, x' elsewhere) - z a - b)^2 + penalty(a)
///
/// What is drawn, how much it counts and how it is fitted are members: any functors. Of a model linear in the features
/// Ordinary gives its coefficients. `standard_error` is that of the draws: the delete-a-group jackknife over 20 groups
/// (Wu, Annals of Statistics 1986). No completeness. The model need not be differentiable. Draws depend on (seed, draw)
/// alone. Cost: `samples` forward passes, less equal draws, and one; 21 fits.
template <Baseline B = baseline::Zero, surrogate::Similarity S = surrogate::CosineKernel,
          surrogate::Sampler D = surrogate::Bernoulli, surrogate::Regression R = surrogate::Ridge>
struct Lime {
  B baseline{};  ///< x', what takes an absent feature's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  std::int64_t samples = 1000;  ///< draws (of the first round with a tolerance), at least 1
  S similarity{};               ///< how much a draw counts
  D sampler{};                  ///< which features are present
  R regression{};               ///< surrogate::Ordinary, Ridge, Lasso
  /// > 0: draws until no feature's standard error, in units of the score, is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 65536;  ///< the most draws with a tolerance
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Lime<Other, S, D, R> with_baseline(Other other) const {
    return {std::move(other), groups,    samples,     similarity, sampler,
            regression,       tolerance, max_samples, run,        seed};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] Lime rows(const Tensor& index) const {
    Lime other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `standard_error` (from 40 draws on)
  /// @throws Error  bad input, groups, baseline or options; draws that do not determine a; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    const detail::Effort effort{samples, tolerance, max_samples,
                                [](std::int64_t draws, std::int64_t) { return draws; }};
    effort.check("Lime");
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      const detail::Distances distances(game);
      return detail::play<X>(game, effort, [&](const perturb::Subgame& sub) {
        return detail::Neighbourhood(game, sub, distances, *this);
      });
    });
  }
};

}  // namespace lumen
