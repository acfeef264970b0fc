// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <unordered_map>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>

#include <lumen/engine/function.hpp>
#include <lumen/trace/intercept.hpp>
#include <lumen/trace/operation.hpp>

namespace lumen::trace {

namespace detail {

/// Follows values whose way from the input no gradient can go back.
class Cuts final : public Listener {
 public:
  void on_call(Call& call) override {
    const std::string kind = kind_of(call.op, call.arguments);
    const std::int64_t order = order_++, nth = counter_.next(kind);
    bool on_path = false;
    std::string by;
    replace_tensors(call.arguments, [&](const Tensor& value, std::size_t) {
      const bool flows = value.requires_grad() && !value.is_leaf();
      on_path = on_path || flows;
      if (!flows && by.empty()) by = of(value);
      return value.requires_grad() && value.is_leaf() ? value.detach() : value;  // a parameter
    });
    call.proceed();
    if (on_path) {
      by = text(kind, ' ', nth, " (", call.op.schema().name(), ", operator ", order, ")",
                !at::GradMode::is_enabled() ? " runs where gradients are off (torch.no_grad, NoGradGuard)"
                : call.op.schema().name().find("quantize") != std::string::npos
                    ? " has no derivative: explain the network as it was before it was quantised"
                    : " has a result through which no gradient flows back");
    }
    if (by.empty()) return;
    for (const Tensor& result : tensors_in(call.results)) {
      if (!result.requires_grad())
        cuts_.insert_or_assign(result.unsafeGetTensorImpl(), std::pair{result, by});
    }
  }

  /// What cut this value off; empty if nothing did.
  [[nodiscard]] std::string of(const Tensor& value) const {
    const auto found = cuts_.find(value.unsafeGetTensorImpl());
    return found == cuts_.end() ? std::string() : found->second.second;
  }

 private:
  std::int64_t order_ = 0;
  Counter counter_;
  std::unordered_map<const c10::TensorImpl*, std::pair<Tensor, std::string>> cuts_;
};

}  // namespace detail

/// The operator after which no gradient comes back from the model's output to its input, and why: a quantisation, an
/// argmax, what runs under no_grad. Costs a pass; empty if the output depends on the input, or no single operator is to
/// blame.
[[nodiscard]] inline std::string what_cuts(const engine::Function& model, const Tensors& x) {
  try {
    const c10::InferenceMode no_inference(false);
    const at::AutoGradMode enable(true);
    Tensors given;
    for (const Tensor& part : x) {
      given.push_back(part.detach().narrow(0, 0, 1).clone());
      if (engine::explained(part)) given.back() = given.back().requires_grad_(true).clone();
    }
    detail::Cuts cuts;
    const Listening listening(cuts);
    const Tensor output = model(given);
    return output.defined() ? cuts.of(output) : std::string();
  } catch (const std::exception&) {  // this is for the message of another Error
    return {};
  }
}

inline const bool cuts_are_told = (engine::what_cuts() = &what_cuts, true);

}  // namespace lumen::trace
