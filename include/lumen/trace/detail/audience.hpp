// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/autograd/graph_task.h>

#include <lumen/core/error.hpp>
#include <lumen/core/slot.hpp>

namespace lumen::trace {

class Listener;

namespace detail {

inline constexpr c10::DispatchKey key = lumen::detail::heard_by;
inline c10::DebugInfoKind audience_slot() { return c10::DebugInfoKind::TEST_INFO_2; }

/// Who listens on a thread, in the order in which they are asked: one object a thread, in LibTorch's slot, whichever of
/// the process's libraries made it. Its layout, Listener's and Call's are shared between those libraries: rename it when
/// one of them changes.
class Audience1 final : public c10::DebugInfoBase, public std::enable_shared_from_this<Audience1> {
 public:
  std::vector<Listener*> listeners;
  std::atomic<bool> probing = false;  ///< whether the next operator is but a question: does anybody hear it?
  bool heard = false;                 ///< the answer

  /// Whether anybody listens; may be asked by any thread.
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool here() const { return thread_ == std::this_thread::get_id(); }

  /// Puts it into this thread's slot and switches the key on.
  void begin() {
    if (!open_) {
      before_ = c10::ThreadLocalDebugInfo::current();
      c10::ThreadLocalDebugInfo::_push(audience_slot(), shared_from_this());
      pushed_ = c10::ThreadLocalDebugInfo::current().get();
      open_ = true;
    }
    c10::impl::tls_set_dispatch_key_included(key, true);
  }

  /// Undoes `begin` when nobody is left.
  void end() noexcept {
    if (!listeners.empty()) return;
    open_ = false;
    if (!here()) return;
    c10::impl::tls_set_dispatch_key_included(key, false);
    // a guard that should have ended before is still on top, and would put this one back
    if (c10::ThreadLocalDebugInfo::current().get() != pushed_) return;
    c10::ThreadLocalDebugInfo::_forceCurrentDebugInfo(before_);
    before_ = nullptr;
  }

  void leave(Listener* listener) noexcept {
    if (const auto found = std::find(listeners.begin(), listeners.end(), listener);
        found != listeners.end()) {
      listeners.erase(found);
    }
    end();
  }

  /// The right to ask the listeners, of one thread at a time.
  class Turn {
   public:
    /// @throws Error if this is a thread whose operators would come in an order of chance
    Turn(Audience1& all, std::string_view what) : all_(all) {
      if (!all.here() && torch::autograd::get_current_graph_task_nodes_in_graph() == nullptr) {
        all.strayed_ = true;
        throw Error(text(what,
                         " ran on a thread of its own (at::launch or torch.jit.fork) inside a pass that is "
                         "observed, where its place among the operators is chance; run it on the "
                         "thread that calls the model"));
      }
      require(!all.strayed_, [&] {
        return text(
            "before ", what,
            ", a part of the model ran on a thread of its own (at::launch or "
            "torch.jit.fork) inside a pass that is observed; run it on the thread that calls the model");
      });
      require(!all.busy_.exchange(true, std::memory_order_acquire), [&] {
        return text(what,
                    " ran at the same time as another operator, on another thread, inside a pass that "
                    "is observed; run the model's parts one after the other");
      });
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() { all_.busy_.store(false, std::memory_order_release); }

   private:
    Audience1& all_;
  };

 private:
  const std::thread::id thread_ = std::this_thread::get_id();
  std::atomic<bool> open_ = false, busy_ = false, strayed_ = false;
  std::shared_ptr<c10::ThreadLocalDebugInfo> before_;
  const c10::ThreadLocalDebugInfo* pushed_ = nullptr;
};
using Audience = Audience1;

/// Whose slot this is, whether anybody listens or not; null if there is none.
/// @param on  whether operators are intercepted, so that the slot must be lumen's
inline Audience* audience_in_slot(bool on) {
  c10::DebugInfoBase* const there = c10::ThreadLocalDebugInfo::get(audience_slot());
  Audience* const all = lumen::detail::slot_cast<Audience>(there);
  require(all != nullptr || there == nullptr || !on,
          "somebody listens to the operators of this thread, but LibTorch's slot for that (TEST_INFO_2) was "
          "taken "
          "by code that does not know of it, such as another version of lumen; use one version a process");
  return all != nullptr && all->open() ? all : nullptr;
}

/// Who hears what this thread runs now; null if nobody does.
/// @throws Error if somebody should hear it and cannot
inline Audience* audience() {
  if (c10::ThreadLocalDebugInfo::get(audience_slot()) == nullptr) return nullptr;
  const bool on = c10::impl::tls_is_dispatch_key_included(key);
  Audience* const all = audience_in_slot(on);
  if (all == nullptr || c10::impl::tls_is_dispatch_key_excluded(key)) return nullptr;
  require(
      on,
      "somebody listens to the operators of this thread, but a guard of LibTorch that began before and ended "
      "since, such as c10::InferenceMode, switched that off; end guards in the reverse order");
  return all;
}

}  // namespace detail
}  // namespace lumen::trace
