// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/function.h>

#include <lumen/trace/operation.hpp>
#include <lumen/trace/ungraphed.hpp>

namespace lumen::trace {

namespace detail {

class Observer final : public Listener {
 public:
  /// @param ungraphed  how to run operators; null: as they come
  explicit Observer(Ungraphed* ungraphed = nullptr) : ungraphed_(ungraphed) {}

  void on_call(Call& call) override {
    const std::string kind = kind_of(call.op, call.arguments);
    Operation seen{.name = call.op.schema().name(),
                   .kind = kind,
                   .order = static_cast<std::int64_t>(operations.size()),
                   .nth = counter_.next(kind),
                   .arguments = call.arguments,
                   .results = {},
                   .node = {}};
    if (ungraphed_ != nullptr) {
      ungraphed_->run(call);
    } else {
      call.proceed();
    }
    seen.results = call.results;
    const Tensors results = tensors_in(call.results);
    if (!results.empty() && results.front().grad_fn()) seen.node = results.front().grad_fn()->name();
    operations.push_back(std::move(seen));
  }

  std::vector<Operation> operations;

 private:
  Ungraphed* ungraphed_;
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

/// The operators that `model(given)` runs where it is explained: a model that asks whether anybody needs gradients is
/// told so, as torch.nn's transformers do, which run none of their layers' modules otherwise. No graph is recorded, so
/// that the operations have no nodes.
template <std::invocable<const Tensors&> F>
[[nodiscard]] std::vector<Operation> observe(F&& model, const Tensors& x) {
  const c10::InferenceMode no_inference(false);
  const at::AutoGradMode enable(true);
  Ungraphed ungraphed;
  detail::Observer observer(&ungraphed);
  Tensors rows;
  for (const Tensor& part : x) rows.push_back(part.detach().clone());
  const Tensors given = ungraphed.marked(rows);
  {
    const Listening listening(observer);
    (void)std::invoke(std::forward<F>(model), given);
  }
  ungraphed.end();
  return std::move(observer.operations);
}

}  // namespace lumen::trace
