// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/sweep.hpp>
#include <lumen/trace/layer.hpp>
#include <lumen/trace/suffix.hpp>

namespace lumen::detail {

/// The values of `layers`, whose numbers count from the start, for a batch: passes without a graph, which stop
/// after the last of them.
/// @throws Error if a layer never came, or its value is not floating point with one row for each row of `x`
inline Tensors layer_values(const engine::Function& model, const std::vector<trace::Layer>& layers,
                            const Tensors& x, const Run& run) {
  const at::NoGradGuard no_grad;
  const std::int64_t n = x.front().size(0);
  std::vector<Tensors> pieces(layers.size());
  Run silent{run};
  silent.progress = {};
  sweep(n, 1, silent, "", [&](std::int64_t first, std::int64_t count) {
    Tensors rows;
    for (const Tensor& part : x) rows.push_back(part.narrow(0, first, count).detach().clone());
    const Tensors values = trace::head(model, layers, rows);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Tensor& value = values[i];
      require(value.dim() >= 1 && value.size(0) == count && at::isFloatingType(value.scalar_type()), [&] {
        return text(layers[i].what(), " is ", value.scalar_type(), ' ', value.sizes(), " for a batch of ",
                    count, "; expected floating point with one row a sample: [", count, ", ...]");
      });
      pieces[i].push_back(value);
    }
  });
  Tensors values;
  for (const Tensors& each : pieces) values.push_back(each.size() == 1 ? each.front() : at::cat(each));
  return values;
}

}  // namespace lumen::detail
