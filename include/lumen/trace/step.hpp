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
  std::int64_t element = -1;  ///< its place in that list; -1: it is alone

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

  bool live = true;        ///< whether the output depends on what it makes
  bool recording = true;   ///< whether gradients were recorded there, or the model switched that off
  bool synthetic = false;  ///< put in for memory that is shared (a write through a view); `nth` is -1 then
  /// Integers among the arguments that grow with the batch.
  struct BatchTerm {
    std::int64_t argument = 0, element = -1;  ///< which argument, and which place in it if it is a list
    std::int64_t slope = 0;                   ///< what one more row adds
  };
  std::vector<BatchTerm> batch_terms{};

  /// "relu 3 (aten::relu_, operator 17)"
  [[nodiscard]] std::string where() const {
    return text(kind, ' ', nth, " (", op.schema().name(), ", operator ", order, ")");
  }

  /// Whether it writes into this operand, as relu_ and out= forms do: what the operand was is another value than
  /// what it becomes.
  [[nodiscard]] bool writes(std::size_t operand) const {
    const auto* alias =
        op.schema().arguments()[static_cast<std::size_t>(operands[operand].argument)].alias_info();
    return alias != nullptr && alias->isWrite();
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
