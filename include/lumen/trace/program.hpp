// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/core/run.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/trace/detail/link.hpp>
#include <lumen/trace/detail/recorder.hpp>
#include <lumen/trace/detail/replay.hpp>
#include <lumen/trace/detail/second_input.hpp>

namespace lumen::trace {

struct ProgramOptions {
  /// `run.memory` is what the recorded values may take, the output and the layers asked for apart; those that do not
  /// fit are computed again when asked for.
  Run run{};
  /// Record the first row of x, and beside it a batch of two: the program then runs on any number of rows. Off: x as
  /// it is, and the program runs on as many rows only.
  bool any_batch = true;
  /// Replay the program for another input and compare it with the model: finds what no operator tells, such as
  /// values that are copied by raw pointers.
  bool verify = true;
  /// Layers whose values `layers()` tells; their numbers count from the start. Where a layer is what an operator is
  /// given, or what one gives that gives back what it got, a step (`alias`) tells the value apart from what others take.
  std::vector<Layer> layers{};
};

/// One forward pass of a model, kept: the operators that ran and the values that they made, to be read, and to be run
/// again from any values on.
///
/// Values are numbered. The parts of the input come first; an in-place operator makes a new value of what it writes
/// into, and so does a write through a view of all that shows the memory. What is the same for every input is a
/// constant: parameters, and what the model computes of them.
/// A replay runs the same operators on the same kinds of tensors, so that it equals the model bit for bit where nothing
/// was replaced. Where it would not, the program says so: `exact` and `why_not`.
/// Cost: with both options passes over five rows, where a plain pass takes one.
/// Reading and running it changes nothing, so that several threads may.
class Program {
 public:
  using Values = std::map<ValueId, Tensor>;

  /// @param x  parts of the input, as the model takes them
  /// @throws what the model throws for x, but for errors of LibTorch, which `why_not` tells: models may differentiate
  ///         within themselves, which a recorded pass does not
  [[nodiscard]] static Program record(const lumen::engine::Function& model, const Tensors& x,
                                      const ProgramOptions& options = {});

  /// Whether a replay is the model.
  [[nodiscard]] bool exact() const { return fault_.empty(); }
  /// Why it is not: which operator is to blame, and what the user can do about it.
  [[nodiscard]] const std::string& why_not() const { return fault_; }

  /// The operators whose results depend on the input or grow with the batch, in order. Some may lead nowhere: `live`.
  [[nodiscard]] const std::vector<Step>& steps() const { return code_->steps; }
  [[nodiscard]] const std::vector<ValueId>& inputs() const { return inputs_; }
  [[nodiscard]] ValueId output() const { return output_; }  ///< -1: it does not depend on the input
  [[nodiscard]] std::int64_t value_count() const { return static_cast<std::int64_t>(code_->values.size()); }
  /// The values at the layers that were asked for; -1 for one that does not depend on the input.
  [[nodiscard]] const std::vector<ValueId>& layers() const { return layers_; }
  /// How many rows the recorded values have.
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  /// Whether it runs on other numbers of rows than that.
  [[nodiscard]] bool any_batch() const { return any_batch_; }

  /// The sizes that a value has for so many rows; for those that were recorded by default.
  [[nodiscard]] std::vector<std::int64_t> sizes(ValueId id) const { return sizes(id, rows_); }
  [[nodiscard]] std::vector<std::int64_t> sizes(ValueId id, std::int64_t rows) const {
    std::vector<std::int64_t> sizes = at(id).sizes;
    for (std::size_t d = 0; d < sizes.size(); ++d) sizes[d] += (rows - code_->rows) * at(id).slopes[d];
    return sizes;
  }
  [[nodiscard]] at::ScalarType dtype(ValueId id) const { return at(id).dtype; }
  /// Whether it depends on the input; else it only grows with the batch.
  [[nodiscard]] bool depends(ValueId id) const { return at(id).depends; }
  [[nodiscard]] const std::vector<Use>& uses(ValueId id) const { return at(id).uses; }
  /// The number of the step that makes it; -1 for a part of the input.
  [[nodiscard]] std::int64_t producer(ValueId id) const { return at(id).step; }

  /// The recorded value, without a graph. @throws Error if it was not kept and the program is not exact
  [[nodiscard]] Tensor value(ValueId id) const {
    return is_kept(id) ? kept_[static_cast<std::size_t>(id)] : run({}, {id}).front();
  }
  [[nodiscard]] bool is_kept(ValueId id) const {
    (void)at(id);
    return kept_[static_cast<std::size_t>(id)].defined();
  }

  /// The output with values replaced. What does not depend on the given values is as recorded, repeated for each row
  /// if they have other rows than that; with the whole input given everything is computed anew. Differentiable with
  /// respect to the given values where grad mode is on, and to nothing else.
  /// @throws Error if the program is not exact, or a value has not the sizes that it has for some number of rows
  [[nodiscard]] Tensor run(const Values& given) const {
    require(output_ >= 0, "the output does not depend on the input; there is nothing to replay");
    return run(given, {output_}).front();
  }
  /// The same for any values.
  [[nodiscard]] Tensors run(const Values& given, const std::vector<ValueId>& wanted) const {
    require(exact(), [&] { return text("this model cannot be replayed: ", fault_); });
    for (const ValueId each : wanted) (void)at(each);
    return detail::Replay(*code_, kept_, rows_, given, rows_of(given))(wanted);
  }
  /// The output for another input. @throws Error as `run`
  [[nodiscard]] Tensor operator()(const Tensors& x) const { return run(as_input(x)); }

  /// The same program, which keeps only what a run takes that is given values of `from`.
  [[nodiscard]] Program cut(const std::vector<ValueId>& from) const { return keeping(from, {}, rows_); }
  /// The same on another input of any number of rows, whose values are then the recorded ones: one pass of what leads
  /// to those that a run takes that is given values of `from`, which are all that is kept.
  [[nodiscard]] Program on(const Tensors& x, const std::vector<ValueId>& from) const {
    const Values input = as_input(x);
    return keeping(from, input, rows_of(input));
  }

 private:
  Program() = default;

  [[nodiscard]] Program keeping(const std::vector<ValueId>& from, const Values& input,
                                std::int64_t rows) const {
    require(output_ >= 0, "the output does not depend on the input; there is nothing to replay");
    Values given;
    for (const ValueId each : from) given.emplace(each, Tensor());
    const std::vector<ValueId> needed = detail::Replay(*code_, kept_, 1, given, 2).recorded({output_});
    Program result = *this;
    result.rows_ = rows;
    result.kept_.assign(kept_.size(), Tensor());
    const at::NoGradGuard no_grad;
    const Tensors values = run(input, needed);
    for (std::size_t i = 0; i < needed.size(); ++i)
      result.kept_[static_cast<std::size_t>(needed[i])] = values[i];
    for (const ValueId each : inputs_) {
      const auto other = input.find(each);
      result.kept_[static_cast<std::size_t>(each)] = other == input.end() ? value(each) : other->second;
    }
    return result;
  }

  [[nodiscard]] Values as_input(const Tensors& x) const {
    require(x.size() == inputs_.size(), [&] {
      return text("the program takes ", inputs_.size(), " parts of an input, but got ", x.size());
    });
    Values given;
    for (std::size_t i = 0; i < x.size(); ++i) given.emplace(inputs_[i], x[i]);
    return given;
  }

  [[nodiscard]] const detail::Value& at(ValueId id) const {
    require(0 <= id && id < value_count(),
            [&] { return text("there is no value ", id, "; the program has ", value_count()); });
    return code_->values[static_cast<std::size_t>(id)];
  }

  /// The number of rows that all given values agree on; as recorded if they do not tell.
  [[nodiscard]] std::int64_t rows_of(const Values& given) const {
    std::int64_t rows = rows_;
    bool known = false;
    for (const auto& [id, tensor] : given) {
      const detail::Value& value = at(id);
      require(tensor.defined() && tensor.dim() == static_cast<std::int64_t>(value.sizes.size()), [&] {
        return text("value ", id, " has sizes ", at::IntArrayRef(sizes(id)), ", but its replacement ",
                    tensor.defined() ? text("has ", tensor.sizes()) : std::string("is undefined"));
      });
      for (std::size_t d = 0; d < value.sizes.size() && !known; ++d) {
        if (value.slopes[d] == 0) continue;
        rows = code_->rows + (tensor.size(static_cast<std::int64_t>(d)) - value.sizes[d]) / value.slopes[d];
        known = true;
      }
      const std::vector<std::int64_t> expected = sizes(id, rows);
      require(tensor.sizes() == expected, [&] {
        return text(
            "value ", id, " has sizes ", at::IntArrayRef(expected), " for ", rows,
            " rows, but its replacement has ", tensor.sizes(),
            any_batch_ ? ""
                       : text("; the program was recorded for ", rows_, " rows and runs on no other number"));
      });
    }
    require(rows > 0, "the values given to a program hold no rows");
    return rows;
  }

  static Program record_once(const lumen::engine::Function& model, const Tensors& x,
                             const ProgramOptions& options);
  static detail::Tape recorded(const lumen::engine::Function& model, const Tensors& x,
                               const std::vector<Layer>& layers, std::int64_t memory, Tensor& output);

  std::shared_ptr<const detail::Code> code_;
  Tensors kept_;
  std::vector<ValueId> inputs_, layers_;
  ValueId output_ = -1;
  std::int64_t rows_ = 1;
  bool any_batch_ = false;
  std::string fault_;
};

/// One pass.
inline detail::Tape Program::recorded(const lumen::engine::Function& model, const Tensors& x,
                                      const std::vector<Layer>& layers, std::int64_t memory, Tensor& output) {
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode as_a_method(true);  // what the model asks of grad mode is part of what it runs
  Tensors given;
  for (const Tensor& part : x) given.push_back(part.detach().clone());
  detail::Recorder recorder(given, layers, memory);
  {
    const Listening listening(recorder);
    output = model(given);
  }
  recorder.check();
  recorder.finish(output);
  return std::move(recorder.tape);
}

inline Program Program::record(const lumen::engine::Function& model, const Tensors& x,
                               const ProgramOptions& options) {
  Program program = record_once(model, x, options);
  if (program.exact() || !options.any_batch || program.steps().empty()) return program;
  // a model may run other operators for one row than for two, and the same for every row
  ProgramOptions of_one_row = options;
  of_one_row.any_batch = false;
  of_one_row.verify = true;
  Tensors first;
  for (const Tensor& part : x) first.push_back(part.narrow(0, 0, 1));
  Program alone = record_once(model, first, of_one_row);
  return alone.exact() ? std::move(alone) : std::move(program);
}

inline Program Program::record_once(const lumen::engine::Function& model, const Tensors& x,
                                    const ProgramOptions& options) {
  require(!x.empty(), "the list of inputs is empty; give at least one tensor");
  const at::NoGradGuard no_grad;
  Tensors first;
  for (const Tensor& part : x) {
    require(part.defined() && part.dim() > 0 && part.size(0) > 0,
            "an input to record is undefined or holds no rows");
    first.push_back(options.any_batch ? part.detach().narrow(0, 0, 1) : part.detach());
  }
  Program program;
  program.rows_ = first.front().size(0);
  Tensor output, other_output;
  detail::Tape tape, other;
  try {
    tape = recorded(model, first, options.layers, options.run.memory, output);
  } catch (const c10::Error& failure) {
    tape.fail(text("the model failed: ", failure.what_without_backtrace()));
  }
  Tensors second;
  if (options.any_batch || options.verify) second = detail::second_input(x, options.any_batch);
  try {
    if (options.any_batch && tape.fault.empty())
      other = recorded(model, second, options.layers, 0, other_output);
  } catch (const std::exception& failure) {
    other.fail(text("the model failed on a batch of two, the second of other values: ", failure.what()));
  }
  const bool two = options.any_batch && tape.fault.empty();
  detail::Linker linked(tape, two ? &other : nullptr, 1);
  program.any_batch_ = two;
  program.code_ = std::make_shared<const detail::Code>(
      detail::Code{std::move(linked.steps), std::move(linked.values), program.rows_});
  program.kept_ = std::move(linked.kept);
  program.layers_ = std::move(linked.layers);
  program.output_ = linked.output;
  program.fault_ = std::move(linked.fault);
  for (std::size_t i = 0; i < x.size(); ++i) program.inputs_.push_back(static_cast<ValueId>(i));
  if (!program.exact() || !options.verify) return program;
  try {
    if (!two) other_output = model(detail::second_input(first, false)).detach();
    const Tensor replayed = program(second);
    if (!detail::same_constant(replayed, other_output)) {
      program.fault_ =
          "a replay for another input differs from the model: it computes by other means than operators "
          "(raw pointers), or does not give the same twice";
    }
  } catch (const std::exception& failure) {
    program.fault_ = text("a replay failed: ", failure.what());
  }
  return program;
}

}  // namespace lumen::trace
