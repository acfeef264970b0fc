// SPDX-License-Identifier: BSD-3-Clause
#pragma once

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

/// The gradient with another rule at rectifiers (kinds::rectifiers, and the larger of a value and a constant);
/// every other operator of convolutional networks keeps its own gradient, what is not known is refused.
template <class Rule>
[[nodiscard]] Composite rectifier_composite(std::string method, Rule rule) {
  Composite composite{.method = std::move(method)};
  composite
      .pass(kinds::moves | kinds::dropouts | kinds::sums | kinds::averages | kinds::weighted |
            kinds::products | kinds::norms_fixed | kinds::norms_adaptive | kinds::squashers | kinds::maxima |
            kinds::softmaxes)
      .use(kinds::rectifiers, rule);
  const auto larger = [rule](const Record& record) -> std::optional<Backward> {
    if (record.kind != "max" && record.kind != "maximum") return std::nullopt;
    if (record.inputs.size() == 2 && record.on_path[0] != record.on_path[1]) return Backward(rule);
    return Backward(nullptr);
  };
  composite.kinds.erase("max");
  composite.otherwise = larger;
  return composite;
}

}  // namespace lumen::rule
