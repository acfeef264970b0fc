// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/engine/input.hpp>

/// Scores of many versions of a layer's value: what ablating and masking a layer needs.
namespace lumen::detail {

/// Versions first ... first + count - 1 of a layer's value [1, C, ...] of one sample: [count, C, ...].
using Versions = std::function<Tensor(const Tensor& value, std::int64_t first, std::int64_t count)>;

/// The versions' scores for one sample, for each target [count], by the steps behind the layer; nothing if what the
/// program makes of the unchanged value, which every chunk holds too, is not the sample's score.
inline std::vector<Tensor> suffix_scores(const trace::Program& program, const Layout& layout,
                                         const LayerStart& start, std::int64_t sample, std::int64_t count,
                                         const Versions& versions, const Run& run) {
  const trace::ValueId layer = program.layers().front();
  const Tensor native = start.native.narrow(0, sample, 1), value = start.value.narrow(0, sample, 1);
  std::vector<Tensors> pieces(start.targets.size());
  Run silent{run};
  silent.progress = {};
  bool same = true;
  sweep(count, 1, silent, "", [&](std::int64_t first, std::int64_t more) {
    if (!same) return;
    const Tensor rows = at::cat({native, native_versions(layout, native, versions(value, first, more))});
    const Tensor output = program.run({{layer, rows}});
    const Targets targets =
        engine::target_rows(start.targets, at::full({more + 1}, sample, at::kLong), start.value.size(0));
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const Tensor scores = targets[t](output);
      same = same && at::allclose(scores[0], start.scores[t][sample], 1e-3, 1e-4);
      pieces[t].push_back(scores.narrow(0, 1, more));
    }
  });
  std::vector<Tensor> scores;
  if (!same) return scores;
  for (const Tensors& piece : pieces) scores.push_back(at::cat(piece));
  return scores;
}

/// For each target, the scores [N, count] of `count` versions of the layer's value of every sample. Runs the rest of
/// the model only where that is possible, whole passes else.
/// @param share_prefix  false: whole passes
inline std::vector<Tensor> scores_of_versions(const engine::Function& model, const trace::Layer& layer,
                                              const Layout& layout, const Tensors& x, const LayerStart& start,
                                              std::int64_t count, const Versions& versions, const Run& run,
                                              std::string_view what, bool share_prefix = true) {
  require(run.memory > 0, [&] {
    return text("the memory budget is ", run.memory, " bytes; give run.memory a positive number of bytes");
  });
  const std::int64_t n = x.front().size(0), whole = engine::granule(start.targets, n);
  std::vector<Tensors> pieces(start.targets.size());
  if (share_prefix && whole == 1) {
    const trace::Program program =
        start.program ? *start.program : recorded(model, layer, x, Run{.memory = 1});
    for (std::int64_t sample = 0; runs_suffix(program) && sample < n; ++sample) {
      Tensors row;
      for (const Tensor& part : x) row.push_back(part.narrow(0, sample, 1));
      const trace::Program own = start.program ? program : program.on(row, program.layers());
      const std::vector<Tensor> scores = suffix_scores(own, layout, start, sample, count, versions, run);
      if (scores.empty()) break;
      for (std::size_t t = 0; t < scores.size(); ++t) pieces[t].push_back(scores[t]);
      engine::tell(run, what, (sample + 1) * count, n * count);
    }
    if (static_cast<std::int64_t>(pieces.front().size()) == n) {
      std::vector<Tensor> scores;
      for (const Tensors& piece : pieces) scores.push_back(at::stack(piece));
      return scores;
    }
  }
  for (Tensors& piece : pieces) piece.clear();
  sweep(count * n, whole, run, what, [&](std::int64_t first, std::int64_t rows) {
    const Tensor samples = engine::samples_of(first, rows, n);
    Tensors values;
    for (std::int64_t row = first; row < first + rows; ++row) {
      values.push_back(native_versions(layout, start.native.narrow(0, row % n, 1),
                                       versions(start.value.narrow(0, row % n, 1), row / n, 1)));
    }
    Tensors parts{at::cat(values)};
    for (Tensor& part : engine::select_rows(x, samples)) parts.push_back(std::move(part));
    const Tensor output = trace::tail(model, {layer}, parts);
    const Targets targets = engine::target_rows(start.targets, samples, n);
    for (std::size_t t = 0; t < targets.size(); ++t) pieces[t].push_back(targets[t](output));
  });
  std::vector<Tensor> scores;
  for (const Tensors& piece : pieces) scores.push_back(at::cat(piece).reshape({count, n}).t().contiguous());
  return scores;
}

}  // namespace lumen::detail
