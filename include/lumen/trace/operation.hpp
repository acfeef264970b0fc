// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/trace/intercept.hpp>
#include <lumen/trace/names.hpp>

namespace lumen::trace {

/// What an operator does, whatever way it was called: its name without namespace, as `kind_named` has it, and for each
/// convolution "conv2d" or "conv_transpose2d", by its number of dimensions.
inline std::string kind_of(const c10::OperatorHandle& op, const std::vector<c10::IValue>& arguments) {
  const std::string& full = op.schema().name();
  const std::string name = full.substr(full.rfind(':') + 1);
  const auto convolution = detail::convolutions().find(name);
  if (convolution == detail::convolutions().end() || arguments.size() < 2) return kind_named(name);
  bool transposed = name.find("transpose") != std::string::npos;
  const auto& declared = op.schema().arguments();
  for (std::size_t i = 0; i < declared.size(); ++i) {
    if (declared[i].name() == "transposed") transposed = arguments[i].toBool();
  }
  const std::int64_t dims = convolution->second > 0 ? convolution->second : arguments[1].toTensor().dim() - 2;
  return text(transposed ? "conv_transpose" : "conv", dims, "d");
}

/// Whether it writes into its first argument, as relu_ does.
inline bool in_place(const c10::OperatorHandle& op) {
  const auto& arguments = op.schema().arguments();
  if (arguments.empty()) return false;
  const auto* alias = arguments.front().alias_info();
  return alias != nullptr && alias->isWrite();
}

namespace detail {

/// Calls `visit(tensor, position, element)` for each defined tensor of a value: `element` is its place in a list, -1
/// where it is alone.
template <class Visit>
void visit_tensors(const c10::IValue& value, const Visit& visit) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) visit(value.toTensor(), std::int64_t{-1});
  } else if (value.isList()) {
    const auto elements = value.toListRef();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (!elements[i].isTensor() || !elements[i].toTensor().defined()) continue;
      visit(elements[i].toTensor(), static_cast<std::int64_t>(i));
    }
  }
}

}  // namespace detail

/// The tensors among `values` in order, those of lists one by one; missing optional ones are left out, in lists too.
inline Tensors tensors_in(const std::vector<c10::IValue>& values) {
  Tensors tensors;
  for (const c10::IValue& value : values) {
    detail::visit_tensors(value, [&](const Tensor& each, std::int64_t) { tensors.push_back(each); });
  }
  return tensors;
}

/// `values` with its tensors, as `tensors_in` counts them, replaced by `replacement(tensor, position)`.
template <class Replacement>
void replace_tensors(std::vector<c10::IValue>& values, const Replacement& replacement) {
  std::size_t position = 0;
  for (c10::IValue& value : values) {
    if (value.isTensor()) {
      if (value.toTensor().defined()) value = replacement(value.toTensor(), position++);
    } else if (value.isList()) {  // whatever type it says: the interpreter also makes lists of any values
      std::optional<c10::List<c10::IValue>> list;
      detail::visit_tensors(value, [&](const Tensor& each, std::int64_t element) {
        if (!list) list = value.toList().copy();  // the caller may hold the list itself
        list->set(static_cast<std::size_t>(element), c10::IValue(replacement(each, position++)));
      });
      if (list) value = std::move(*list);
    }
  }
}

/// An operator that ran, for reading: what it was given and what came out.
struct Operation {
  std::string name;        ///< as LibTorch calls it, "aten::relu_"
  std::string kind;        ///< as `kind_of` does, "relu"
  std::int64_t order = 0;  ///< its position among all operators of the pass
  std::int64_t nth = 0;    ///< its position among those of its kind
  std::vector<c10::IValue> arguments, results;
  std::string node;  ///< the autograd node of its first result, empty if it has none

  /// "relu 3 (aten::relu_, operator 17)"
  [[nodiscard]] std::string where() const {
    return text(kind, ' ', nth, " (", name, ", operator ", order, ")");
  }
};

/// Counts operators by kind.
class Counter {
 public:
  /// The position of the next operator of this kind.
  std::int64_t next(const std::string& kind) { return counts_[kind]++; }
  [[nodiscard]] std::int64_t count(const std::string& kind) const {
    const auto found = counts_.find(kind);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, std::int64_t> counts_;
};

}  // namespace lumen::trace
