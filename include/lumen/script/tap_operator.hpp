// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>

#include <torch/csrc/jit/runtime/custom_operator.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <lumen/core/error.hpp>
#include <lumen/trace/intercept.hpp>

/// How a TorchScript graph calls trace::tap, and how an Error gets out of TorchScript's interpreter.
namespace lumen::script::detail {

/// The Error that is on its way through the interpreter of this thread, which would turn it into a text.
inline std::exception_ptr& error_on_its_way() {
  static thread_local std::exception_ptr error;
  return error;
}

/// Keeps the Errors of the listeners.
class ErrorKeeper final : public trace::Listener {
 public:
  void on_call(trace::Call& call) override {
    try {
      call.proceed();
    } catch (const Error&) {
      error_on_its_way() = std::current_exception();
      throw;
    }
  }
};

/// lumen::tap(name, value, input): an operator of TorchScript's graphs. Registered once a process, also when
/// several of its libraries hold lumen.
inline c10::Symbol tap_symbol() {
  static const c10::Symbol symbol = [] {
    const c10::Symbol name = c10::Symbol::fromQualString("lumen::tap");
    if (!torch::jit::getAllOperatorsFor(name).empty()) return name;
    torch::jit::registerOperator(torch::jit::Operator(
        "lumen::tap(str name, Tensor(a) value, bool input) -> Tensor(a)",
        [](torch::jit::Stack& stack) {
          const bool input = torch::jit::pop(stack).toBool();
          const Tensor value = torch::jit::pop(stack).toTensor();
          const c10::IValue path = torch::jit::pop(stack);
          try {
            torch::jit::push(stack, trace::tap(path.toStringRef(), value, input));
          } catch (const Error&) {
            error_on_its_way() = std::current_exception();
            throw;
          }
        },
        c10::AliasAnalysisKind::FROM_SCHEMA));
    return name;
  }();
  return symbol;
}

}  // namespace lumen::script::detail
