// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/memory.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <torch/csrc/autograd/profiler.h>
#include <lumen/core/tensor.hpp>

using lumen::MemoryMeter;
using lumen::Tensor;

namespace {

constexpr std::int64_t kMegabyte = 1 << 20;

Tensor megabytes(std::int64_t count) { return at::empty({count * kMegabyte}, at::kByte); }

c10::DebugInfoBase* slot() { return c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::PROFILER_STATE); }

/// Somebody else's ledger in LibTorch's slot.
struct Foreign : c10::DebugInfoBase {};

}  // namespace

//! [meter]
DOCTEST_TEST_CASE("the peak is the most that was held at once") {
  const lumen::MemoryMeter meter;
  DOCTEST_CHECK(meter.peak() == 0);
  {
    const Tensor a = megabytes(3);
    const Tensor b = megabytes(4);
  }
  const Tensor c = megabytes(2);
  DOCTEST_CHECK(meter.peak() == 7 * kMegabyte);
}
//! [meter]

DOCTEST_TEST_CASE("what was held before does not count, neither when it is freed") {
  Tensor before = megabytes(8);
  const MemoryMeter meter;
  before = Tensor();
  const Tensor after = megabytes(2);
  DOCTEST_CHECK(meter.peak() == 2 * kMegabyte);
}

DOCTEST_TEST_CASE("frees are credited: a loop of temporaries costs one of them") {
  const MemoryMeter meter;
  for (int i = 0; i < 10; ++i) (void)megabytes(5);
  DOCTEST_CHECK(meter.peak() == 5 * kMegabyte);
  DOCTEST_CHECK(meter.allocated() == 50 * kMegabyte);
}

DOCTEST_TEST_CASE("the largest allocation is known, whether levels are or not") {
  for (const bool levels : {true, false}) {
    const MemoryMeter meter(levels);
    DOCTEST_CHECK(meter.largest() == 0);
    (void)megabytes(2);
    (void)megabytes(5);
    {
      const MemoryMeter inner;
      (void)megabytes(3);
      DOCTEST_CHECK(inner.largest() == 3 * kMegabyte);
    }
    DOCTEST_CHECK(meter.largest() == 5 * kMegabyte);
  }
}

DOCTEST_TEST_CASE("meters nest: the outer sees what the inner saw") {
  const MemoryMeter outer;
  const Tensor a = megabytes(1);
  {
    const MemoryMeter inner;
    const Tensor b = megabytes(4);
    DOCTEST_CHECK(inner.peak() == 4 * kMegabyte);
    {
      const MemoryMeter innermost;
      const Tensor c = megabytes(2);
      DOCTEST_CHECK(innermost.peak() == 2 * kMegabyte);
    }
    DOCTEST_CHECK(inner.peak() == 6 * kMegabyte);
  }
  DOCTEST_CHECK(outer.peak() == 7 * kMegabyte);
  const Tensor d = megabytes(7);
  DOCTEST_CHECK(outer.peak() == 8 * kMegabyte);
}

DOCTEST_TEST_CASE("a backward pass is measured") {
  const Tensor x = at::ones({kMegabyte}, at::kFloat).requires_grad_(true);
  const Tensor y = (x * x).sum();
  const MemoryMeter meter;
  (void)torch::autograd::grad({y}, {x});
  DOCTEST_CHECK(meter.peak() >= 4 * kMegabyte);
}

DOCTEST_TEST_CASE("nothing is left behind, after an exception neither") {
  DOCTEST_REQUIRE(slot() == nullptr);
  {
    const MemoryMeter meter;
  }
  DOCTEST_CHECK(slot() == nullptr);
  try {
    const MemoryMeter outer, inner;
    throw std::runtime_error("inside");
  } catch (const std::runtime_error&) {
  }
  DOCTEST_CHECK(slot() == nullptr);
  const MemoryMeter again;
  DOCTEST_CHECK(again.measures());
}

DOCTEST_TEST_CASE("threads have meters of their own") {
  const MemoryMeter meter;
  std::int64_t theirs = 0;
  std::thread([&] {
    const MemoryMeter own;
    const Tensor a = megabytes(3);
    theirs = own.peak();
  }).join();
  DOCTEST_CHECK(theirs == 3 * kMegabyte);
  DOCTEST_CHECK(meter.peak() == 0);
}

DOCTEST_TEST_CASE("somebody else's ledger keeps its place") {
  const auto foreign = std::make_shared<Foreign>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, foreign);
  {
    const MemoryMeter meter;
    DOCTEST_CHECK_FALSE(meter.measures());
    DOCTEST_CHECK(meter.peak() == 0);
    DOCTEST_CHECK(slot() == foreign.get());
  }
  DOCTEST_CHECK(slot() == foreign.get());
}

DOCTEST_TEST_CASE("a ledger of another kind is no obstacle") {
  const auto foreign = std::make_shared<Foreign>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::TEST_INFO, foreign);
  {
    const MemoryMeter meter;
    const Tensor a = megabytes(1);
    DOCTEST_CHECK(meter.peak() == kMegabyte);
    DOCTEST_CHECK(c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::TEST_INFO) == foreign.get());
  }
  DOCTEST_CHECK(c10::ThreadLocalDebugInfo::get(c10::DebugInfoKind::TEST_INFO) == foreign.get());
}

DOCTEST_TEST_CASE("LibTorch's profiler runs on, and its events are whole") {
  using namespace torch::autograd::profiler;
  enableProfilerLegacy(ProfilerConfig(ProfilerState::CPU, false, true));
  {
    const MemoryMeter meter;
    DOCTEST_CHECK_FALSE(meter.measures());
    (void)at::ones({4}).add(1);
  }
  std::size_t events = 0;
  for (const auto& of_thread : disableProfilerLegacy()) events += of_thread.size();
  DOCTEST_CHECK(events > 2);
  DOCTEST_CHECK(MemoryMeter().measures());
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
DOCTEST_TEST_CASE("freed memory is kept: a block of 20 MiB is mapped no more") {
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") != nullptr || std::getenv("MALLOC_MMAP_THRESHOLD_") != nullptr) {
    DOCTEST_MESSAGE("skipped: the environment says what is kept");
    return;
  }
  lumen::keep_freed_memory();
  lumen::keep_freed_memory();
  const std::size_t mapped = mallinfo2().hblks;
  void* volatile block = std::malloc(20 * kMegabyte);
  DOCTEST_CHECK(mallinfo2().hblks == mapped);
  std::free(block);
  block = std::malloc(40 * kMegabyte);
  DOCTEST_CHECK(mallinfo2().hblks >= mapped);
  std::free(block);
}
#endif
