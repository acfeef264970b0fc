// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/independence.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/perturb/regions.hpp>

namespace lumen::detail {

/// For each target and part: the sum over `regions` of F(x) - F(x with the region replaced by x'), at the region's
/// elements. `regions` are of the parts that are explained.
template <perturb::Regions R>
std::vector<Tensors> ablate(const engine::Function& model, const Tensors& parts, const Tensors& absent,
                            const engine::Start& start, const R& regions, const Run& run) {
  const std::int64_t n = parts.front().size(0);
  std::vector<Tensors> maps(start.targets.size());
  for (Tensors& map : maps) {
    for (const Tensor& part : parts) map.push_back(at::zeros_like(part));
  }
  std::vector<std::size_t> explained;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (engine::explained(parts[i])) explained.push_back(i);
  }
  const engine::Function function =
      regions.count() > 1 && engine::granule(start.targets, n) == 1 ? engine::independent(model) : model;
  const auto chunk = [&](std::int64_t first, std::int64_t count) {
    const Tensor samples = engine::samples_of(first, count, n);
    const Tensor which = at::arange(first, first + count, at::kLong).div(n, "floor");
    Tensors rows = engine::select_rows(parts, samples), gone;
    const Tensors other = engine::select_rows(absent, samples);
    for (std::size_t e = 0; e < explained.size(); ++e) {
      const std::size_t i = explained[e];
      gone.push_back(regions.where(e, which, samples));
      rows[i] = at::where(gone[e], other[i], rows[i]);
    }
    const Tensor output = engine::run_model(function, rows);
    const Targets asked = engine::target_rows(start.targets, samples, n);
    for (std::size_t t = 0; t < asked.size(); ++t) {
      const Tensor& score = start.scores[t];
      const Tensor change = score.index_select(0, samples.to(score.device())) - asked[t](output);
      for (std::size_t e = 0; e < explained.size(); ++e) {
        const std::size_t i = explained[e];
        const Tensor share = engine::per_row(change, parts[i]).to(parts[i].device(), parts[i].scalar_type());
        engine::add_rows(maps[t][i], samples, at::where(gone[e], share, at::zeros_like(share)));
      }
    }
  };
  sweep(regions.count() * n, engine::granule(start.targets, n), run, "ablation", chunk);
  return maps;
}

}  // namespace lumen::detail
