// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/attribution.hpp>
#include <lumen/core/box.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/perturb/each_region.hpp>
#include <lumen/perturb/regions.hpp>

namespace lumen::detail {

/// One row of a part, cut down to a box.
inline Tensor at_box(const Tensor& part, std::int64_t row, const Box& box) {
  Tensor view = part.narrow(0, part.size(0) == 1 ? 0 : row, 1);
  for (std::size_t d = 0; d < box.size(); ++d) {
    const auto dim = static_cast<std::int64_t>(d) + 1;
    if (view.size(dim) != box[d].size() && view.size(dim) != 1)
      view = view.narrow(dim, box[d].begin, box[d].size());
  }
  return view;
}

/// Calls `visit(view, part, inside)` for a region's places in each part of one sample: a view of its box in `parts`,
/// the part's number, and where in the box the region is; that is undefined where it is all of it.
template <perturb::Regions R, class Visit>
void visit_region(const Tensors& parts, const std::vector<std::size_t>& explained, const R& regions,
                  std::int64_t which, std::int64_t sample, const Visit& visit) {
  for (std::size_t e = 0; e < explained.size(); ++e) {
    const Box box = regions.box(e, which);
    if (empty(box)) continue;
    bool solid = false;  // where inputs are one number a sample, a box cannot tell that a region is elsewhere
    if constexpr (requires {
                    { regions.solid(e, which) } -> std::convertible_to<bool>;
                  })
      solid = !box.empty() && regions.solid(e, which);
    Tensor inside;
    if (!solid) {
      const Tensor all = regions.where(e, at::full({1}, which, at::kLong), at::full({1}, sample, at::kLong));
      inside = at_box(all, 0, box);
    }
    visit(at_box(parts[explained[e]], sample, box), explained[e], inside);
  }
}

/// What ablating regions tells.
struct Ablated {
  std::vector<Tensors> maps{};  ///< for each target and part
  Tensors known{};              ///< if it was stopped: of each part, where no region is missing
  double done = 1.0;
  Execution execution{};

  /// As a method's answer for one target. Where something is missing the map is 0.
  template <Input X>
  [[nodiscard]] Attribution<X> of(std::size_t target, const Tensor& score, std::int64_t passes) const {
    Attribution<X> result{.map = input_of<X>(maps[target]), .score = score, .forward_passes = passes};
    result.done = done;
    if (done < 1.0) result.known = input_of<X>(known);
    result.execution = execution;
    return result;
  }
};

/// For each target and part: the sum over `regions` of F(x) - F(x with the region replaced by x'), at the region's
/// elements. `regions` are of the parts that are explained.
template <perturb::Regions R>
Ablated ablate(const engine::Function& model, const perturb::Recorder& recorder, const Tensors& parts,
               const Tensors& absent, const engine::Start& start, const R& regions, const Run& run) {
  Ablated result;
  std::vector<std::size_t> explained;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (engine::explained(parts[i])) explained.push_back(i);
  }
  const std::int64_t granule = engine::granule(start.targets, parts.front().size(0));
  Tensors unlike;  // x with x' beside it: with a small region removed rows differ little
  for (std::size_t i = 0; i < parts.size(); ++i)
    unlike.push_back(at::cat({parts[i].narrow(0, 0, granule), absent[i].narrow(0, 0, granule)}));
  const engine::Function function = engine::independent(model, granule, std::move(unlike));
  result.maps.resize(start.targets.size());
  for (Tensors& map : result.maps) {
    for (const Tensor& part : parts) map.push_back(at::zeros(part.sizes(), part.options()));
  }
  const auto visit = [&](const perturb::Changes& changes) {
    std::vector<Tensor> values;
    for (const Tensor& each : changes.scores) values.push_back(each.cpu().to(at::kDouble).contiguous());
    const auto* which = changes.which.data_ptr<std::int64_t>();
    const auto* samples = changes.samples.data_ptr<std::int64_t>();
    for (std::int64_t k = 0; k < changes.which.size(0); ++k) {
      for (std::size_t t = 0; t < values.size(); ++t) {
        const double change = values[t].data_ptr<double>()[k];
        visit_region(result.maps[t], explained, regions, which[k], samples[k],
                     [&](const Tensor& view, std::size_t, const Tensor& inside) {
                       if (inside.defined()) {
                         Tensor{view}.add_(inside.to(view.scalar_type()), change);
                       } else {
                         Tensor{view}.add_(change);
                       }
                     });
      }
    }
  };
  const perturb::Visited visited =
      perturb::each_region(function, recorder, parts, absent, start, regions, run, "ablation", visit);
  result.done = visited.done;
  result.execution = visited.execution;
  if (result.done == 1.0) return result;
  for (const Tensor& part : parts)
    result.known.push_back(at::ones(part.sizes(), part.options().dtype(at::kBool)));
  const Tensor missing = visited.regions.logical_not().nonzero();
  for (std::int64_t m = 0; m < missing.size(0); ++m) {
    visit_region(result.known, explained, regions, missing[m][0].item<std::int64_t>(),
                 missing[m][1].item<std::int64_t>(),
                 [&](const Tensor& view, std::size_t, const Tensor& inside) {
                   if (inside.defined()) {
                     Tensor{view}.logical_and_(inside.logical_not());
                   } else {
                     Tensor{view}.fill_(false);
                   }
                 });
  }
  for (Tensors& map : result.maps) {
    for (const std::size_t i : explained) map[i].masked_fill_(result.known[i].logical_not(), 0);
  }
  return result;
}

}  // namespace lumen::detail
