// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <unordered_map>

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <lumen/core/slot.hpp>

namespace lumen {

/// Measures the bytes that LibTorch allocates on this thread (and on the threads that run its backward
/// passes) while it lives: the highest level above the one at which it started, the sum of all, and the largest. Meters
/// nest. It sees what LibTorch's CPU and CUDA allocators report, not scratch space that a kernel library takes
/// for itself.
class MemoryMeter {
  using Reporting = c10::MemoryReportingInfoBase;
  // LibTorch 1.13 reports signed totals, later ones unsigned
  template <class Total>
  static Total total_of(void (Reporting::*)(void*, std::int64_t, Total, Total, c10::Device));
  using Total = decltype(total_of(&Reporting::reportMemoryUsage));

  class Ledger final : public Reporting, public std::enable_shared_from_this<Ledger> {
   public:
    Ledger(std::shared_ptr<Ledger> outer, bool levels) : outer_(std::move(outer)), levels_(levels) {}

    void reportMemoryUsage(void* pointer, std::int64_t size, Total, Total, c10::Device device) override {
      record(pointer, size, device.is_cpu());
    }
    bool memoryProfilingEnabled() const override { return true; }

    [[nodiscard]] std::int64_t peak() const {
      const std::lock_guard lock(mutex_);
      return peak_;
    }
    [[nodiscard]] std::int64_t allocated() const { return allocated_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t largest() const { return largest_.load(std::memory_order_relaxed); }

   private:
    void record(void* pointer, std::int64_t size, bool on_processor) {
      if (size > 0) allocated_.fetch_add(size, std::memory_order_relaxed);
      if (on_processor) {
        std::int64_t most = largest();
        while (size > most && !largest_.compare_exchange_weak(most, size, std::memory_order_relaxed)) {
        }
      }
      if (levels_) {
        const std::lock_guard lock(mutex_);
        if (size > 0) {
          held_[pointer] = size;
          peak_ = std::max(peak_, level_ += size);
        } else if (const auto found = held_.find(pointer); found != held_.end()) {
          level_ -= found->second;  // only what was allocated under this meter: the sizes reported for others
                                    // can be stale
          held_.erase(found);
        }
      }
      if (outer_) outer_->record(pointer, size, on_processor);
    }

    std::shared_ptr<Ledger> outer_;
    bool levels_;
    mutable std::mutex mutex_;
    std::unordered_map<void*, std::int64_t> held_;
    std::int64_t level_ = 0, peak_ = 0;
    std::atomic<std::int64_t> allocated_{0}, largest_{0};
  };

 public:
  /// @param levels  false: counts what is allocated alone, at less cost; `peak` is 0
  explicit MemoryMeter(bool levels = true) {
    const auto kind = c10::DebugInfoKind::PROFILER_STATE;
    c10::DebugInfoBase* const there = c10::ThreadLocalDebugInfo::get(kind);
    Ledger* const outer = detail::slot_cast<Ledger>(there);
    // a running LibTorch profiler owns this slot and must keep it
    if (there != nullptr && outer == nullptr) return;
    ledger_ = std::make_shared<Ledger>(outer ? outer->shared_from_this() : nullptr, levels);
    guard_ = std::make_unique<c10::DebugInfoGuard>(kind, ledger_);
  }
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

  /// False while LibTorch's own profiler runs on this thread, whose place is not taken: then all is 0.
  [[nodiscard]] bool measures() const { return ledger_ != nullptr; }

  /// The most bytes held at once, so far, of those allocated since the start.
  [[nodiscard]] std::int64_t peak() const { return ledger_ ? ledger_->peak() : 0; }

  /// The bytes allocated since the start, whether still held or not: what would be held if nothing were freed.
  [[nodiscard]] std::int64_t allocated() const { return ledger_ ? ledger_->allocated() : 0; }

  /// The bytes of the largest allocation on the processor since the start.
  [[nodiscard]] std::int64_t largest() const { return ledger_ ? ledger_->largest() : 0; }

 private:
  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<c10::DebugInfoGuard> guard_;
};

/// Lets the C library keep freed memory for the next allocation, where it is glibc: blocks below 32 MiB, and 64 MiB in all.
/// Left alone it gives the tensors of a pass back to the system after the pass, and those above 128 KiB often each by itself;
/// to have them mapped and cleared again took half of the time of confined passes. What it keeps follows the largest block
/// that it was given back, so that one is given back here that was never touched. Once a process; not where the environment
/// (MALLOC_TRIM_THRESHOLD_) or the program (mallopt) says otherwise.
inline void keep_freed_memory() {
#ifdef __GLIBC__
  [[maybe_unused]] static const bool done = [] {
    void* volatile block = std::malloc((std::size_t{32} << 20) - (std::size_t{1} << 16));
    std::free(block);
    return true;
  }();
#endif
}

}  // namespace lumen
