// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/detail/layer_values.hpp>
#include <lumen/engine/function.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/trace/layer_listener.hpp>

namespace lumen {

/// What inner layers give: h(x). Cost: a forward pass up to the last of the layers, without a graph.
struct LayerActivation {
  std::vector<trace::Layer> layers{};
  Run run{};

  /// @param model  as for any method; it need not be differentiable
  /// @param x      [N, ...] of any type, or a tuple of such; unchanged
  /// @return the layers' values in order, one row a sample
  /// @throws Error if there is no layer, or one never came in the pass
  template <Input X, Model<X> M>
  [[nodiscard]] Tensors operator()(M&& model, const X& x) const {
    const c10::InferenceMode no_inference(false);
    const engine::Function function = engine::bind(model, x, engine::Types::Any);
    const Tensors parts = parts_of(x);
    engine::check_input(parts, engine::Types::Any);
    return detail::layer_values(function, trace::resolved(layers, function, parts), parts, run);
  }
};

}  // namespace lumen
