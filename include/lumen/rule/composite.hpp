// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/rule/kinds.hpp>
#include <lumen/rule/record.hpp>
#include <lumen/trace/layer.hpp>

namespace lumen::rule {

/// Which rule each operator on the path gets. Checked: an operator that no entry covers is an Error that names it,
/// as soon as anything flows back to it.
///
/// What is asked first: layers, then the first or last weighted operator, then the kind.
struct Composite {
  std::string method{};  ///< for messages, "LRP"

  /// By kind. A null rule keeps the operator's own gradient.
  std::map<std::string, Backward> kinds{};
  /// By layer (layer::nth or layer::of). A null rule keeps the operator's own gradient.
  std::vector<std::pair<trace::Layer, Backward>> layers{};
  /// Weighted operators (kinds::weighted with constant weights) with none before them, or none after them.
  std::optional<Backward> first{}, last{};
  /// Asked last: a rule for what only the operator itself can tell (a product of two values on the path); no value
  /// if this cannot tell either.
  std::function<std::optional<Backward>(const Record&)> otherwise{};
  /// Called with the operators of a pass, in order, before the first rule runs: decides what is taken together, and
  /// writes it into the records, which rules then only read. Those of a target asked later come in a call of their own.
  std::function<void(const std::vector<std::shared_ptr<Record>>& records)> prepare{};
  /// For reports: called in the place of each rule, which it is given and must call. Operators with their own
  /// gradient are not shown.
  std::function<Tensors(const Record& record, const Tensors& gradients, const Backward& rule)> around{};

  /// Gives all `kinds` this rule, in place of what they had.
  Composite& use(const Kinds& of, const Backward& rule) {
    for (const std::string& kind : of) kinds[trace::kind_named(kind)] = rule;
    return *this;
  }
  /// Declares that the gradient of all `kinds` is right as it is.
  Composite& pass(const Kinds& of) { return use(of, nullptr); }
};

/// Whether an operator is a weighted sum of the path's values with constant weights.
[[nodiscard]] inline bool is_weighted(const Record& record) {
  if (!kinds::weighted.contains(record.kind)) return false;
  return record.paths() == 1;
}

}  // namespace lumen::rule
