// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/execution.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/perturb/changes.hpp>
#include <lumen/perturb/detail/incremental_visit.hpp>
#include <lumen/perturb/recorded.hpp>
#include <lumen/perturb/regions.hpp>
#include <lumen/trace/intercept.hpp>

namespace lumen::perturb {

namespace detail {

/// Passes of the model itself over regions first ... first + count - 1 of the list `pairs`, [rows, 2]: region, sample.
template <Regions R>
Changes whole_passes(const engine::Function& function, const Tensors& parts, const Tensors& absent,
                     const engine::Start& start, const R& regions, const Tensor& which,
                     const Tensor& samples) {
  const std::int64_t n = parts.front().size(0);
  Changes changes{.which = which, .samples = samples};
  Tensors given = engine::select_rows(parts, samples);
  const Tensors other = engine::select_rows(absent, samples);
  std::size_t e = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (engine::explained(parts[i]))
      given[i] = at::where(regions.where(e++, which, samples), other[i], given[i]);
  }
  const Tensor output = engine::run_model(function, given);
  const Targets asked = engine::target_rows(start.targets, samples, n);
  for (std::size_t t = 0; t < asked.size(); ++t) {
    const Tensor& score = start.scores[t];
    changes.scores.push_back(score.index_select(0, samples.to(score.device())) - asked[t](output));
  }
  return changes;
}

}  // namespace detail

/// Replaces the regions one at a time, in each sample of a batch, and tells what that does to the scores:
/// `visit(const Changes&)`, each region of each sample once, in any order.
/// @param parts, absent  x and x', [N, ...] each
/// @param regions        of the parts that are explained
/// @param recorder       how the model is recorded, for incremental passes
/// @return which were visited: all of them, unless `run.stop` ended it
template <Regions R, class Visit>
Visited each_region(const engine::Function& function, const Recorder& recorder, const Tensors& parts,
                    const Tensors& absent, const engine::Start& start, const R& regions, const Run& run,
                    std::string_view what, const Visit& visit) {
  constexpr std::int64_t worth_recording = 24;  // regions: recording takes five passes
  const std::int64_t n = parts.front().size(0), rows = regions.count() * n;
  Visited result{.regions = at::zeros({regions.count(), n}, at::kBool)};
  detail::Tally tally{.result = result, .run = run, .what = what, .total = rows};
  const auto told = [&](const Changes& changes) {
    visit(changes);
    tally.add(changes);
  };
  std::string why = "the model's own passes were asked for";
  if (run.passes != Passes::Whole) {
    const bool few = run.passes == Passes::Cheapest && rows < worth_recording;
    if (few) {
      why = "too few regions to record the model for";
    } else if (trace::is_heard()) {
      why = "somebody listens to the model's operators";
    } else {
      why = detail::visit_incrementally(function, recorder, parts, absent, start, regions, run, tally, told);
    }
  }
  if (!tally.stopped && tally.done < rows) {
    // what is left, sample by sample within each region
    const Tensor left = result.regions.logical_not().nonzero();
    const std::int64_t before = tally.done;
    const auto chunk = [&](std::int64_t first, std::int64_t count) {
      const Tensor some = left.narrow(0, first, count);
      told(detail::whole_passes(function, parts, absent, start, regions, some.select(1, 0).contiguous(),
                                some.select(1, 1).contiguous()));
    };
    Run inner = run;
    if (run.progress) {
      inner.progress = [&](std::string_view name, std::int64_t, std::int64_t) {
        run.progress(name, tally.done, rows);
      };
    }
    const std::int64_t more = rows - before;
    (void)sweep_until_stopped(more, before == 0 ? engine::granule(start.targets, n) : 1, inner, what, chunk);
    result.execution.full_passes += static_cast<double>(tally.done - before);
  }
  if (!why.empty()) result.execution.why = why;
  result.done = rows == 0 ? 1.0 : static_cast<double>(tally.done) / static_cast<double>(rows);
  return result;
}

}  // namespace lumen::perturb
