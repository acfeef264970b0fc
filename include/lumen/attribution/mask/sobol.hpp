// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/mask/detail/sobol_sequence.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen {

namespace detail {

/// Jansen's estimator over shifts of one design, for one subgame.
template <class G>
class TotalIndices {
 public:
  TotalIndices(G& game, perturb::Subgame sub, std::int64_t design, std::uint64_t seed)
      : game_(&game), sub_(std::move(sub)), design_(design), seed_(seed), shifts_(game.scores().size()) {}

  void add(std::int64_t first, std::int64_t count) {
    for (std::int64_t draw = first; draw < first + count; ++draw) take(draw);
  }

  [[nodiscard]] bool ready() const { return !shifts_.front().unlike.empty(); }

  /// D / V of the sums over the shifts, and its standard error as that of a ratio (Cochran, "Sampling Techniques", 1977,
  /// section 6.3).
  [[nodiscard]] Estimate estimate() const {
    Estimate result;
    for (const Shifts& each : shifts_) {
      const auto draws = static_cast<double>(each.unlike.size());
      const Tensor unlike = at::stack(each.unlike),
                   variance = at::stack(each.variance);  // [R, n, m], [R, n, 1]
      const Tensor level = variance.mean(0), still = level == 0;
      const Tensor index = (unlike.mean(0) / level).masked_fill(still, 0);
      result.value.push_back(index);
      if (draws < 2) continue;
      const Tensor away = (unlike - index * variance) / level;
      result.error.push_back((away.square().sum(0) / (draws * (draws - 1))).sqrt().masked_fill(still, 0));
    }
    return result;
  }

 private:
  struct Shifts {
    Tensors unlike;    ///< of each shift: the mean of (f(A) - f(A, i from B))^2 / 2, [n, m]
    Tensors variance;  ///< [n, 1]
  };

  void take(std::int64_t draw) {
    const std::int64_t m = sub_.players.size(0), n = sub_.samples.size(0);
    const Tensor points = sobol_points(design_, 2 * m, seed_, draw);
    const Tensor a = points.narrow(1, 0, m), b = points.narrow(1, m, m);
    const std::vector<Tensor> at_a = (*game_)(sub_, a), at_b = (*game_)(sub_, b);
    std::vector<Tensor> unlike;
    for (std::size_t t = 0; t < at_a.size(); ++t) unlike.push_back(at::empty({n, m}, at::kDouble));
    const std::int64_t most = std::max<std::int64_t>(1, (std::int64_t{1} << 20) / (design_ * m));
    for (std::int64_t first = 0; first < m; first += most) {
      const std::int64_t count = std::min(most, m - first);
      Tensor table = a.repeat({count, 1});  // [count * design, m]
      for (std::int64_t i = 0; i < count; ++i)
        table.narrow(0, i * design_, design_).select(1, first + i).copy_(b.select(1, first + i));
      const std::vector<Tensor> scores = (*game_)(sub_, table);
      for (std::size_t t = 0; t < scores.size(); ++t) {
        const Tensor change = scores[t].reshape({count, design_, n}) - at_a[t];
        unlike[t].narrow(1, first, count).copy_((change.square().mean(1) / 2).t());
      }
    }
    for (std::size_t t = 0; t < unlike.size(); ++t) {
      shifts_[t].unlike.push_back(unlike[t]);
      shifts_[t].variance.push_back(at::cat({at_a[t], at_b[t]}).var(0, /*unbiased=*/false).unsqueeze(1));
    }
  }

  G* game_;
  perturb::Subgame sub_;
  std::int64_t design_;
  std::uint64_t seed_;
  std::vector<Shifts> shifts_;
};

}  // namespace detail

/// Total Sobol indices: Fel, Cadene, Chalvidal, Cord, Vigouroux and Serre, "Look at the Variance! Efficient Black-box
/// Explanations with Sobol-based Sensitivity Analysis", NeurIPS 2021, arXiv:2111.04138; the estimator is Jansen's (1999), its
/// equation 5.
///
///     a_i = E_{~i}[Var_i f(m)] / Var f(m),  f(m) = F(x' + m (x - x')),  m_i uniform in [0, 1], one for each feature
///
/// The share of the score's variance in which feature i takes part, alone or with others: in [0, 1], without sign; on an
/// additive f they sum to 1. The points are Sobol's sequence under random shifts; `standard_error` is over these.
/// The model need not be differentiable.
/// Cost: with m features design * (m + 2) forward passes a draw, batched, and two more.
template <Baseline B = baseline::Zero>
struct Sobol {
  B baseline{};  ///< x', what is seen where m is 0; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  std::int64_t design = 32;  ///< points of the sequence a draw, a power of two
  std::int64_t samples = 4;  ///< draws of a shift (of the first round with a tolerance), at least 1
  /// > 0: draws until no feature's standard error is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 256;  ///< the most draws with a tolerance
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Sobol<Other> with_baseline(Other other) const {
    return {std::move(other), groups, design, samples, tolerance, max_samples, run, seed};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] Sobol rows(const Tensor& index) const {
    Sobol other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a, the same for each element of a feature; 0 where the score does not move; `score`, `standard_error` (from
  ///         two draws on)
  /// @throws Error  bad input, groups, baseline or options; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    const detail::Effort effort{
        samples, tolerance, max_samples,
        [this](std::int64_t draws, std::int64_t players) { return draws * design * (players + 2); }};
    effort.check("Sobol");
    require(design >= 2 && (design & (design - 1)) == 0,
            [&] { return text("Sobol: design is ", design, ", expected a power of two, at least 2"); });
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      return detail::play<X>(game, effort, [&](const perturb::Subgame& sub) {
        return detail::TotalIndices(game, sub, design, seed);
      });
    });
  }
};

}  // namespace lumen
