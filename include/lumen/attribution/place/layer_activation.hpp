// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/trace/suffix.hpp>

namespace lumen {

namespace detail {

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

}  // namespace detail

/// What inner layers give: h(x). Cost: a forward pass up to the last of the layers, without a graph.
struct LayerActivation {
  std::vector<trace::Layer> layers{};
  Run run{};

  /// @param model  as for any method; it need not be differentiable
  /// @param x      floating point, [N, ...], or a tuple of such; unchanged
  /// @return the layers' values in order, one row a sample
  /// @throws Error if there is no layer, or one never came in the pass
  template <Input X, Model<X> M>
  [[nodiscard]] Tensors operator()(M&& model, const X& x) const {
    const c10::InferenceMode no_inference(false);
    const engine::Function function = engine::bind<X>(model);
    const Tensors parts = parts_of(x);
    engine::check_input(parts);
    return detail::layer_values(function, trace::resolved(layers, function, parts), parts, run);
  }
};

}  // namespace lumen
