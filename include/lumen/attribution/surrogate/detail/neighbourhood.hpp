// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/surrogate/similarity.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen::detail {

/// What lies between x and x', player by player: enough to tell the distances of x to all coalitions.
class Distances {
 public:
  template <class G>
  explicit Distances(const G& game) {
    const Tensor all = at::arange(game.samples(), at::kLong);
    std::size_t next = 0;
    for (std::size_t p = 0; p < game.x().size(); ++p) {
      if (!engine::explained(game.x()[p])) continue;
      const Tensor x = game.x()[p].to(at::kDouble), other = game.absent()[p].to(at::kDouble);
      const auto add = [&](Tensor& to, const Tensor& values) {
        const Tensor own = perturb::totals(game.regions(), next, values, all).to(at::kCPU);
        to = to.defined() ? to + own : own;
      };
      add(inner_, x * (other - x));
      add(square_, other.square() - x.square());
      add(apart_, (other - x).square());
      const Tensor whole = x.square().reshape({x.size(0), -1}).sum(1).to(at::kCPU);
      whole_ = whole_.defined() ? whole_ + whole : whole;
      ++next;
    }
  }

  /// Those of sample s, whose features are `players`. @param present  float64 [K, m]
  [[nodiscard]] surrogate::Neighbours neighbours(std::int64_t s, const Tensor& players,
                                                 const Tensor& present) const {
    const Tensor gone = 1 - present;
    const auto over = [&](const Tensor& each) { return at::mv(gone, each[s].index_select(0, players)); };
    const Tensor norm = (whole_[s] * (whole_[s] + over(square_)).clamp_min(0)).sqrt();
    const Tensor cosine = (whole_[s] + over(inner_)) / norm.clamp_min(1e-300);
    return {present, cosine.clamp(-1, 1), over(apart_).clamp_min(0).sqrt()};
  }

 private:
  Tensor inner_, square_, apart_;  // [N, players]: of x x', x'^2 less x^2, and (x - x')^2
  Tensor whole_;                   // [N]: x^2 of all elements
};

/// LIME of one subgame: draws, their scores, and the fits to them.
template <class G, class Method>
class Neighbourhood {
 public:
  Neighbourhood(G& game, perturb::Subgame sub, const Distances& distances, const Method& method)
      : game_(&game),
        sub_(std::move(sub)),
        distances_(&distances),
        method_(&method),
        pieces_(game.scores().size()) {}

  void add(std::int64_t first, std::int64_t count) {
    const std::int64_t m = sub_.players.size(0);
    const Tensor table = method_->sampler(m, method_->seed, first, count);
    require(
        table.defined() && table.sizes() == at::IntArrayRef({count, m}) && table.scalar_type() == at::kBool,
        [&] {
          return text("Lime: the sampler gave ", table.defined() ? text(table.sizes()) : "nothing",
                      ", expected bool [", count, ", ", m, "]");
        });
    const std::vector<Tensor> scores = game_->until_stopped(sub_, table);
    tables_.push_back(table.narrow(0, 0, scores.front().size(0)));
    for (std::size_t t = 0; t < scores.size(); ++t) pieces_[t].push_back(scores[t]);
  }

  [[nodiscard]] bool ready() const { return tables_.front().size(0) > 0; }

  [[nodiscard]] Estimate estimate() const {
    const Tensor z = at::cat(tables_).to(at::kCPU, at::kDouble);
    const std::int64_t n = sub_.samples.size(0), m = z.size(1), draws = z.size(0);
    const std::int64_t blocks = draws >= 2 * groups ? groups : 0;
    // draws that follow each other, pairs for instance, go together
    const Tensor group =
        at::arange(draws, at::kLong).div(2, "floor").remainder(std::max<std::int64_t>(blocks, 1));
    std::vector<Tensor> weights, kept;
    for (std::int64_t j = 0; j < blocks; ++j) kept.push_back(group.ne(j).nonzero().reshape({-1}));
    for (std::int64_t s = 0; s < n; ++s) weights.push_back(weights_of(s, z));
    Estimate result;
    for (const Tensors& piece : pieces_) {
      const Tensor scores = at::cat(piece);
      const Tensor value = at::empty({n, m}, at::kDouble), error = at::empty({n, m}, at::kDouble);
      for (std::int64_t s = 0; s < n; ++s) {
        const Tensor y = scores.select(1, s).contiguous(), &w = weights[static_cast<std::size_t>(s)];
        value[s].copy_(method_->regression(z, y, w));
        if (blocks == 0) continue;
        Tensors without;
        for (const Tensor& rows : kept)
          without.push_back(
              method_->regression(z.index_select(0, rows), y.index_select(0, rows), w.index_select(0, rows)));
        const Tensor all = at::stack(without);
        const double scale = static_cast<double>(blocks - 1) / static_cast<double>(blocks);
        error[s].copy_(((all - all.mean(0, true)).square().sum(0) * scale).sqrt());
      }
      result.value.push_back(value);
      if (blocks > 0) result.error.push_back(error);
    }
    return result;
  }

 private:
  static constexpr std::int64_t groups = 20;  // of the jackknife

  [[nodiscard]] Tensor weights_of(std::int64_t s, const Tensor& z) const {
    const Tensor weights = method_->similarity(
        distances_->neighbours(sub_.samples[s].template item<std::int64_t>(), sub_.players, z));
    require(weights.defined() && weights.dim() == 1 && weights.size(0) == z.size(0), [&] {
      return text("Lime: the similarity gave ", weights.defined() ? text(weights.sizes()) : "nothing",
                  ", expected one weight a neighbour, [", z.size(0), "]");
    });
    require(engine::all_finite(weights) && weights.ge(0).all().template item<bool>() &&
                weights.gt(0).any().template item<bool>(),
            "Lime: the similarity's weights must be finite, at least 0, and some above 0; a wider kernel?");
    return weights.to(at::kCPU, at::kDouble);
  }

  G* game_;
  perturb::Subgame sub_;
  const Distances* distances_;
  const Method* method_;
  Tensors tables_;
  std::vector<Tensors> pieces_;
};

}  // namespace lumen::detail
