// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/keyed_stream.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/engine/output.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/perturb/features.hpp>

namespace lumen {

/// Permutation of features: Breiman, "Random forests", Machine Learning 2001, section 10, asked of each sample: what the
/// score loses when a feature is taken from another sample of the batch.
///
///     a_g = mean over draws of F(x) - F(x with the elements of group g those of another sample)
///
/// Each draw of a group sends all samples round in one cycle (Sattolo's algorithm), so that none keeps its own. The answer
/// is about the whole batch: it depends on which samples are in it, as no other method's does. The cycles depend on (seed,
/// group, draw) alone. The model need not be differentiable.
/// Cost: `samples` forward passes for each group, batched, and one more.
struct FeaturePermutation {
  static constexpr bool whole_batch = true;  // AtLayer gives it all samples at once

  /// What is taken away together: masks, or functions of the input (perturb::Grid, Slic, Prediction, ...). None: each
  /// element by itself.
  perturb::Features groups{};
  std::int64_t samples = 1;  ///< draws for each group, at least 1
  Run run{};
  std::uint64_t seed = 0;

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], N at least 2, or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `standard_error` over draws (from two on)
  /// @throws Error  bad input or groups; a batch of one; a score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    require(samples >= 1,
            [&] { return text("FeaturePermutation: samples is ", samples, ", expected at least 1"); });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) part = part.detach();
      const engine::Start start = engine::start(function, parts, targets, run);
      require(parts.front().size(0) >= 2,
              "FeaturePermutation takes features from other samples of the batch, which has one alone; "
              "give it several, or use FeatureAblation");
      const perturb::FeatureRegions all = groups.regions(
          engine::explained_of(parts), [&] { return engine::output_of(function, parts, run); });
      const std::int64_t granule = engine::granule(start.targets, parts.front().size(0));
      const auto moments = permuted(engine::independent(function, granule), parts, start, all);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        Tensors map, error;
        std::size_t next = 0;
        const Tensor index = at::arange(parts.front().size(0), at::kLong);
        for (const Tensor& part : parts) {
          map.push_back(at::zeros_like(part));
          error.push_back(at::zeros_like(part));
          if (!engine::explained(part)) continue;
          const auto put = [&](Tensor& to, const Tensor& values) {  // values [1, N, groups]
            to.copy_(all.summed(next, values[0].to(part.device()), index));
          };
          put(map.back(), moments[t].wide_mean());
          if (samples > 1) put(error.back(), moments[t].standard_error());
          ++next;
        }
        Attribution<X> result{.map = input_of<X>(map), .score = start.scores[t]};
        if (samples > 1) result.standard_error = input_of<X>(error);
        result.forward_passes = all.count() * samples + all.passes() + 1;
        results.push_back(std::move(result));
      }
      return results;
    });
  }

 private:
  /// Where each sample's feature comes from: a random cycle through all samples.
  [[nodiscard]] std::vector<std::int64_t> cycle(std::int64_t group, std::int64_t draw, std::int64_t n) const {
    lumen::detail::KeyedStream stream(mix(seed, static_cast<std::uint64_t>(group)), draw);
    std::vector<std::int64_t> from = stream.shuffled(n, 0);
    for (std::int64_t i = n - 1; i > 0; --i)
      std::swap(from[static_cast<std::size_t>(i)], from[static_cast<std::size_t>(stream.below(i))]);
    return from;
  }

  /// For each target, over draws, what each group's permutation takes from each sample's score: [N, groups].
  [[nodiscard]] std::vector<engine::Moments> permuted(const engine::Function& function, const Tensors& parts,
                                                      const engine::Start& start,
                                                      const perturb::FeatureRegions& all) const {
    const std::int64_t n = parts.front().size(0), count = all.count();
    std::vector<engine::Moments> moments(start.targets.size(), engine::Moments(1));
    for (std::int64_t draw = 0; draw < samples; ++draw) {
      std::vector<std::int64_t> source;
      for (std::int64_t group = 0; group < count; ++group) {
        const auto from = cycle(group, draw, n);
        source.insert(source.end(), from.begin(), from.end());
      }
      const Tensor sources = at::tensor(source, at::kLong);
      std::vector<Tensors> pieces(start.targets.size());
      const auto chunk = [&](std::int64_t first, std::int64_t rows) {
        const Tensor index = engine::samples_of(first, rows, n);
        const Tensor which = at::arange(first, first + rows, at::kLong).div(n, "floor");
        Tensors given = engine::select_rows(parts, index);
        const Tensors others = engine::select_rows(parts, sources.narrow(0, first, rows));
        std::size_t next = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) {
          if (engine::explained(parts[p]))
            given[p] = at::where(all.where(next++, which, index), others[p], given[p]);
        }
        const Tensor output = engine::run_model(function, given);
        const Targets asked = engine::target_rows(start.targets, index, n);
        for (std::size_t t = 0; t < asked.size(); ++t) {
          const Tensor scores = asked[t](output);
          engine::check_scores(scores);
          pieces[t].push_back(scores.to(at::kCPU, at::kDouble));
        }
      };
      sweep(count * n, engine::granule(start.targets, n), run, "permutation", chunk);
      for (std::size_t t = 0; t < pieces.size(); ++t) {
        const Tensor before = start.scores[t].detach().to(at::kCPU, at::kDouble);
        moments[t].add(draw, {}, (before - at::cat(pieces[t]).reshape({count, n})).t().unsqueeze(0));
      }
    }
    return moments;
  }
};

}  // namespace lumen
