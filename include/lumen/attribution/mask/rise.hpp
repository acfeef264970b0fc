// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/player_values.hpp>
#include <lumen/attribution/mask/detail/rise_masks.hpp>
#include <lumen/attribution/mask/detail/rise_sums.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>

namespace lumen {

/// RISE: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018,
/// arXiv:1806.07421, equation 6 and section 3.2.
///
///     a_i = E[F(M x + (1 - M) x') M_i] / p = E[F | element i is kept],  p = E[M_i]
///
/// M: a coarse random grid of ones and zeros, upsampled linearly and shifted at random. What is averaged is
/// (F - c) M_i / p + c with c the mean of F(x) and F(x'), which has the same mean and a smaller spread than the paper's
/// F M_i / p. Pairs of opposite masks would not lower it further. All samples see the same masks.
/// Cost: one forward pass a draw and two more, none backward; the model need not be differentiable.
template <Baseline B = baseline::Zero>
struct Rise {
  B baseline{};  ///< x', what is seen where the mask is 0; a random one is drawn once for each sample
  std::int64_t samples = 4000;  ///< masks (of the first round with a tolerance), at least 1
  /// > 0: draws until no standard error of the map, in units of the score, is above it.
  double tolerance = 0.0;
  std::int64_t max_samples = 32000;  ///< the most masks with a tolerance
  std::int64_t grid =
      7;  ///< cells of the mask along each axis behind the channels; [N, F]: each feature is one
  double probability = 0.5;  ///< p, that a cell is kept, in (0, 1)
  Run run{};
  std::uint64_t seed = 0;

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Rise<Other> with_baseline(Other other) const {
    return {std::move(other), samples, tolerance, max_samples, grid, probability, run, seed};
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, F], [N, C, L], [N, C, H, W] or [N, C, D, H, W], or a tuple of such, each of
  ///                which has masks of its own; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, the same for all channels; `standard_error` (from two draws on), `score`
  /// @throws Error  bad input, baseline or options; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    const detail::Effort effort{samples, tolerance, max_samples};
    effort.check("Rise");
    require(grid >= 1, [&] { return text("Rise: grid is ", grid, ", expected at least 1 cell"); });
    require(probability > 0 && probability < 1, [&] {
      return text("Rise: probability is ", probability,
                  ", expected more than 0 (all is removed) and less than 1 (nothing is)");
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) part = part.defined() ? part.detach() : part;
      const engine::Start start = engine::start(function, parts, targets, run);
      const std::int64_t n = parts.front().size(0);
      const Tensors absent = detail::baselines(baseline, parts, detail::first_draws(run, n));
      std::vector<detail::RiseMasks> masks;
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (engine::explained(parts[i])) masks.emplace_back(parts[i], grid, probability, mix(seed, i));
      }
      const engine::Function asked = engine::independent(function, engine::granule(start.targets, n));
      // with a tolerance each sample takes as many masks as it needs, whatever its company
      const bool apart = tolerance > 0 && engine::granule(start.targets, n) == 1;
      std::vector<detail::RiseSums> sums;
      std::vector<char> finished;
      for (std::int64_t i = 0; i < (apart ? n : 1); ++i) {
        const Tensor index = apart ? at::full({1}, i, at::kLong) : at::arange(n, at::kLong);
        std::vector<Tensor> before;
        for (const Tensor& score : start.scores)
          before.push_back(score.index_select(0, index.to(score.device())));
        sums.emplace_back(asked, engine::select_rows(parts, index), engine::select_rows(absent, index),
                          apart ? engine::target_rows(start.targets, index, n) : start.targets, before, masks,
                          probability, run);
        const bool ended = !finished.empty() && finished.back() == 0;
        for (std::int64_t next = samples; !ended;) {
          sums.back().draw(next);
          if (sums.back().stopped() || tolerance == 0 || next >= max_samples ||
              sums.back().worst() <= tolerance)
            break;
          next = std::min(max_samples, next + std::max<std::int64_t>(1, next / 4));
        }
        finished.push_back(ended || sums.back().stopped() ? 0 : 1);
      }
      double taken = 0, asked_for = 0;
      std::int64_t fewest = sums.front().draws();
      for (const detail::RiseSums& each : sums) {
        taken += static_cast<double>(each.draws());
        asked_for += static_cast<double>(std::max(samples, each.draws()));
        fewest = std::min(fewest, each.draws());
      }
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        Tensors map, error;
        std::int64_t passes = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) {
          Tensors means, errors;
          for (const detail::RiseSums& each : sums) {
            means.push_back(each.mean(t, p));
            errors.push_back(each.standard_error(t, p));
            passes = std::max(passes, each.draws() + 2);
          }
          map.push_back(at::cat(means).expand_as(parts[p]).contiguous());
          error.push_back(at::cat(errors).expand_as(parts[p]).contiguous());
        }
        results.push_back({.map = input_of<X>(map), .score = start.scores[t], .forward_passes = passes});
        if (fewest > 1) results.back().standard_error = input_of<X>(error);
        if (finished.back() == 0) {
          results.back().done = std::min(taken / asked_for, std::nextafter(1.0, 0.0));
          results.back().known = input_of<X>(known_of(parts, finished));
        }
      }
      return results;
    });
  }

 private:
  /// Of a stopped run, where the map is final: in the samples, one after the other or all together, that are finished.
  static Tensors known_of(const Tensors& parts, const std::vector<char>& finished) {
    Tensors known;
    for (const Tensor& part : parts) {
      known.push_back(at::ones(part.sizes(), part.options().dtype(at::kBool)));
      if (!engine::explained(part)) continue;
      for (std::size_t i = 0; i < finished.size(); ++i) {
        if (finished[i] != 0) continue;
        Tensor own = finished.size() == 1 ? known.back() : known.back()[static_cast<std::int64_t>(i)];
        own.fill_(false);
      }
    }
    return known;
  }
};

}  // namespace lumen
