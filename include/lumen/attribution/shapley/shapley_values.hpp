// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen {

namespace detail {

/// All coalitions of a subgame: number s holds the players whose bits are set in s.
template <class G>
class AllCoalitions {
 public:
  AllCoalitions(G& game, perturb::Subgame sub) : game_(&game), sub_(std::move(sub)) {}

  /// The scores of all of them: for each target [2^m, samples].
  [[nodiscard]] std::vector<Tensor> scores() const {
    const std::int64_t m = sub_.players.size(0), all = std::int64_t{1} << m, block = 1 << 12;
    std::vector<Tensors> pieces(game_->scores().size());
    for (std::int64_t first = 0; first < all; first += block) {
      const Tensor number = at::arange(first, std::min(all, first + block), at::kLong).unsqueeze(1);
      const Tensor present =
          number.bitwise_right_shift(at::arange(m, at::kLong)).bitwise_and(1).to(at::kBool);
      const std::vector<Tensor> scores = (*game_)(sub_, present);
      for (std::size_t t = 0; t < scores.size(); ++t) pieces[t].push_back(scores[t]);
    }
    std::vector<Tensor> scores;
    for (const Tensors& piece : pieces) scores.push_back(at::cat(piece));
    return scores;
  }

  void add(std::int64_t, std::int64_t) {}
  [[nodiscard]] bool ready() const { return true; }

  [[nodiscard]] Estimate estimate() const {
    const std::int64_t m = sub_.players.size(0), n = sub_.samples.size(0);
    std::vector<double> weight;  // of a coalition of each size: |S|! (m - |S| - 1)! / m!
    for (std::int64_t size = 0; size < m; ++size) {
      weight.push_back(size == 0 ? 1.0 / static_cast<double>(m)
                                 : weight.back() * static_cast<double>(size) / static_cast<double>(m - size));
    }
    Estimate result;
    for (const Tensor& scores : scores()) {
      const double* v = scores.data_ptr<double>();
      Tensor value = at::zeros({m, n}, at::kDouble);
      double* out = value.data_ptr<double>();
      for (std::uint64_t s = 0; s < (std::uint64_t{1} << m); ++s) {
        for (std::int64_t i = 0; i < m; ++i) {
          if ((s >> i & 1U) != 0) continue;
          const double w = weight[static_cast<std::size_t>(std::popcount(s))];
          const double* with = v + static_cast<std::int64_t>(s | (std::uint64_t{1} << i)) * n;
          const double* without = v + static_cast<std::int64_t>(s) * n;
          for (std::int64_t j = 0; j < n; ++j) out[i * n + j] += w * (with[j] - without[j]);
        }
      }
      result.value.push_back(value.t().contiguous());
      result.origin.push_back(scores[0].clone());
    }
    return result;
  }

 private:
  G* game_;
  perturb::Subgame sub_;
};

}  // namespace detail

/// Shapley values: Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953, with features
/// for players; exact, over all coalitions.
///
///     a_i = sum over S without i of |S|! (m - |S| - 1)! / m! (v(S + i) - v(S)),  v(S) = F(x on S, x' elsewhere)
///
/// They sum to F(x) - F(x') over the features (`completeness_error`: to rounding); features that do the same have the
/// same value, features that do nothing 0; values of a sum of models are the sum of the values. The model need not be
/// differentiable. Each element of a feature shows the feature's value. Features that are as x' makes them cost nothing.
/// Cost: 2^m forward passes of m features, batched.
template <Baseline B = baseline::Zero>
struct ShapleyValues {
  B baseline{};  ///< x', what takes an absent feature's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  std::int64_t max_features =
      16;  ///< more features, of those that are not as x' makes them, are refused; at most 24
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] ShapleyValues<Other> with_baseline(Other other) const {
    return {std::move(other), groups, max_features, run};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] ShapleyValues rows(const Tensor& index) const {
    ShapleyValues other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `completeness_error`
  /// @throws Error  bad input, groups or baseline; too many features; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    require(max_features >= 1 && max_features <= 24,
            [&] { return text("ShapleyValues: max_features is ", max_features, ", expected 1 to 24"); });
    const detail::Effort effort{.passes = [](std::int64_t, std::int64_t players) {
      return std::int64_t{1} << std::min<std::int64_t>(players, 24);
    }};
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      return detail::play<X>(game, effort, [&](const perturb::Subgame& sub) {
        require(sub.players.size(0) <= max_features, [&] {
          return text("ShapleyValues: ", sub.players.size(0), " features take 2^", sub.players.size(0),
                      " forward passes, max_features allows 2^", max_features,
                      "; make larger groups, or draw coalitions: ShapleySampling, KernelShap");
        });
        return detail::AllCoalitions(game, sub);
      });
    });
  }
};

}  // namespace lumen
