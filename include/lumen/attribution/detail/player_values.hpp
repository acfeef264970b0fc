// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
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
  /// Coalitions that draws take among so many players, for the progress; null: not told of the whole.
  std::function<std::int64_t(std::int64_t draws, std::int64_t players)> passes{};

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

/// What is known of a subgame: nothing, or an estimate; of fewer draws than were asked where `run.stop` ended the game.
template <class G, class Begin>
std::optional<Estimate> estimate_of(G& game, const perturb::Subgame& sub, const Effort& effort,
                                    const Begin& begin) {
  try {
    auto state = begin(sub);
    for (std::int64_t draws = 0, next = effort.samples;;) {
      try {
        state.add(draws, next - draws);
      } catch (const Stopped&) {  // draws that are complete count
      }
      draws = next;
      if (game.stopped() && !state.ready()) return std::nullopt;
      Estimate estimate = state.estimate();
      if (game.stopped() || effort.tolerance == 0 || draws >= effort.max_samples ||
          is_close(estimate, effort.tolerance)) {
        return estimate;
      }
      next = std::min(effort.max_samples, draws + std::max<std::int64_t>(1, draws / 4));
      if (effort.passes) {
        const std::int64_t players = sub.players.size(0);
        game.expect(sub, effort.passes(next, players) - effort.passes(draws, players));
      }
    }
  } catch (const Error&) {
    if (!game.stopped()) throw;
    return std::nullopt;  // too few draws for an estimate
  }
}

/// Plays each subgame and answers. With a tolerance each sample is a game by itself, so that it takes as many draws as
/// it needs, whatever its company; rounds grow by a quarter. Where `run.stop` ends it, players of whom nothing is known
/// have 0.
/// @param begin  Subgame -> an object with `add(first, count)`, which takes these draws, `estimate()`, and `ready()`:
///               whether what a stopped game answered suffices for that
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
  std::vector<perturb::Subgame> subgames;
  for (const perturb::Subgame& sub : game.subgames()) {
    if (effort.tolerance > 0 && !game.whole_batches()) {
      for (const Tensor& sample : sub.samples.split(1)) subgames.push_back({sub.players, sample});
    } else {
      subgames.push_back(sub);
    }
  }
  for (const perturb::Subgame& sub : subgames) {
    if (effort.passes) game.expect(sub, effort.passes(effort.samples, sub.players.size(0)));
  }
  bool known_error = true, complete = true;
  const Tensor open = at::zeros({game.samples(), game.players()}, at::kDouble);  // where it is not final
  for (const perturb::Subgame& sub : subgames) {
    const auto put = [&](Tensor to, const Tensor& values) {
      to.index_copy_(0, sub.samples, to.index_select(0, sub.samples).index_copy(1, sub.players, values));
    };
    const std::optional<Estimate> estimate = estimate_of(game, sub, effort, begin);
    if (game.stopped()) put(open, at::ones({sub.samples.size(0), sub.players.size(0)}, at::kDouble));
    if (!estimate) continue;
    known_error = known_error && !estimate->error.empty();
    complete = complete && !estimate->origin.empty();
    for (std::size_t t = 0; t < targets; ++t) {
      put(all[t].value, estimate->value[t]);
      if (!estimate->error.empty()) put(all[t].error, estimate->error[t]);
      if (!estimate->origin.empty()) all[t].origin.index_copy_(0, sub.samples, estimate->origin[t]);
    }
  }
  if (!game.stopped()) game.finish();
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
    if (open.any().template item<bool>()) {
      result.done = std::min(game.share(), std::nextafter(1.0, 0.0));
      Tensors known = game.map(open);
      for (Tensor& part : known) part = part == 0;
      result.known = input_of<X>(known);
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace lumen::detail
