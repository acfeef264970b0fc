// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/trace/program.hpp>
#include <lumen/trace/suffix.hpp>

/// What CAMs take from a model at layers.
namespace lumen::detail {

/// @throws Error unless the layer's value has channels and one row for each of `n` samples
inline void check_layer(const trace::Layer& layer, const Tensor& value, std::int64_t n) {
  require(value.dim() >= 2 && value.size(0) == n && at::isFloatingType(value.scalar_type()), [&] {
    return text(layer.what(), " is ", value.scalar_type(), ' ', value.sizes(), " for a batch of ", n,
                "; a CAM needs a layer of floating point [N, C, ...]");
  });
}

/// The layers' values, and each target's scores and gradients there: one forward pass and, a target, one backward
/// pass that ends at the first layer. Layers' numbers count from the start.
inline trace::LayerDerivatives derivatives_at(const engine::Function& model,
                                              const std::vector<trace::Layer>& layers, const Tensors& x,
                                              const Targets& targets, const Run& run) {
  engine::check_input(x);
  const std::int64_t n = x.front().size(0);
  std::vector<trace::LayerDerivatives> chunks;
  sweep(n, engine::granule(targets, n), run, "layer gradient", [&](std::int64_t first, std::int64_t count) {
    if (count == n) {
      chunks.push_back(trace::differentiate_at(model, layers, x, targets, true));
      return;
    }
    const Tensor samples = engine::samples_of(first, count, n);
    chunks.push_back(trace::differentiate_at(first == 0 ? engine::checked(model, targets, n) : model, layers,
                                             engine::select_rows(x, samples),
                                             engine::target_rows(targets, samples, n), true));
  });
  trace::LayerDerivatives all = std::move(chunks.front());
  const auto join = [&](const auto& of) {
    if (chunks.size() == 1) return;
    Tensors pieces{of(all)};
    for (std::size_t i = 1; i < chunks.size(); ++i) pieces.push_back(of(chunks[i]));
    of(all) = at::cat(pieces);
  };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    join([&](trace::LayerDerivatives& d) -> Tensor& { return d.values[l]; });
    check_layer(layers[l], all.values[l], n);
  }
  for (std::size_t t = 0; t < targets.size(); ++t) {
    join([&](trace::LayerDerivatives& d) -> Tensor& { return d.scores[t]; });
    engine::check_scores(all.scores[t]);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      join([&](trace::LayerDerivatives& d) -> Tensor& { return d.gradients[t][l]; });
    }
  }
  return all;
}

/// A pass as a program that runs from the layer on. It is compared with the model where it is used.
inline trace::Program recorded(const engine::Function& model, const trace::Layer& layer, const Tensors& x,
                               const Run& run) {
  return trace::Program::record(model, x, {.run = run, .verify = false, .layers = {layer}});
}

/// Whether it can tell what many versions of the layer's value make of one sample.
inline bool runs_suffix(const trace::Program& program) {
  return program.exact() && program.any_batch() && program.layers().front() >= 0;
}

/// A layer's value beside what a method starts from.
struct LayerStart : engine::Start {
  Tensor value;  ///< [N, C, ...]
  /// Of a batch of one: the pass. None if it does not run from the layer on.
  std::optional<trace::Program> program{};
};

/// One forward pass without gradients.
/// @param record  keep the pass of a batch of one: two more rows then run beside it
inline LayerStart start_at(const engine::Function& model, const trace::Layer& layer, const Tensors& x,
                           const Targets& targets, const Run& run, bool record = false) {
  Tensors values;
  std::optional<trace::Program> program;
  const engine::Function watched = [&](const Tensors& rows) {
    if (record && x.front().size(0) == 1) {
      const trace::Program all = recorded(model, layer, rows, run);
      if (runs_suffix(all)) {
        program = all.cut(all.layers());
        values.push_back(all.value(all.layers().front()));
        return all.value(all.output());
      }
    }
    trace::LayerListener listener({layer}, [&](std::size_t, const Tensor& value) {
      values.push_back(value.clone());  // what follows may work in place
      return Tensor();
    });
    const trace::Listening listening(listener);
    Tensor output = model(rows);
    listener.check();
    return output;
  };
  LayerStart result{engine::start(watched, x, targets, run), {}, std::move(program)};
  result.value = values.size() == 1 ? values.front() : at::cat(values);
  check_layer(layer, result.value, x.front().size(0));
  return result;
}

}  // namespace lumen::detail
