// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/keyed_stream.hpp>
#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen {

namespace detail {

inline constexpr std::int64_t fewest_draws = 4;  ///< of Hsic: dependence shows between them

/// The dependence between each feature's presence and the scores, for one subgame.
template <class G>
class Dependence {
 public:
  Dependence(G& game, perturb::Subgame sub, double bandwidth, std::uint64_t seed)
      : game_(&game),
        sub_(std::move(sub)),
        bandwidth_(bandwidth),
        seed_(seed),
        scores_(game.scores().size()) {}

  void add(std::int64_t first, std::int64_t count) {
    const std::int64_t m = sub_.players.size(0);
    const Tensor present = at::empty({count, m}, at::kBool);
    bool* cell = present.template data_ptr<bool>();
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      for (std::int64_t i = 0; i < m; ++i) *cell++ = uniform(seed_, draw, i) < 0.5;
    }
    const std::vector<Tensor> scores = game_->until_stopped(sub_, present);
    for (std::size_t t = 0; t < scores.size(); ++t) scores_[t].push_back(scores[t]);
    present_.push_back(present.narrow(0, 0, scores.front().size(0)));
  }

  [[nodiscard]] bool ready() const {
    std::int64_t draws = 0;
    for (const Tensor& each : present_) draws += each.size(0);
    return draws >= fewest_draws;
  }

  [[nodiscard]] Estimate estimate() const {
    Estimate result;
    const Tensor z = at::cat(present_).to(at::kDouble) - 0.5;  // [K, m]
    for (const Tensors& pieces : scores_) {
      Tensors values, errors;
      for (const Tensor& y : at::cat(pieces).unbind(1)) {
        const auto [value, error] = of_sample(z, y.contiguous());
        values.push_back(value);
        errors.push_back(error);
      }
      result.value.push_back(at::stack(values));
      result.error.push_back(at::stack(errors));
    }
    return result;
  }

 private:
  /// HSIC of each column of z with y, and its standard error: [m] each. Song et al.'s equation 5 with the kernels
  /// 1/2 + 2 z_a z_b and L; the error is that of a U-statistic, from the influence of single draws and of pairs.
  [[nodiscard]] std::pair<Tensor, Tensor> of_sample(const Tensor& z, const Tensor& y) const {
    const std::int64_t count = y.size(0);
    const auto n = static_cast<double>(count);
    const double width = bandwidth_ > 0 ? bandwidth_ : median_distance(y);
    if (width == 0) return {at::zeros({z.size(1)}, at::kDouble), at::zeros({z.size(1)}, at::kDouble)};
    Tensors products, sums;
    double squares = 0;
    constexpr std::int64_t block = 256;  // rows of the kernel matrix at once
    for (std::int64_t first = 0; first < count; first += block) {
      const Tensor rows = y.narrow(0, first, std::min(block, count - first)).unsqueeze(1);
      Tensor kernel = ((rows - y.unsqueeze(0)) / width).square_().mul_(-0.5).exp_();
      kernel.diagonal(first).zero_();
      products.push_back(at::mm(kernel, z));
      sums.push_back(kernel.sum(1, true));
      squares += kernel.square_().sum().template item<double>();
    }
    const Tensor pulled = at::cat(products), row = at::cat(sums);  // L z [n, m], L 1 [n, 1]
    const double all = row.sum().template item<double>();
    const Tensor total = z.sum(0);  // [m]
    const Tensor inner = 2 * (z * pulled).sum(0) + all / 2;
    const Tensor pairs = n * (n - 1) / 2 + 2 * (total.square() - n / 4);
    const Tensor cross = (n - 2) / 2 * all + 2 * total * (z * row).sum(0);
    const Tensor value = (inner + pairs * all / ((n - 1) * (n - 2)) - 2 / (n - 2) * cross) / (n * (n - 3));

    const Tensor centred = z - total / n;
    const Tensor share = 2 * centred * (pulled - pulled.mean(0, true)) / (n - 1);
    const double mean_square = squares / (n * (n - 1)) -
                               2 * (row / (n - 1)).square().mean().template item<double>() +
                               std::pow(all / (n * (n - 1)), 2);
    const Tensor of_pairs = (mean_square / 4 - value.square()).clamp_min(0);
    return {value, (4 * share.var(0) / n + 2 * of_pairs / (n * (n - 1))).sqrt()};
  }

  /// Of pairs of draws, one after the other and half the draws apart: as many as there are draws.
  static double median_distance(const Tensor& y) {
    const std::int64_t count = y.size(0);
    return (y - y.roll(std::max<std::int64_t>(1, count / 2))).abs().median().item<double>();
  }

  G* game_;
  perturb::Subgame sub_;
  double bandwidth_;
  std::uint64_t seed_;
  std::vector<Tensors> scores_;
  Tensors present_;
};

}  // namespace detail

/// HSIC attribution: Novello, Fel and Vigouroux, "Making Sense of Dependence: Efficient Black-box Explanations Using
/// Dependence Measure", NeurIPS 2022, arXiv:2206.06219; the measure is Gretton, Bousquet, Smola and Schoelkopf's (ALT
/// 2005), its estimator without bias that of Song, Smola, Gretton, Bedo and Borgwardt (JMLR 2012, equation 5).
///
///     a_i = HSIC(m_i, f(m)) = E[K_i L] - 2 E[E[K_i] E[L]] + E[K_i] E[L],
///     f(m) = F(x on the features with m_j = 1, x' elsewhere),  m_j = 1 with probability 1/2,
///     K_i(a, b) = 1 if m_i is the same in draws a and b, else 0,  L(a, b) = exp(-(f_a - f_b)^2 / (2 w^2))
///
/// How much the score depends on whether feature i is there, in whatever way: without sign, 0 where it does not (the
/// estimate varies around 0 there), at most 1/2. The masks depend on (seed, draw) alone. The model need not be
/// differentiable.
/// Cost: one forward pass a draw, batched, less what is drawn twice, and one more.
template <Baseline B = baseline::Zero>
struct Hsic {
  B baseline{};  ///< x', what takes an absent feature's place; a random one is drawn once for each sample
  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  /// w, the output kernel's width, in units of the score; 0: the median distance of the scores of two draws.
  double bandwidth = 0.0;
  std::int64_t samples = 1000;  ///< draws (of the first round with a tolerance), at least 4
  /// > 0: draws until no feature's standard error is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 8192;  ///< the most draws with a tolerance
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Hsic<Other> with_baseline(Other other) const {
    return {std::move(other), groups, bandwidth, samples, tolerance, max_samples, run, seed};
  }

  /// The same for the samples of the batch that `index` (int64) lists.
  [[nodiscard]] Hsic rows(const Tensor& index) const {
    Hsic other{*this};
    other.groups = perturb::rows_of(groups, index);
    return other;
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a, the same for each element of a feature; 0 where the score does not move; `score`, `standard_error`
  /// @throws Error  bad input, groups, baseline or options; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    const detail::Effort effort{samples, tolerance, max_samples,
                                [](std::int64_t draws, std::int64_t) { return draws; }};
    effort.check("Hsic");
    require(samples >= detail::fewest_draws, [&] {
      return text("Hsic: samples is ", samples, ", expected at least ", detail::fewest_draws,
                  ": dependence shows between draws");
    });
    require(bandwidth >= 0 && std::isfinite(bandwidth), [&] {
      return text("Hsic: bandwidth is ", bandwidth, ", expected more than 0, or 0 for the median distance");
    });
    return engine::answer(target, [&](const Targets& targets) {
      auto game = perturb::game_of(engine::bind(model, x), parts_of(x), targets, baseline, groups, run);
      return detail::play<X>(game, effort, [&](const perturb::Subgame& sub) {
        return detail::Dependence(game, sub, bandwidth, seed);
      });
    });
  }
};

}  // namespace lumen
