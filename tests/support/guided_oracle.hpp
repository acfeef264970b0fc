// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include <lumen/core/tensor.hpp>

/// Guided backpropagation and the deconvolutional network by another way than lumen's: hooks on the rectifiers'
/// nodes of a plain autograd graph, found by walking it.
namespace lumen::testing {

struct GuidedHook final : torch::autograd::FunctionPostHook {
  explicit GuidedHook(bool drops_forward) : deconvolution(drops_forward) {}
  bool deconvolution;
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& to_inputs,
                                            const torch::autograd::variable_list& from_outputs) override {
    torch::autograd::variable_list changed = to_inputs;
    changed.front() = (deconvolution ? from_outputs.front() : to_inputs.front()).clamp_min(0);
    return changed;
  }
};

/// The gradient of scores' sum with respect to `leaf`, guided at every rectifier.
inline Tensor guided_oracle(const Tensor& scores, const Tensor& leaf, bool deconvolution = false) {
  const std::set<std::string> rectifiers{"ReluBackward0",      "HardtanhBackward0", "LeakyReluBackward0",
                                         "EluBackward0",       "GeluBackward0",     "SiluBackward0",
                                         "HardswishBackward0", "SoftplusBackward0", "ClampMinBackward0",
                                         "ClampBackward1",     "MishBackward0",     "ThresholdBackward0"};
  std::set<torch::autograd::Node*> seen;
  std::vector<torch::autograd::Node*> open{scores.grad_fn().get()};
  while (!open.empty()) {
    torch::autograd::Node* const node = open.back();
    open.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (rectifiers.contains(node->name())) node->add_post_hook(std::make_unique<GuidedHook>(deconvolution));
    for (const torch::autograd::Edge& edge : node->next_edges()) open.push_back(edge.function.get());
  }
  return torch::autograd::grad({scores.sum()}, {leaf})[0];
}

}  // namespace lumen::testing
