// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <lumen/rule/detail/algebra.hpp>
#include <lumen/rule/detail/attention.hpp>
#include <lumen/rule/detail/losses.hpp>
#include <lumen/rule/detail/recurrent.hpp>
#include <lumen/rule/detail/statistics.hpp>
#include <lumen/rule/kinds.hpp>
#include <lumen/trace/parts.hpp>

/// Operators for which a method has no rule, and which are several simpler ones, as those.
namespace lumen::rule {

/// Numbers operators in the order in which they run, and apart from them the parts of those that are taken apart.
struct Order {
  std::int64_t next(bool part) { return part ? first_part + parts_++ : whole_++; }

 private:
  static constexpr std::int64_t first_part = std::int64_t{1} << 40;
  std::int64_t whole_ = 0, parts_ = 0;
};

namespace detail {

inline const Decompositions& decompositions() {
  static const Decompositions all = [] {
    Decompositions result = statistics();
    for (const Decompositions& more : {algebra(), attention(), losses(), recurrent()}) {
      result.insert(more.begin(), more.end());
    }
    return result;
  }();
  return all;
}

}  // namespace detail

/// Whether `take_apart` knows the parts of an operator: those of lumen's own list (standard deviations, norms,
/// attention, gates of recurrent cells), and all that LibTorch itself writes with other operators.
[[nodiscard]] inline bool separable(const c10::OperatorHandle& op, const std::string& kind) {
  if (kinds::dropouts.contains(kind) || kinds::norms_fixed.contains(kind)) return false;
  return detail::decompositions().contains(kind) || trace::has_parts(op);
}

/// Runs the operator of a call as its parts, which `listener` hears, whom the call has come to.
inline void take_apart(trace::Call& call, const std::string& kind, trace::Listener& listener) {
  const auto found = detail::decompositions().find(kind);
  if (found == detail::decompositions().end()) {
    trace::run_parts(call, listener);
    return;
  }
  trace::run_instead(call, listener, [&] {
    const bool writes = trace::in_place(call.op);
    const Tensor self = writes ? call.arguments.front().toTensor() : Tensor();
    if (writes) call.arguments.front() = self.clone();  // the parts keep what they take
    const detail::Given given(call);
    std::vector<c10::IValue> results = found->second(given);
    if (writes) {
      results.front() = self.copy_(results.front().toTensor());
    }
    results.resize(call.op.schema().returns().size(), Tensor());
    return results;
  });
}

/// @throws Error if it is a kernel that LibTorch has for inference alone: it has no derivative, and hides its layers
inline void refuse_inference_kernel(const c10::OperatorHandle& op, const std::string& where) {
  static const std::set<std::string> kernels{
      "aten::_transformer_encoder_layer_fwd", "aten::_native_multi_head_attention",
      "aten::_transformer_decoder_only_layer_fwd", "aten::_native_decoder_only_multi_head_attention",
      "aten::_transform_bias_rescale_qkv"};
  require(!kernels.contains(op.schema().name()), [&] {
    return text(where,
                " is a fused kernel for inference, which has no derivative: the model was traced with ",
                "gradients off (torch.no_grad); trace it with gradients enabled");
  });
}

}  // namespace lumen::rule
