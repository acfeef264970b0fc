// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>
#include <utility>
#include <vector>

#include <lumen/engine/gradient.hpp>
#include <lumen/trace/layer_listener.hpp>

/// A model cut at layers, as functions of parts. Layers' numbers count from the start (`resolved`).
namespace lumen::trace {

using lumen::engine::Function;

/// x -> the values of the layers, differentiable where grad mode says so. The pass stops after the last of them.
inline Tensors head(const engine::Function& model, const std::vector<Layer>& layers, const Tensors& x) {
  struct Stop {};
  const bool record = at::GradMode::is_enabled();
  Tensors values(layers.size());
  std::size_t found = 0;
  bool stopped = false;
  LayerListener listener(layers, [&](std::size_t which, const Tensor& value) {
    values[which] = value.clone();  // what follows may work in place
    if (!record) values[which] = values[which].detach();
    if (++found == layers.size()) {
      stopped = true;
      throw Stop{};
    }
    return Tensor();
  });
  const at::AutoGradMode enable(true);
  const Tensors given =
      listener.begin(record ? LayerListener::Prefix::Graphed : LayerListener::Prefix::AllUngraphed, x);
  const Listening listening(listener);
  try {
    (void)model(given);
  } catch (...) {  // TorchScript's interpreter turns what it does not know into its own exceptions
    if (!stopped) throw;
  }
  listener.check();
  return values;
}

/// The output for x with the layers' values replaced: parts are (h_1 ... h_k, x_1 ... x_m). The prefix runs
/// without a graph, so that only the h are differentiated.
/// @throws Error if a replacement has not its layer's shape
inline Tensor tail(const engine::Function& model, const std::vector<Layer>& layers, const Tensors& parts) {
  const bool record = at::GradMode::is_enabled();
  const at::AutoGradMode enable(true);
  LayerListener listener(layers, [&](std::size_t which, const Tensor& value) {
    require(value.sizes() == parts[which].sizes(), [&] {
      return text(layers[which].what(), " has shape ", value.sizes(),
                  " on this input, but its replacement has ", parts[which].sizes());
    });
    return parts[which].clone();
  });
  Tensors x;
  for (std::size_t i = layers.size(); i < parts.size(); ++i) x.push_back(parts[i].detach().clone());
  const Tensors given =
      listener.begin(record ? LayerListener::Prefix::Ungraphed : LayerListener::Prefix::AllUngraphed, x);
  const Listening listening(listener);
  const Tensor output = model(given);
  listener.check();
  return record ? output : output.detach();
}

/// What one pass tells at layers.
struct LayerDerivatives {
  Tensors values;                  ///< of each layer
  std::vector<Tensor> scores;      ///< for each target, [rows]
  std::vector<Tensors> gradients;  ///< for each target, of the sum of its scores with respect to each layer
};

/// The layers' values and the scores' gradients there. Nothing before the first of the layers is differentiated.
/// @param freeze  fix the targets on this pass's own output first
/// @throws Error if a score does not depend on any of the layers
inline LayerDerivatives differentiate_at(const engine::Function& model, const std::vector<Layer>& layers,
                                         const Tensors& x, const Targets& targets, bool freeze) {
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  LayerDerivatives result;
  Tensors held(layers.size());
  LayerListener listener(layers, [&](std::size_t which, const Tensor& value) {
    held[which] = value.requires_grad() ? value.clone() : value.detach().clone().requires_grad_(true);
    return held[which].clone();
  });
  Tensor output;
  {
    Tensors seen;
    for (const Tensor& part : x) seen.push_back(part.detach().clone());
    const Tensors given = listener.begin(LayerListener::Prefix::Ungraphed, seen);
    const Listening listening(listener);
    output = lumen::engine::run_model(model, given);
  }
  listener.check();
  for (const Tensor& value : held) result.values.push_back(value.detach());
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const Tensor scores = freeze ? targets[t].freeze(output)(output) : targets[t](output);
    Tensors gradients(held.size());
    if (scores.requires_grad()) {
      gradients = engine::backward({scores}, held, {at::ones_like(scores)}, t + 1 < targets.size());
    }
    bool reached = false;
    for (std::size_t i = 0; i < held.size(); ++i) {
      reached = reached || gradients[i].defined();
      if (!gradients[i].defined()) gradients[i] = at::zeros_like(held[i]);
    }
    require(reached, [&] {
      return text("the score does not depend on ", layers.front().what(),
                  " through differentiable operations; choose a layer on the way to the output");
    });
    result.scores.push_back(scores.detach());
    result.gradients.push_back(std::move(gradients));
  }
  return result;
}

}  // namespace lumen::trace
