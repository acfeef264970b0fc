// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <exception>
#include <optional>

#include <torch/csrc/jit/runtime/custom_operator.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <lumen/core/error.hpp>
#include <lumen/trace/intercept.hpp>

/// How a TorchScript graph calls trace::tap, and how an Error gets out of TorchScript's interpreter.
namespace lumen::script::detail {

/// Where the Errors of listeners are kept while they are on their way through the interpreter of this thread, which would
/// turn them into texts.
class ErrorsOnTheirWay {
 public:
  ErrorsOnTheirWay() : outer_(innermost()) { innermost() = this; }
  ErrorsOnTheirWay(const ErrorsOnTheirWay&) = delete;
  ErrorsOnTheirWay& operator=(const ErrorsOnTheirWay&) = delete;
  ~ErrorsOnTheirWay() { innermost() = outer_; }

  static void keep() {
    if (innermost() != nullptr) innermost()->latest = std::current_exception();
  }
  std::exception_ptr latest;

 private:
  /// A plain pointer: what has a destructor in each thread keeps its library from being unloaded.
  static ErrorsOnTheirWay*& innermost() {
    static thread_local ErrorsOnTheirWay* one = nullptr;
    return one;
  }
  ErrorsOnTheirWay* outer_;
};

/// Keeps the Errors of the listeners.
class ErrorKeeper final : public trace::Listener {
 public:
  void on_call(trace::Call& call) override {
    try {
      call.proceed();
    } catch (const Error&) {
      ErrorsOnTheirWay::keep();
      throw;
    }
  }
};

/// An operator of TorchScript's graphs: trace::tap(name, value, input). LibTorch's list of operators is the process's,
/// the code behind an operator a library's: each library that holds lumen has one of its own name, and takes it off the
/// list when it is unloaded.
class TapOperator {
 public:
  TapOperator() : symbol(c10::Symbol::fromQualString(text("lumen::tap_", static_cast<const void*>(this)))) {
    torch::jit::registerOperator(torch::jit::Operator(
        text(symbol.toQualString(), "(str name, Tensor(a) value, bool input) -> Tensor(a)"), &run,
        c10::AliasAnalysisKind::FROM_SCHEMA));
    schema_ = torch::jit::getAllOperatorsFor(symbol).front()->schema();
  }
  TapOperator(const TapOperator&) = delete;
  TapOperator& operator=(const TapOperator&) = delete;
  ~TapOperator() { torch::jit::deregisterOperator(*schema_); }

  const c10::Symbol symbol;

 private:
  static void run(torch::jit::Stack& stack) {
    const bool input = torch::jit::pop(stack).toBool();
    const Tensor value = torch::jit::pop(stack).toTensor();
    const c10::IValue path = torch::jit::pop(stack);
    try {
      torch::jit::push(stack, trace::tap(path.toStringRef(), value, input));
    } catch (const Error&) {
      ErrorsOnTheirWay::keep();
      throw;
    }
  }

  std::optional<c10::FunctionSchema> schema_;
};

inline c10::Symbol tap_symbol() {
  static const TapOperator tap;
  return tap.symbol;
}

}  // namespace lumen::script::detail
