// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>
#include <vector>

#include <lumen/attribution/place/detail/tail.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Any method for an inner neuron: the same method on the head of the model, x -> the layer's value, where the
/// target chooses the neuron: target::Element for one unit, target::Slice for the sum of several, target::Pixel,
/// Region, or any functor of the layer's value.
///
///     AtNeuron{.method = Saliency{}, .layer = layer::of(net->conv3)}(net, x, target::Element{{7, 10, 12}})
///
/// To combine methods, put this one outside: AtNeuron{.method = Smooth{...}}. Completeness is that of the method, for
/// the neuron's value. Cost: that of the method; passes stop after the layer.
template <Method A>
struct AtNeuron {
  A method{};
  trace::Layer layer{};  ///< layer::nth, layer::of, layer::tap; layer::input of these

  [[nodiscard]] AtNeuron with_run(const Run& run) const { return {engine::with_run(method, run), layer}; }

  /// @param model   as the method wants it, up to the layer
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param neuron  the layer's value [N, ...] -> [N], or `Targets` for several
  /// @return the map in the shape of the input; `score` is the neuron's value
  /// @throws Error  bad input; a layer that never comes; what the method throws
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<engine::MapOf<A, const detail::Head, X>, T> operator()(M&& model, const X& x,
                                                                              const T& neuron) const {
    return engine::answer(neuron, [&](const Targets& neurons) {
      const engine::Function function = engine::bind(model, x, engine::Types::Any);
      const Tensors parts = parts_of(x);
      engine::check_input(parts, engine::Types::Any);
      const detail::Head head(function, trace::resolved({layer}, function, parts).front());
      return engine::ask(method, head, x, neurons);
    });
  }
};

}  // namespace lumen
