// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <lumen/trace/operation.hpp>
#include <lumen/trace/step.hpp>

namespace lumen::testing {

/// Operators as they run, as steps; a tensor is a value if it is one of those given or came out of a step before.
class StepRecorder final : public trace::Listener {
 public:
  explicit StepRecorder(const Tensors& inputs) : values(inputs) {}

  void on_call(trace::Call& call) override {
    trace::Step step{.op = call.op, .kind = trace::kind_of(call.op, call.arguments)};
    step.order = static_cast<std::int64_t>(steps.size());
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const c10::IValue& argument = call.arguments[i];
      const auto take = [&](const c10::IValue& each, std::int64_t element) {
        if (!each.isTensor() || !each.toTensor().defined()) return;
        const Tensor& tensor = each.toTensor();
        trace::Operand operand{
            .value = id_of(tensor), .sizes = tensor.sizes().vec(), .dtype = tensor.scalar_type()};
        if (operand.is_constant()) operand.constant = tensor;
        operand.argument = static_cast<std::int64_t>(i);
        operand.element = element;
        step.operands.push_back(std::move(operand));
      };
      take(argument, -1);
      for (std::int64_t e = 0;
           argument.isList() && e < static_cast<std::int64_t>(argument.toListRef().size()); ++e) {
        take(argument.toListRef()[static_cast<std::size_t>(e)], e);
      }
      step.arguments.push_back(argument.isTensor() ? c10::IValue() : argument);
    }
    call.proceed();
    for (const Tensor& each : trace::tensors_in(call.results)) {
      step.results.push_back(static_cast<trace::ValueId>(values.size()));
      step.result_sizes.push_back(each.sizes().vec());
      values.push_back(each);
    }
    steps.push_back(std::move(step));
  }

  std::vector<trace::Step> steps;
  Tensors values;

 private:
  [[nodiscard]] trace::ValueId id_of(const Tensor& tensor) const {
    for (std::size_t i = values.size(); i-- > 0;) {
      if (values[i].is_same(tensor)) return static_cast<trace::ValueId>(i);
    }
    return -1;
  }
};

/// The operators that `run()` ran on these inputs.
template <class Run>
std::vector<trace::Step> steps_of(const Tensors& inputs, const Run& run) {
  StepRecorder recorder(inputs);
  {
    const trace::Listening listening(recorder);
    (void)run();
  }
  return std::move(recorder.steps);
}

}  // namespace lumen::testing
