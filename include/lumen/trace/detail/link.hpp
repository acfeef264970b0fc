// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/trace/detail/tape.hpp>

namespace lumen::trace {

/// An operand of a step that takes a value: `steps()[step].operands[operand]`.
struct Use {
  std::size_t step = 0, operand = 0;
  bool operator==(const Use&) const = default;
};

namespace detail {

/// A value of a program.
struct Value {
  std::vector<std::int64_t> sizes{}, slopes{};  ///< as recorded; what one more row adds to each
  at::ScalarType dtype = at::kFloat;
  bool depends = false;    ///< on the input
  std::int64_t step = -1;  ///< what makes it; -1: it is a part of the input
  std::size_t result = 0;  ///< which of that step's results
  std::vector<Use> uses{};
};

/// What a program runs: the same for every input.
struct Code {
  std::vector<Step> steps{};
  std::vector<Value> values{};
  std::int64_t rows = 1;  ///< of the pass that was recorded, whose sizes and integers these are
};

/// The two tensors are the same constant.
inline bool same_constant(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return false;
  if (a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type()) return false;
  if (a.is_same(b)) return true;
  if (a.layout() != at::kStrided || b.layout() != at::kStrided) return false;
  if (a.has_storage() && b.has_storage() && a.data_ptr() == b.data_ptr() && a.strides() == b.strides())
    return true;
  return a.equal(b) ||
         (at::isFloatingType(a.scalar_type()) && at::allclose(a, b, 0.0, 0.0, /*equal_nan=*/true));
}

/// Compares what a step was given in two passes, one of `rows` more rows than the other; integers that differ become
/// terms of the batch. Returns whether all that differs is that.
inline bool compare_arguments(Step& step, const Step& other, std::int64_t rows) {
  const auto compare = [&](const c10::IValue& a, const c10::IValue& b, std::int64_t argument,
                           std::int64_t element) {
    if (a.isInt() && b.isInt()) {
      if (a.toInt() == b.toInt()) return true;
      // an end that stands for "all" grows with no batch
      constexpr std::int64_t most = std::int64_t{1} << 40;
      const auto counts = [](std::int64_t value) { return value > -most && value < most; };
      if (rows == 0 || !counts(a.toInt()) || !counts(b.toInt())) return false;
      const std::int64_t more = b.toInt() - a.toInt();
      if (more % rows != 0) return false;
      step.batch_terms.push_back({argument, element, more / rows});
      return true;
    }
    if (a.isTensor() && b.isTensor()) return true;  // emptied places of operands
    if (a.isGenerator() || b.isGenerator()) return a.isGenerator() == b.isGenerator();
    return a.tagKind() == b.tagKind() && a == b;
  };
  if (step.arguments.size() != other.arguments.size()) return false;
  for (std::size_t i = 0; i < step.arguments.size(); ++i) {
    const c10::IValue &a = step.arguments[i], &b = other.arguments[i];
    const auto argument = static_cast<std::int64_t>(i);
    if (!a.isList() || !b.isList()) {
      if (!compare(a, b, argument, -1)) return false;
      continue;
    }
    const auto mine = a.toListRef(), theirs = b.toListRef();
    if (mine.size() != theirs.size()) return false;
    for (std::size_t e = 0; e < mine.size(); ++e) {
      if (!compare(mine[e], theirs[e], argument, static_cast<std::int64_t>(e))) return false;
    }
  }
  return true;
}

/// Makes a program of a pass, and of a second one over more rows if there is one: constants are resolved, and what
/// grows with the batch is known.
class Linker {
 public:
  std::vector<Step> steps{};
  std::vector<Value> values{};
  Tensors kept{};                  ///< of each value what was recorded; undefined where it was let go
  std::vector<ValueId> numbers{};  ///< of each value of the tape: its number in the program; -1: a constant
  ValueId output = -1;
  std::vector<ValueId> layers{};  ///< -1: one that does not depend on the input
  std::string fault{};

  /// @param other  null: there is no second pass
  /// @param rows   how many rows more it has
  Linker(Tape& tape, const Tape* other, std::int64_t rows) : tape_(tape), other_(other) {
    fault = !tape.fault.empty() ? tape.fault : other != nullptr ? other->fault : "";
    if (other_ != nullptr) match(rows);
    grows_.assign(tape_.values.size(), false);
    find_growing();
    number(rows);
    link();
    mark_live();
  }

 private:
  void fail(std::string why) {
    if (fault.empty()) fault = std::move(why);
  }

  void match(std::int64_t rows) {
    const Tape& other = *other_;
    for (std::size_t i = 0; i < tape_.steps.size(); ++i) {
      Step& step = tape_.steps[i];
      const bool there = i < other.steps.size();
      if (there && step.op.schema().name() == other.steps[i].op.schema().name() &&
          step.op.schema().overload_name() == other.steps[i].op.schema().overload_name() &&
          same_operands(step, other.steps[i])) {
        if (compare_arguments(step, other.steps[i], rows)) continue;
        fail(text(step.where(), " was given other numbers or options for another input"));
      } else {
        fail(text("the model ran ", there ? other.steps[i].where() : std::string("nothing"),
                  " for another input ", "where it ran ", step.where()));
      }
      other_ = nullptr;
      for (Step& each : tape_.steps) each.batch_terms.clear();
      return;
    }
    if (other.steps.size() > tape_.steps.size()) {
      fail(text("the model went on with ", other.steps[tape_.steps.size()].where(), " for another input"));
      other_ = nullptr;
    }
  }

  static bool same_operands(const Step& a, const Step& b) {
    if (a.operands.size() != b.operands.size() || a.results != b.results) return false;
    for (std::size_t i = 0; i < a.operands.size(); ++i) {
      if (a.operands[i].value != b.operands[i].value || a.operands[i].dtype != b.operands[i].dtype)
        return false;
    }
    return true;
  }

  /// Values that are not the same in every pass although they do not depend on the input: zeros for each row.
  void find_growing() {
    for (const Step& step : tape_.steps) {
      bool grows = !step.batch_terms.empty();
      for (const Operand& each : step.operands) grows = grows || grows_[index(each.value)];
      if (!grows) continue;
      for (const ValueId each : step.results) {
        if (!tape_.values[index(each)].depends) grows_[index(each)] = true;
      }
    }
  }

  [[nodiscard]] bool varies(ValueId value) const {
    return tape_.values[index(value)].depends || grows_[index(value)];
  }

  void number(std::int64_t rows) {
    numbers.assign(tape_.values.size(), -1);
    for (std::size_t i = 0; i < tape_.values.size(); ++i) {
      if (!varies(static_cast<ValueId>(i))) continue;
      numbers[i] = static_cast<ValueId>(values.size());
      Taped& taped = tape_.values[i];
      Value value{.sizes = taped.sizes, .dtype = taped.dtype, .depends = taped.depends};
      value.slopes.assign(value.sizes.size(), 0);
      if (other_ != nullptr) {
        const std::vector<std::int64_t>& theirs = other_->values[i].sizes;
        bool fits = theirs.size() == value.sizes.size();
        for (std::size_t d = 0; fits && d < theirs.size(); ++d) {
          fits = (theirs[d] - value.sizes[d]) % rows == 0;
          value.slopes[d] = (theirs[d] - value.sizes[d]) / rows;
        }
        if (!fits) fail("a value has sizes that do not grow with the batch");
      }
      values.push_back(std::move(value));
      kept.push_back(taped.kept);
    }
  }

  void link() {
    for (Step& step : tape_.steps) {
      bool stays = false;
      for (const ValueId each : step.results) stays = stays || (varies(each) && made_by(each, step));
      if (!stays) continue;
      const std::size_t at = steps.size();
      for (std::size_t i = 0; i < step.operands.size(); ++i) {
        Operand& operand = step.operands[i];
        const ValueId taped = operand.value;
        operand.value = numbers[index(taped)];
        if (operand.value >= 0) {
          values[index(operand.value)].uses.push_back({at, i});
          continue;
        }
        operand.constant = tape_.values[index(taped)].kept;
        check_constant(step, taped, operand);
      }
      for (std::size_t i = 0; i < step.results.size(); ++i) {
        const bool made = made_by(step.results[i], step);
        step.results[i] = numbers[index(step.results[i])];
        if (!made || step.results[i] < 0) continue;
        values[index(step.results[i])].step = static_cast<std::int64_t>(at);
        values[index(step.results[i])].result = i;
      }
      steps.push_back(std::move(step));
    }
    output = tape_.output < 0 ? -1 : numbers[index(tape_.output)];
    for (const ValueId each : tape_.layers) layers.push_back(each < 0 ? -1 : numbers[index(each)]);
  }

  [[nodiscard]] bool made_by(ValueId value, const Step& step) const {
    return tape_.values[index(value)].maker == &step - tape_.steps.data();
  }

  void check_constant(const Step& step, ValueId taped, Operand& operand) {
    if (!operand.constant.defined()) {
      fail(text(step.where(), " takes a constant ", at::IntArrayRef(operand.sizes), " that was not kept"));
      return;
    }
    if (operand.constant.requires_grad()) operand.constant = operand.constant.detach();
    if (other_ == nullptr || same_constant(operand.constant, other_->values[index(taped)].kept)) return;
    fail(text(step.where(), " takes a tensor ", at::IntArrayRef(operand.sizes),
              " that no operator made of the input, but that is ",
              "another for another input: it is copied by a raw pointer, or computed by other means"));
  }

  void mark_live() {
    std::vector<bool> needed(values.size());
    if (output >= 0) needed[index(output)] = true;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      step->live = false;
      for (const ValueId each : step->results) step->live = step->live || (each >= 0 && needed[index(each)]);
      if (!step->live) continue;
      for (const Operand& each : step->operands) {
        if (!each.is_constant()) needed[index(each.value)] = true;
      }
    }
  }

  static std::size_t index(ValueId value) { return static_cast<std::size_t>(value); }

  Tape& tape_;
  const Tape* other_;
  std::vector<bool> grows_;
};

}  // namespace detail

}  // namespace lumen::trace
