// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <lumen/rule/composite.hpp>

namespace lumen::rule {

/// Guided backpropagation: Springenberg et al., "Striving for Simplicity", ICLR workshop 2015, arXiv:1412.6806.
///
///     what flows back through a rectifier f at z:   max(f'(z) g, 0)
///
/// which for ReLU is the paper's: g where both z > 0 and g > 0. For the smooth relatives of ReLU it is the positive
/// part of their own gradient, as Captum's hooks define it.
struct Guided {
  Tensors operator()(const Record& record, const Tensors& gradients) const {
    const std::size_t data = record.data();
    const Tensor own = record.kind == "relu"
                           ? at::threshold_backward(gradients.front(), record.outputs.front(), 0)
                           : record.pull_back(record.inputs, data, gradients);
    return only(record, data, own.clamp_min(0));
  }
};

/// The deconvolutional network: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV
/// 2014, arXiv:1311.2901, section 2.1: rectifiers rectify what flows back, and what they did in the forward pass is
/// dropped.
///
///     what flows back through a rectifier:   max(g, 0)
struct Deconvolution {
  Tensors operator()(const Record& record, const Tensors& gradients) const {
    return only(record, record.data(), gradients.front().clamp_min(0));
  }
};

/// Whether a clamp keeps values away from a bound that is not 0 and that none of them came to, as F.normalize does with
/// its norms, or has no lower bound: then it rectifies nothing.
[[nodiscard]] inline bool only_guards(const Record& record) {
  const c10::IValue least = record.argument("min");
  if (least.isNone()) return true;
  if (!least.isScalar() || least.toScalar().toDouble() == 0.0) return false;
  return (record.inputs[record.data()] >= least.toScalar()).all().item<bool>();
}

/// The gradient with another rule at rectifiers: kinds::rectifiers, and the larger of a value and a constant. Every
/// other operator that is known keeps its own gradient, so what rectifies nothing passes; what is not known is refused,
/// and so is a choice by a mask that was computed from the input, of which it cannot be told whether it rectifies.
template <class Rule>
[[nodiscard]] Composite rectifier_composite(std::string method, Rule rule) {
  Composite composite{.method = std::move(method)};
  composite
      .pass(kinds::moves | kinds::placements | kinds::scatters | kinds::dropouts | kinds::sums |
            kinds::gatherings | kinds::averages | kinds::sampling | kinds::weighted | kinds::products |
            kinds::multilinear | kinds::norms_fixed | kinds::norms_adaptive | kinds::squashers |
            kinds::binaries | kinds::steps | kinds::maxima | kinds::ranks | kinds::softmaxes |
            kinds::composed | kinds::others)
      .use(kinds::rectifiers, rule);
  static const Kinds by_mask = listed("index_put masked_fill masked_scatter mul where");
  // with a rectifier inside, which is heard when they are taken apart
  static const Kinds with_rectifier =
      listed("_add_relu _addmm_activation cudnn_convolution_relu rnn_relu rnn_relu_cell");
  for (const Kinds& each : {by_mask, with_rectifier, Kinds{"clamp", "clamp_min", "max"}}) {
    for (const std::string& kind : each) composite.kinds.erase(kind);
  }
  const auto refusal = [method = composite.method](const Record& at, const Tensors&) -> Tensors {
    throw Error(text(
        method, " has no rule for ", at.where(),
        ", which chooses by a mask that was computed from the input, so that it cannot be told whether "
        "it rectifies: write a rectifier with relu (at::relu(x), not x * (x > 0)), or give its composite "
        "a rule for '",
        at.kind, "', or declare it passed through"));
  };
  composite.otherwise = [rule, refusal](const Record& record) -> std::optional<Backward> {
    if (by_mask.contains(record.kind)) {
      bool decides = false;
      for (std::size_t i = 0; i < record.inputs.size() && !decides; ++i) {
        const Tensor& each = record.inputs[i];  // of a product: a factor may also be a detached value
        if (!record.decided[i]) continue;
        const bool zeros_and_ones =
            record.kind != "mul" || (each == 0).logical_or_(each == 1).all().item<bool>();
        decides = zeros_and_ones && (record.kind != "index_put" || each.scalar_type() == at::kBool);
      }
      return decides ? Backward(refusal) : Backward(nullptr);
    }
    if (record.kind == "clamp" || record.kind == "clamp_min")
      return only_guards(record) ? Backward(nullptr) : Backward(rule);
    if (record.kind == "min" || record.kind == "minimum" || record.kind == "fmin") return Backward(nullptr);
    if (record.kind != "max" && record.kind != "maximum" && record.kind != "fmax") return std::nullopt;
    if (record.inputs.size() == 2 && record.on_path[0] != record.on_path[1]) return Backward(rule);
    return Backward(nullptr);
  };
  return composite;
}

}  // namespace lumen::rule
