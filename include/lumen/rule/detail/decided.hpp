// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <string>
#include <unordered_map>

#include <lumen/trace/operation.hpp>

namespace lumen::rule::detail {

/// The values of a pass that depend on the model's input without being differentiable: masks like x > 0, indices of
/// maxima, and what is computed from them.
class Decided {
 public:
  /// Runs an operator as it is, and notes those among its results.
  void run(trace::Call& call) {
    const Tensors given = trace::tensors_in(call.arguments);
    const bool depends = std::any_of(given.begin(), given.end(), [this](const Tensor& value) {
      return (value.requires_grad() && !value.is_leaf()) || contains(value);
    });
    call.proceed();
    if (!depends || makes_constants(call.op)) return;
    for (const Tensor& result : trace::tensors_in(call.results)) {
      if (!result.requires_grad()) add(result);
    }
  }

  void add(const Tensor& value) { values_.insert_or_assign(value.unsafeGetTensorImpl(), value); }
  [[nodiscard]] bool contains(const Tensor& value) const {
    return !values_.empty() && values_.contains(value.unsafeGetTensorImpl());
  }

 private:
  /// Of shapes alone, whatever the values: zeros_like, new_ones.
  static bool makes_constants(const c10::OperatorHandle& op) {
    const std::string& name = op.schema().name();
    return name.ends_with("_like") || name.starts_with("aten::new_");
  }

  std::unordered_map<const c10::TensorImpl*, Tensor> values_;  // kept, so that no address is used twice
};

}  // namespace lumen::rule::detail
