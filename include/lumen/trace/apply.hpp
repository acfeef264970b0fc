// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <ATen/MemoryOverlap.h>

#include <lumen/trace/step.hpp>

namespace lumen::trace {

namespace detail {

/// A copy that lies in memory as the original does, so that an operator visits it in the same order.
inline Tensor copy_in_kind(const Tensor& value) {
  if (!value.has_storage() || value.layout() != at::kStrided || value.is_non_overlapping_and_dense() ||
      at::has_internal_overlap(value) != at::MemOverlap::No) {
    return value.clone();
  }
  Tensor copy = at::empty_strided(value.sizes(), value.strides(), value.options());
  return copy.copy_(value);
}

/// Whether nobody else can see what is written into it.
inline bool is_only_holder(const Tensor& value) {
  return value.has_storage() && !value.requires_grad() && value.use_count() == 1 &&
         value.storage().use_count() == 1;
}

}  // namespace detail

/// The arguments of a step for these operands, for `batch` rows where the step was recorded with one.
[[nodiscard]] inline std::vector<c10::IValue> arguments_of(const Step& step, const Tensors& operands,
                                                           std::int64_t more_rows = 0) {
  std::vector<c10::IValue> arguments = step.arguments;
  std::vector<bool> copied(arguments.size());
  const auto set = [&](std::int64_t argument, std::int64_t element, c10::IValue value) {
    c10::IValue& place = arguments[static_cast<std::size_t>(argument)];
    if (element < 0) {
      place = std::move(value);
      return;
    }
    c10::List<c10::IValue> list = place.toList();
    if (!copied[static_cast<std::size_t>(argument)]) {
      list = list.copy();
      copied[static_cast<std::size_t>(argument)] = true;
    }
    list.set(static_cast<std::size_t>(element), std::move(value));
    place = std::move(list);
  };
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    set(step.operands[i].argument, step.operands[i].element, operands[i]);
  }
  if (more_rows != 0) {
    for (const Step::BatchTerm& term : step.batch_terms) {
      const c10::IValue& place = arguments[static_cast<std::size_t>(term.argument)];
      const std::int64_t recorded = term.element < 0
                                        ? place.toInt()
                                        : place.toListRef()[static_cast<std::size_t>(term.element)].toInt();
      set(term.argument, term.element, recorded + more_rows * term.slope);
    }
  }
  return arguments;
}

namespace detail {

[[nodiscard]] inline bool leaves_unwritten(const Step& step) {
  const std::string& name = step.op.schema().name();
  return name.starts_with("aten::empty") || name.starts_with("aten::new_empty");
}

/// Memory that no operator has written may hold the right values by chance, where a raw pointer wrote them before.
inline void spoil(const Tensors& fresh) {
  for (const Tensor& each : fresh) {
    if (!each.defined() || each.layout() != at::kStrided) continue;
    if (at::isFloatingType(each.scalar_type()) || at::isComplexType(each.scalar_type()))
      each.fill_(std::numeric_limits<double>::quiet_NaN());
    else if (at::isIntegralType(each.scalar_type(), /*includeBool=*/false))
      each.fill_(std::numeric_limits<std::int8_t>::max());
  }
}

}  // namespace detail

/// Runs a step on other operands, all else being equal, and returns its tensors; what the operands hold stays as it
/// is, though the operator write into them. Differentiable where grad mode is on.
/// @param operands   one for each of the step's
/// @param more_rows  how many rows more than the recorded pass these have
/// @throws what the operator throws
[[nodiscard]] inline Tensors apply(const Step& step, Tensors operands, std::int64_t more_rows = 0) {
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (step.writes(i) && !detail::is_only_holder(operands[i]))
      operands[i] = detail::copy_in_kind(operands[i]);
  }
  std::vector<c10::IValue> stack = arguments_of(step, operands, more_rows);
  operands.clear();
  step.op.callBoxed(&stack);
  Tensors results = tensors_in(stack);
  if (detail::leaves_unwritten(step)) detail::spoil(results);
  return results;
}

}  // namespace lumen::trace
