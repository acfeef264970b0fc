// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <memory>

#include <c10/core/DispatchKeySet.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <lumen/trace/detail/audience.hpp>
#include <lumen/trace/intercept.hpp>
#include <lumen/trace/operation.hpp>

/// Operators that are written with other operators, heard part by part.
namespace lumen::trace {

namespace detail {

/// While it lives, inside of a listener's `on_call`, this one alone hears what runs.
class HearingParts {
 public:
  explicit HearingParts(Listener& listener) : audience_(std::make_shared<Audience>()) {
    c10::impl::tls_set_dispatch_key_excluded(key, false);
    audience_->begin();
    audience_->listeners.push_back(&listener);
  }
  HearingParts(const HearingParts&) = delete;
  HearingParts& operator=(const HearingParts&) = delete;
  ~HearingParts() {
    audience_->listeners.clear();
    audience_->end();
    c10::impl::tls_set_dispatch_key_included(key, true);
    c10::impl::tls_set_dispatch_key_excluded(key, true);
  }

 private:
  std::shared_ptr<Audience> audience_;
};

}  // namespace detail

/// Whether LibTorch computes an operator that makes tensors, and its gradient, by calling other operators.
inline bool has_parts(const c10::OperatorHandle& op) {
  const auto& results = op.schema().returns();
  const bool tensors = std::any_of(results.begin(), results.end(), [](const c10::Argument& result) {
    return result.type()->isSubtypeOf(*c10::TensorType::get()) ||
           result.type()->isSubtypeOf(*c10::ListType::ofTensors());
  });
  return tensors && op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd) &&
         !op.hasKernelForDispatchKey(c10::DispatchKey::Autograd);
}

/// Runs such an operator so that `listener`, whom this call has come to, hears its parts and nobody else does.
/// Sets `call.results`.
inline void run_parts(Call& call, Listener& listener) {
  c10::DispatchKeySet keys;  // below our own, which would hear the operator itself again
  for (const Tensor& tensor : tensors_in(call.arguments)) keys = keys | tensor.key_set();
  keys = keys - c10::autocast_dispatch_keyset;  // each part is cast by itself
  call.results = call.arguments;
  const detail::HearingParts hearing(listener);
  call.op.redispatchBoxed(keys, &call.results);
}

/// Runs `compute()` in the place of `call`'s operator, heard likewise.
template <class F>
void run_instead(Call& call, Listener& listener, const F& compute) {
  const detail::HearingParts hearing(listener);
  call.results = compute();
}

}  // namespace lumen::trace
