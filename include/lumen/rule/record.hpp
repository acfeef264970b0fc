// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/op/channel_map.hpp>
#include <lumen/trace/operation.hpp>

namespace lumen::rule {

[[nodiscard]] inline bool has_complex(const Tensors& values) {
  return std::any_of(values.begin(), values.end(), [](const Tensor& value) { return value.is_complex(); });
}

/// An operator on the way from the input to the score, as a rule sees it. Its tensors carry no graph.
struct Record {
  c10::OperatorHandle op;
  std::string kind;  ///< as trace::kind_of: "conv2d", "relu"
  std::int64_t order = 0, nth = 0;
  std::string part_of{};  ///< the operator that was taken apart into this one and others; empty if none was

  /// As the operator was called; empty where the operator's own gradient is used. Of an in-place operator, the
  /// first is a copy from before.
  std::vector<c10::IValue> arguments{};
  Tensors inputs{};             ///< the tensors among the arguments
  std::vector<bool> on_path{};  ///< for each of them, whether it depends on the model's input
  std::vector<bool> decided{};  ///< whether it does so without being differentiable, as the mask x > 0 does
  Tensors outputs{};            ///< the floating point results
  std::vector<std::int64_t>
      versions{};  ///< of inputs and outputs, which tell whether the model overwrote them

  /// For each input on the path, the operator that gave it; null for the model's input and where unknown.
  std::vector<std::shared_ptr<const Record>> producers{};
  std::int64_t consumers = 0;  ///< operators on the path that take a result of this one
  std::int64_t weights =
      0;  ///< most weighted operators on a way from the model's input to here, itself included

  /// The rule that its composite gave it; null for its own gradient.
  std::function<Tensors(const Record& record, const Tensors& gradients)> rule{};

  /// Written by `Composite::prepare`. Of a weighted operator: the normalisations that are taken into its weights.
  std::optional<op::ChannelMap> norm_before{}, norm_after{};
  /// Of a normalisation: whether a neighbour has taken it in; none if nobody decided.
  std::optional<bool> absorbed{};

  /// "relu 3 (aten::relu_, operator 17)", "tanh 1 (aten::tanh, a part of lstm_cell 0 (aten::lstm_cell, operator 2))"
  [[nodiscard]] std::string where() const {
    if (!part_of.empty()) return text(kind, ' ', nth, " (", op.schema().name(), ", a part of ", part_of, ")");
    return text(kind, ' ', nth, " (", op.schema().name(), ", operator ", order, ")");
  }

  /// The position among the arguments of the one that the operator's schema calls so; -1 if there is none.
  [[nodiscard]] std::int64_t position(std::string_view name) const {
    const auto& declared = op.schema().arguments();
    for (std::size_t i = 0; i < declared.size(); ++i) {
      if (declared[i].name() == name) return static_cast<std::int64_t>(i);
    }
    return -1;
  }

  /// The argument of this name; none (isNone) if the operator has no such one.
  [[nodiscard]] c10::IValue argument(std::string_view name) const {
    const std::int64_t at = position(name);
    return at < 0 ? c10::IValue() : arguments[static_cast<std::size_t>(at)];
  }

  /// The tensor that is the argument of this name; undefined if there is none.
  [[nodiscard]] Tensor tensor(std::string_view name) const {
    const c10::IValue value = argument(name);
    return value.isTensor() ? value.toTensor() : Tensor();
  }

  /// How many of the inputs are on the path.
  [[nodiscard]] std::int64_t paths() const { return std::count(on_path.begin(), on_path.end(), true); }

  /// The first input that is on the path.
  [[nodiscard]] std::size_t data() const {
    return static_cast<std::size_t>(std::find(on_path.begin(), on_path.end(), true) - on_path.begin());
  }

  /// To be called once inputs and outputs stand.
  void note_versions() {
    versions.clear();
    for (const Tensors* each : {&inputs, &outputs}) {
      for (const Tensor& tensor : *each) versions.push_back(tensor._version());
    }
  }

  /// Recomputes outputs that the model has overwritten since (a convolution's by relu_).
  /// @throws Error if it has overwritten an input
  void check_versions() {
    std::size_t i = 0;
    for (const Tensor& input : inputs) {
      require(input._version() == versions[i++], [&] {
        return text("an input of ", where(),
                    " was overwritten later in the pass by an in-place operator, and its ",
                    "value is needed; make the model use the form that is not in place there");
      });
    }
    bool fresh = true;
    for (const Tensor& output : outputs) fresh = output._version() == versions[i++] && fresh;
    if (!fresh) {
      const at::NoGradGuard no_grad;
      outputs = rerun(inputs);
      note_versions();
    }
  }

  /// Runs the operator on other tensors in place of `inputs`, all else being equal; those are not written to.
  /// Returns the floating point results, with a graph where grad mode is on.
  [[nodiscard]] Tensors rerun(const Tensors& other) const {
    std::vector<c10::IValue> stack = arguments;
    trace::replace_tensors(stack, [&](const Tensor&, std::size_t i) {
      return i == 0 && trace::in_place(op) ? other[i].clone() : other[i];
    });
    op.callBoxed(&stack);
    Tensors results;
    for (Tensor& each : trace::tensors_in(stack)) {
      if (at::isFloatingType(each.scalar_type())) results.push_back(std::move(each));
    }
    return results;
  }

  /// The vector-Jacobian product of the operator at `at_inputs` with respect to inputs[which].
  [[nodiscard]] Tensor pull_back(const Tensors& at_inputs, std::size_t which,
                                 const Tensors& gradients) const {
    const at::AutoGradMode enable(true);
    Tensors other = at_inputs;
    other[which] = at_inputs[which].detach().requires_grad_(true);
    const Tensors results = rerun(other);
    Tensors roots, seeds;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (!results[i].requires_grad()) continue;
      roots.push_back(results[i]);
      seeds.push_back(gradients[i]);
    }
    if (roots.empty()) return at::zeros_like(at_inputs[which]);
    const Tensor gradient = torch::autograd::grad(roots, {other[which]}, seeds, /*retain_graph=*/false,
                                                  /*create_graph=*/false, /*allow_unused=*/true)[0];
    return gradient.defined() ? gradient : at::zeros_like(at_inputs[which]);
  }
};

/// The backward pass that a rule puts in the place of an operator's own: from what flows back to each of
/// `record.outputs` to what flows back to each of `record.inputs`; undefined for those that nothing flows to.
using Backward = std::function<Tensors(const Record& record, const Tensors& gradients)>;

/// `gradient` for the first input on the path, nothing for the others.
[[nodiscard]] inline Tensors only(const Record& record, std::size_t which, Tensor gradient) {
  Tensors gradients(record.inputs.size());
  gradients[which] = std::move(gradient);
  return gradients;
}

/// The operator's own gradient, computed anew: for rules that change what goes in or comes out of it.
[[nodiscard]] inline Tensors plain_backward(const Record& record, const Tensors& gradients) {
  Tensors result(record.inputs.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (record.on_path[i]) result[i] = record.pull_back(record.inputs, i, gradients);
  }
  return result;
}

}  // namespace lumen::rule
