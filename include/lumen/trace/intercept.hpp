// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <lumen/core/tensor.hpp>

/// What a model runs, seen operator by operator: the one place that knows how LibTorch is listened to.
///
/// A boxed fallback on a dispatch key that LibTorch keeps spare is switched on for this thread while somebody
/// listens. It sees the operators that the model itself calls (a convolution, a ReLU), whether from a lambda, a
/// torch::nn module or TorchScript, and costs nothing when nobody listens.
namespace lumen::trace {

class Listener;

/// An operator on its way to run.
class Call {
 public:
  Call(const c10::OperatorHandle& operation, std::vector<c10::IValue> values)
      : op(operation), arguments(std::move(values)) {}

  const c10::OperatorHandle& op;
  std::vector<c10::IValue> arguments;  ///< may be changed before `proceed`
  std::vector<c10::IValue> results;    ///< set by `proceed`; may be changed after it

  /// Lets the other listeners have it, and the last of them run it.
  inline void proceed();

 private:
  std::size_t next_ = 0;
};

/// Somebody who sees each operator, and must call `call.proceed()` or set `call.results`. What it runs itself
/// meanwhile is seen by nobody. The latest to listen is asked first, innermost ones last.
class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  virtual void on_call(Call& call) { call.proceed(); }
  /// Sees a value that the model marked by `tap`; what it returns takes the value's place.
  virtual Tensor on_tap(std::string_view name, const Tensor& value, bool input) {
    (void)name, (void)input;
    return value;
  }
  /// Whether it changes how operators run, so that others must see the call before and the result after it.
  [[nodiscard]] virtual bool innermost() const { return false; }
};

namespace detail {

inline constexpr c10::DispatchKey key = c10::DispatchKey::TESTING_ONLY_GenericMode;

/// Who listens on this thread, in the order in which they are asked.
inline std::vector<Listener*>& listeners() {
  static thread_local std::vector<Listener*> all;
  return all;
}

inline void intercept(const c10::OperatorHandle& op, std::vector<c10::IValue>* stack) {
  const c10::impl::ExcludeDispatchKeyGuard unseen(key);
  if (listeners().empty()) {  // a thread of the autograd engine inherits the key, not the listeners
    op.callBoxed(stack);
    return;
  }
  const auto count = static_cast<std::ptrdiff_t>(op.schema().arguments().size());
  Call call(op, {std::make_move_iterator(stack->end() - count), std::make_move_iterator(stack->end())});
  stack->resize(stack->size() - static_cast<std::size_t>(count));
  call.proceed();
  stack->insert(stack->end(), std::make_move_iterator(call.results.begin()),
                std::make_move_iterator(call.results.end()));
}

/// Once a process, also when several of its libraries hold lumen.
inline void install() {
  static const bool installed = [] {
    c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
    if (!dispatcher.hasBackendFallbackForDispatchKey(key)) {
      static const c10::RegistrationHandleRAII handle =
          dispatcher.registerFallback(key, c10::KernelFunction::makeFromBoxedFunction<&intercept>(), "lumen");
    }
    return true;
  }();
  (void)installed;
}

}  // namespace detail

inline void Call::proceed() {
  const std::vector<Listener*>& listeners = detail::listeners();
  if (next_ < listeners.size()) {
    listeners[next_++]->on_call(*this);
  } else {
    results = arguments;
    op.callBoxed(&results);
  }
}

/// While it lives, `listener` hears what this thread runs.
class Listening {
 public:
  explicit Listening(Listener& listener) : listener_(&listener), on_((detail::install(), detail::key)) {
    std::vector<Listener*>& all = detail::listeners();
    all.insert(listener.innermost() ? all.end() : all.begin(), listener_);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() {
    std::vector<Listener*>& all = detail::listeners();
    all.erase(std::find(all.begin(), all.end(), listener_));
  }

 private:
  Listener* listener_;
  c10::impl::IncludeDispatchKeyGuard on_;
};

/// Marks a value inside a model's forward so that it can be named: `x = lumen::trace::tap("bottleneck", x)`.
/// Returns `value` itself unless somebody listens who puts another in its place.
/// @param input  whether it is what a part of the model called `name` is given, not what it gives
inline Tensor tap(std::string_view name, const Tensor& value, bool input = false) {
  if (detail::listeners().empty()) return value;
  const c10::impl::ExcludeDispatchKeyGuard unseen(detail::key);
  Tensor current = value;
  for (Listener* const listener : detail::listeners()) current = listener->on_tap(name, current, input);
  return current;
}

}  // namespace lumen::trace
