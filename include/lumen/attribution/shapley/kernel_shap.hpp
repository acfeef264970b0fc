// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/shapley/detail/coalition_plan.hpp>
#include <lumen/attribution/shapley/detail/constrained_fit.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen {

namespace detail {

/// KernelSHAP of one subgame: coalitions, their scores, and the fit to them.
template <class G>
class KernelGame {
 public:
  KernelGame(G& game, perturb::Subgame sub, std::uint64_t seed)
      : game_(&game), sub_(std::move(sub)), seed_(seed), pieces_(game.scores().size()) {
    all_ = (*game_)(sub_, at::ones({1, players()}, at::kBool));
    none_ = (*game_)(sub_, at::zeros({1, players()}, at::kBool));
  }

  void add(std::int64_t first, std::int64_t count) {
    if (players() == 1 || exact_) return;
    if (CoalitionPlan plan(players(), first + count); first == 0 || plan.whole()) {
      // from the start, also when so many are asked by now that all of them fit
      tables_.clear();
      for (Tensors& piece : pieces_) piece.clear();
      weights_.clear();
      plan_.assign(1, std::move(plan));
      exact_ = plan_.front().whole();
      ask(plan_.front().enumerated(weights_));
      enumerated_ = !game_->stopped();
      pairs_ = 0;
      draw(plan_.front().random_pairs());
    } else {
      draw(std::max<std::int64_t>(1, count / 2));
    }
  }

  [[nodiscard]] bool ready() const { return players() == 1 || (enumerated_ && (exact_ || pairs_ > 0)); }

  [[nodiscard]] Estimate estimate() const {
    Estimate result;
    const std::int64_t m = players(), n = sub_.samples.size(0);
    std::vector<ConstrainedFit> fit;
    const auto enumerated = static_cast<std::int64_t>(weights_.size());
    if (m > 1) {
      std::vector<double> weights = weights_;
      if (pairs_ > 0) {
        weights.insert(weights.end(), static_cast<std::size_t>(2 * pairs_),
                       plan_.front().rest() / static_cast<double>(2 * pairs_));
      }
      fit.emplace_back(at::cat(tables_).to(at::kDouble), at::tensor(weights, at::kDouble));
    }
    for (std::size_t t = 0; t < pieces_.size(); ++t) {
      const Tensor none = none_[t][0], change = all_[t][0] - none;
      result.origin.push_back(none.clone());
      if (fit.empty()) {
        result.value.push_back(change.unsqueeze(1).clone());
        result.error.push_back(at::zeros({n, m}, at::kDouble));
        continue;
      }
      const Tensor scores = at::cat(pieces_[t]);
      result.value.push_back(fit.front().solve(scores, none, change));
      if (pairs_ != 1)
        result.error.push_back(fit.front().standard_error(scores, none, result.value.back(), enumerated));
    }
    return result;
  }

 private:
  [[nodiscard]] std::int64_t players() const { return sub_.players.size(0); }

  void draw(std::int64_t pairs) {
    if (exact_ || pairs == 0) return;
    pairs_ += ask(plan_.front().random(seed_, pairs_, pairs)) / 2;
  }

  /// @return how many were answered: an even number, in pairs as they were asked
  std::int64_t ask(const Tensor& table) {
    if (table.size(0) == 0) return 0;
    const std::vector<Tensor> scores = game_->until_stopped(sub_, table);
    const std::int64_t rows = scores.front().size(0) / 2 * 2;
    if (rows == 0) return 0;
    tables_.push_back(table.narrow(0, 0, rows));
    for (std::size_t t = 0; t < scores.size(); ++t) pieces_[t].push_back(scores[t].narrow(0, 0, rows));
    return rows;
  }

  G* game_;
  perturb::Subgame sub_;
  std::uint64_t seed_;
  std::vector<CoalitionPlan> plan_;  // of the first round
  bool exact_ = false, enumerated_ = false;
  std::int64_t pairs_ = 0;
  Tensors tables_;
  std::vector<double> weights_;  // of the coalitions that are not random
  std::vector<Tensors> pieces_;  // for each target
  std::vector<Tensor> all_, none_;
};

}  // namespace detail

/// KernelSHAP: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017, arXiv:1705.07874,
/// theorem 2; coalitions in pairs, the constraint exact, standard errors: Covert and Lee, "Improving KernelSHAP", AISTATS
/// 2021, arXiv:2012.01536.
///
///     a = argmin sum over S of w(|S|) (v(S) - v(0) - sum of a_i in S)^2  with  sum a = F(x) - F(x'),
///     w(k) = (m - 1) / (binomial(m, k) k (m - k)),  v(S) = F(x on S, x' elsewhere)
///
/// With all coalitions these are the Shapley values. With fewer, sizes whose coalitions all fit are asked in full, and
/// random pairs of a coalition and its complement stand for the others; `standard_error` tells what they leave open. The
/// sum is exact. The model need not be differentiable. Draws depend on (seed, draw) alone.
/// Cost: `samples` forward passes, less what coalitions have in common, and two; at most 2^m.
template <Baseline B = baseline::Zero>
struct KernelShap {
  B baseline{};  ///< x', what takes an absent feature's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  std::int64_t samples =
      512;  ///< coalitions (of the first round with a tolerance), at least as many as features
  /// > 0: coalitions until no feature's standard error, in units of the score, is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 65536;  ///< the most coalitions with a tolerance
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] KernelShap<Other> with_baseline(Other other) const {
    return {std::move(other), groups, samples, tolerance, max_samples, run, seed};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] KernelShap rows(const Tensor& index) const {
    KernelShap other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `standard_error` (0 with all coalitions), `completeness_error`
  /// @throws Error  bad input, groups, baseline or options; too few coalitions; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    const detail::Effort effort{
        samples, tolerance, max_samples, [](std::int64_t draws, std::int64_t players) {
          return 2 + (players > 40 ? draws : std::min(draws, (std::int64_t{1} << players) - 2));
        }};
    effort.check("KernelShap");
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      return detail::play<X>(
          game, effort, [&](const perturb::Subgame& sub) { return detail::KernelGame(game, sub, seed); });
    });
  }
};

}  // namespace lumen
