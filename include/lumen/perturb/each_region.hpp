// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
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
  const std::int64_t pass_bytes =  // what `start` saw, without its margin
      start.row_bytes / (8 + 2 * static_cast<std::int64_t>(start.targets.size()));
  std::string why = "the model's own passes were asked for";
  if (run.passes != Passes::Whole) {
    const bool few = run.passes == Passes::Cheapest && rows < worth_recording;
    if (few) {
      why = "too few regions to record the model for";
    } else if (pass_bytes > run.memory) {
      why = text("recording passes that allocate ", pass_bytes, " bytes a row is not within the budget of ",
                 run.memory);
    } else if (trace::is_heard()) {
      why = "somebody listens to the model's operators";
    } else {
      why = detail::visit_incrementally(function, recorder, parts, absent, start, regions, run, tally, told);
    }
  }
  if (!tally.stopped && tally.done < rows) {
    // region by region; all samples of one where a target is asked of whole batches only, though some be known
    const std::int64_t granule = engine::granule(start.targets, n);
    const Tensor missing = result.regions.logical_not();
    const Tensor left = (granule > 1 ? missing.any(1, true).expand({regions.count(), n}) : missing).nonzero();
    const auto chunk = [&](std::int64_t first, std::int64_t count) {
      const Tensor some = left.narrow(0, first, count);
      Changes changes = detail::whole_passes(function, parts, absent, start, regions,
                                             some.select(1, 0).contiguous(), some.select(1, 1).contiguous());
      const Tensor fresh =
          result.regions.index({changes.which, changes.samples}).logical_not().nonzero().view({-1});
      if (fresh.size(0) < count) {
        changes.which = changes.which.index_select(0, fresh);
        changes.samples = changes.samples.index_select(0, fresh);
        for (Tensor& each : changes.scores) each = each.index_select(0, fresh.to(each.device()));
      }
      result.execution.full_passes += static_cast<double>(count);
      told(changes);
    };
    Run inner = run;
    if (run.progress) {
      inner.progress = [&](std::string_view name, std::int64_t, std::int64_t) {
        run.progress(name, tally.done, rows);
      };
    }
    (void)sweep_until_stopped(left.size(0), granule, inner, what, chunk);
  }
  if (!why.empty()) result.execution.why = why;
  result.done = rows == 0 ? 1.0 : static_cast<double>(tally.done) / static_cast<double>(rows);
  return result;
}

}  // namespace lumen::perturb
