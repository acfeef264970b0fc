// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/attribution.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/perturb/game.hpp>

namespace lumen::detail {

/// What is known of the players of a subgame, for each target, in float64.
struct Estimate {
  std::vector<Tensor> value;   ///< [samples, players]
  std::vector<Tensor> error;   ///< standard errors of these; empty: not known
  std::vector<Tensor> origin;  ///< F(x'), [samples]; empty: the method promises no sum
};

/// How many draws a sampled method takes: `samples`, or with a tolerance so many that no standard error is above it.
struct Effort {
  std::int64_t samples = 1;
  double tolerance = 0.0;
  std::int64_t max_samples = 1;

  /// @throws Error if it makes no sense
  void check(std::string_view method) const {
    engine::check_count(method, "samples", samples);
    engine::check_count(method, "max_samples", max_samples);
    require(tolerance >= 0 && (tolerance == 0 || (max_samples >= samples && samples >= 2)), [&] {
      return text(method, ": tolerance is ", tolerance, ", samples ", samples, " and max_samples ",
                  max_samples, "; expected a tolerance >= 0, and with one 2 <= samples <= max_samples");
    });
  }
};

/// Whether no standard error is above the tolerance.
inline bool is_close(const Estimate& estimate, double tolerance) {
  return !estimate.error.empty() &&
         std::all_of(estimate.error.begin(), estimate.error.end(), [&](const Tensor& error) {
           return error.le(tolerance).all().item<bool>();  // not where one is NaN
         });
}

/// Plays each subgame and answers. With a tolerance each sample is a game by itself, so that it takes as many draws as
/// it needs, whatever its company; rounds grow by a quarter.
/// @param begin  Subgame -> an object with `add(first, count)`, which takes these draws, and `estimate()`
template <Input X, class G, class Begin>
std::vector<Attribution<X>> play(G& game, const Effort& effort, const Begin& begin) {
  const std::size_t targets = game.scores().size();
  struct Sums {
    Tensor value, error, origin;
  };
  std::vector<Sums> all(targets);
  for (std::size_t t = 0; t < targets; ++t) {
    const Tensor score = game.scores()[t].detach().to(at::kCPU, at::kDouble);
    all[t] = {at::zeros({game.samples(), game.players()}, at::kDouble),
              at::zeros({game.samples(), game.players()}, at::kDouble), score.clone()};
  }
  bool known_error = true, complete = true;
  const auto run = [&](const perturb::Subgame& sub) {
    auto state = begin(sub);
    Estimate estimate;
    for (std::int64_t draws = 0, next = effort.samples;;) {
      state.add(draws, next - draws);
      draws = next;
      estimate = state.estimate();
      if (effort.tolerance == 0 || draws >= effort.max_samples || is_close(estimate, effort.tolerance)) break;
      next = std::min(effort.max_samples, draws + std::max<std::int64_t>(1, draws / 4));
    }
    known_error = known_error && !estimate.error.empty();
    complete = complete && !estimate.origin.empty();
    for (std::size_t t = 0; t < targets; ++t) {
      const auto put = [&](Tensor& to, const Tensor& values) {
        to.index_copy_(0, sub.samples, to.index_select(0, sub.samples).index_copy(1, sub.players, values));
      };
      put(all[t].value, estimate.value[t]);
      if (!estimate.error.empty()) put(all[t].error, estimate.error[t]);
      if (!estimate.origin.empty()) all[t].origin.index_copy_(0, sub.samples, estimate.origin[t]);
    }
  };
  for (const perturb::Subgame& sub : game.subgames()) {
    if (effort.tolerance > 0 && !game.whole_batches()) {
      for (const Tensor& sample : sub.samples.split(1)) run({sub.players, sample});
    } else {
      run(sub);
    }
  }
  std::vector<Attribution<X>> results;
  for (std::size_t t = 0; t < targets; ++t) {
    const Tensor& score = game.scores()[t];
    Attribution<X> result{.map = input_of<X>(game.map(all[t].value)), .score = score};
    if (complete) {
      const Tensor difference = score.detach().to(at::kCPU, at::kDouble) - all[t].origin;
      result.completeness_error = (all[t].value.sum(1) - difference).to(score.device(), score.scalar_type());
    }
    if (known_error) result.standard_error = input_of<X>(game.map(all[t].error));
    result.forward_passes = game.forward_passes();
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace lumen::detail
