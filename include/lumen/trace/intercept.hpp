// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <lumen/core/tensor.hpp>
#include <lumen/trace/detail/audience.hpp>
#include <lumen/trace/detail/inference_kernels.hpp>

/// What a model runs, seen operator by operator: the one place that knows how LibTorch is listened to.
///
/// A boxed fallback on a dispatch key that LibTorch keeps spare is switched on for this thread while somebody
/// listens. It sees the operators that the model itself calls (a convolution, a ReLU), whether from a lambda, a
/// torch::nn module or TorchScript, and costs nothing when nobody listens. The fused kernels for inference of torch.nn's
/// transformers, which would hide their layers, are seen as the operators that they stand for.
///
/// Heard or refused: each Listening asks an operator of its own whether it is heard. What LibTorch hands to other
/// threads is heard where the caller waits for it (a backward pass inside the model), and an Error otherwise
/// (at::launch, torch.jit.fork). Threads that the model makes itself (std::thread, at::parallel_for) are out of
/// reach: what runs there is not heard (trace/unheard.hpp finds what comes back from it).
namespace lumen::trace {

namespace detail {
inline void intercept(const c10::OperatorHandle& op, std::vector<c10::IValue>* stack);
}

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
  friend void detail::intercept(const c10::OperatorHandle& op, std::vector<c10::IValue>* stack);

  const std::vector<Listener*>* listeners_ = nullptr;
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

/// Who hears what this thread runs now.
inline const std::vector<Listener*>& listeners() {
  static const std::vector<Listener*> none;
  const Audience* const all = audience();
  return all == nullptr ? none : all->listeners;
}

inline void intercept(const c10::OperatorHandle& op, std::vector<c10::IValue>* stack) {
  Audience* const all = audience_in_slot(true);
  if (all != nullptr && !all->probing) {
    if (auto results = opened(op, *stack)) {
      stack->resize(stack->size() - op.schema().arguments().size());
      stack->insert(stack->end(), std::make_move_iterator(results->begin()),
                    std::make_move_iterator(results->end()));
      return;
    }
  }
  const c10::impl::ExcludeDispatchKeyGuard unseen(key);
  if (all == nullptr || (all->probing && all->here())) {  // an operator that outlived the pass, or a probe
    if (all != nullptr) all->heard = true;
    op.callBoxed(stack);
    return;
  }
  const Audience::Turn turn(*all, op.schema().name());
  const auto count = static_cast<std::ptrdiff_t>(op.schema().arguments().size());
  Call call(op, {std::make_move_iterator(stack->end() - count), std::make_move_iterator(stack->end())});
  call.listeners_ = &all->listeners;
  stack->resize(stack->size() - static_cast<std::size_t>(count));
  call.proceed();
  stack->insert(stack->end(), std::make_move_iterator(call.results.begin()),
                std::make_move_iterator(call.results.end()));
}

/// Once a process, whichever of its libraries comes first. When that one is unloaded its handle takes the fallback
/// away, and the next to come puts its own there.
inline void install() {
  static std::atomic<bool> settled = false;
  c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
  if (dispatcher.hasBackendFallbackForDispatchKey(key)) {
    if (settled) return;  // else another library may be in the midst of it: wait for it by trying too
  } else {
    settled = false;
  }
  try {
    static const c10::RegistrationHandleRAII handle =
        dispatcher.registerFallback(key, c10::KernelFunction::makeFromBoxedFunction<&intercept>(), "lumen");
  } catch (const c10::Error&) {  // another library was faster
    if (!dispatcher.hasBackendFallbackForDispatchKey(key)) throw;
  }
  settled = true;
}

/// @throws Error unless an operator that runs here now is heard
inline void probe(Audience& all) {
  all.heard = false;
  all.probing = true;
  (void)at::promote_types(at::kFloat, at::kFloat);
  all.probing = false;
  require(all.heard,
          "the operators that run on this thread are not heard: LibTorch's dispatch key "
          "TESTING_ONLY_GenericMode serves somebody else in this process");
}

/// Makes `listener` hear what this thread runs.
inline std::shared_ptr<Audience> join(Listener& listener) {
  require(!c10::impl::tls_is_dispatch_key_excluded(key),
          "nobody hears what a listener runs while it is asked (on_call, on_tap): begin to listen before or "
          "after");
  Audience* const there = audience();
  require(there == nullptr || there->here(),
          "somebody on another thread listens to what runs here, and cannot share it; listen on that thread");
  const std::shared_ptr<Audience> all = there ? there->shared_from_this() : std::make_shared<Audience>();
  install();
  try {
    all->begin();
    probe(*all);
    all->listeners.insert(listener.innermost() ? all->listeners.end() : all->listeners.begin(), &listener);
  } catch (...) {
    all->probing = false;
    all->end();
    throw;
  }
  return all;
}

}  // namespace detail

inline void Call::proceed() {
  if (listeners_ != nullptr && next_ < listeners_->size()) {
    (*listeners_)[next_++]->on_call(*this);
  } else {
    results = arguments;
    op.callBoxed(&results);
  }
}

/// While it lives, `listener` hears what this thread runs. Those of a thread may end in any order; with other guards of
/// LibTorch on the same thread they nest.
/// @throws Error if nobody would be heard: inside a listener, or where somebody else has LibTorch's key or slot
class Listening {
 public:
  explicit Listening(Listener& listener) : listener_(&listener), audience_(detail::join(listener)) {}
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { audience_->leave(listener_); }

 private:
  Listener* listener_;
  std::shared_ptr<detail::Audience> audience_;
};

/// Whether somebody hears what this thread runs now.
[[nodiscard]] inline bool is_heard() { return !detail::listeners().empty(); }

/// Marks a value inside a model's forward so that it can be named: `x = lumen::trace::tap("bottleneck", x)`.
/// Returns `value` itself unless somebody listens who puts another in its place.
/// @param input  whether it is what a part of the model called `name` is given, not what it gives
inline Tensor tap(std::string_view name, const Tensor& value, bool input = false) {
  detail::Audience* const all = detail::audience();
  if (all == nullptr) return value;
  const c10::impl::ExcludeDispatchKeyGuard unseen(detail::key);
  const detail::Audience::Turn turn(*all, name);
  Tensor current = value;
  for (Listener* const listener : all->listeners) current = listener->on_tap(name, current, input);
  return current;
}

}  // namespace lumen::trace
