// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/trace/operation.hpp>

namespace lumen::trace {

/// The number of a value in a program: what an operator made, or a part of the input.
using ValueId = std::int64_t;

/// One tensor among a step's arguments, counted as `tensors_in` does.
struct Operand {
  ValueId value = -1;  ///< which value of the program; -1: a constant (a parameter, a buffer, a literal)
  Tensor constant{};   ///< of a constant: it; undefined for a value
  std::vector<std::int64_t> sizes{};
  at::ScalarType dtype = at::kFloat;
  std::int64_t argument =
      -1;  ///< the position among the arguments of the one that holds it, alone or in a list

  [[nodiscard]] bool is_constant() const { return value < 0; }
};

/// An operator of a program: what it is given, and which values it makes.
struct Step {
  c10::OperatorHandle op;
  std::string kind{};      ///< as `kind_of` does
  std::int64_t order = 0;  ///< its position among all operators of the pass
  std::int64_t nth = 0;    ///< its position among those of its kind

  std::vector<c10::IValue> arguments{};  ///< as called; the tensors are in `operands`, none are held here
  std::vector<Operand> operands{};
  std::vector<ValueId> results{};                         ///< of each tensor that it gives
  std::vector<std::vector<std::int64_t>> result_sizes{};  ///< of each of them

  /// "relu 3 (aten::relu_, operator 17)"
  [[nodiscard]] std::string where() const {
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
};

}  // namespace lumen::trace
