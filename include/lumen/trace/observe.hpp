// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <torch/csrc/autograd/function.h>

#include <lumen/trace/operation.hpp>

namespace lumen::trace {

namespace detail {

class Observer final : public Listener {
 public:
  void on_call(Call& call) override {
    const std::string kind = kind_of(call.op, call.arguments);
    Operation seen{.name = call.op.schema().name(),
                   .kind = kind,
                   .order = static_cast<std::int64_t>(operations.size()),
                   .nth = counter_.next(kind),
                   .arguments = call.arguments,
                   .results = {},
                   .node = {}};
    call.proceed();
    seen.results = call.results;
    const Tensors results = tensors_in(call.results);
    if (!results.empty() && results.front().grad_fn()) seen.node = results.front().grad_fn()->name();
    operations.push_back(std::move(seen));
  }

  std::vector<Operation> operations;

 private:
  Counter counter_;
};

}  // namespace detail

/// The operators that `run()` ran on this thread, in order. Values are those that the model saw, not copies:
/// one that was later overwritten in place shows its last state.
///
///     const auto operations = lumen::trace::observe([&] { (void)lumen::forward(net, image); });
template <std::invocable F>
[[nodiscard]] std::vector<Operation> observe(F&& run) {
  detail::Observer observer;
  {
    const Listening listening(observer);
    (void)std::invoke(std::forward<F>(run));
  }
  return std::move(observer.operations);
}

}  // namespace lumen::trace
