// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/intercept.hpp>

#include <doctest/doctest.h>

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <lumen/core/memory.hpp>

#include "support/message.hpp"

namespace trace = lumen::trace;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

struct Recorder : trace::Listener {
  std::vector<std::string> seen;
  void on_call(trace::Call& call) override {
    seen.push_back(call.op.schema().name().substr(6));
    call.proceed();
  }
  Tensor on_tap(std::string_view name, const Tensor& value, bool) override {
    seen.push_back('[' + std::string(name) + ']');
    return value;
  }
};

using Seen = std::vector<std::string>;

/// Made before anybody listens.
const Tensor all_ones = at::ones({2});
const Tensor& ones() { return all_ones; }

/// That this thread is as if nobody had ever listened.
void check_quiet() {
  DOCTEST_CHECK(trace::detail::listeners().empty());
  DOCTEST_CHECK_FALSE(c10::impl::tls_is_dispatch_key_included(trace::detail::key));
  DOCTEST_CHECK(c10::ThreadLocalDebugInfo::get(trace::detail::audience_slot()) == nullptr);
}

/// A model that runs relu by `at::launch` and waits for it.
Tensor launched(const Tensor& x) {
  std::promise<Tensor> promise;
  at::launch([&] {
    try {
      promise.set_value(at::relu(x));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  });
  return promise.get_future().get();
}

/// Runs `last` in a backward pass in a backward pass, and so on.
void nest(int depth, const std::function<void()>& last) {
  const at::AutoGradMode on(true);
  const Tensor leaf = at::ones({1}).requires_grad_(true);
  const Tensor value = leaf.view({1});
  value.register_hook([&](const Tensor&) { depth == 0 ? last() : nest(depth - 1, last); });
  (void)torch::autograd::grad({value}, {leaf}, {at::ones({1})});
}

}  // namespace

//! [listener]
struct Doubler final : lumen::trace::Listener {
  void on_call(lumen::trace::Call& call) override {
    call.proceed();
    if (call.op.schema().name() == "aten::relu") call.results.front() = call.results.front().toTensor() * 2;
  }
};
//! [listener]

DOCTEST_TEST_CASE("a listener changes what an operator gives, while it listens") {
  Doubler doubler;
  {
    const trace::Listening listening(doubler);
    DOCTEST_CHECK(at::equal(at::relu(ones()), ones() * 2));
  }
  DOCTEST_CHECK(at::equal(at::relu(ones()), ones()));
}

DOCTEST_TEST_CASE("listeners end in any order, and those who stay hear on") {
  Recorder a, b, c;
  std::optional<trace::Listening> first(std::in_place, a), second(std::in_place, b);
  (void)at::relu(ones());
  first.reset();
  (void)at::tanh(ones());
  std::optional<trace::Listening> third(std::in_place, c);
  second.reset();
  (void)trace::tap("here", at::exp(ones()));
  third.reset();
  (void)at::relu(ones());
  DOCTEST_CHECK(a.seen == Seen{"relu"});
  DOCTEST_CHECK(b.seen == Seen{"relu", "tanh"});
  DOCTEST_CHECK(c.seen == Seen{"exp", "[here]"});
  check_quiet();
}

DOCTEST_TEST_CASE("a meter of memory may lie around, inside and across") {
  Recorder a;
  {
    std::optional<lumen::MemoryMeter> meter(std::in_place);
    std::optional<trace::Listening> listening(std::in_place, a);
    (void)at::relu(ones());
    {
      const lumen::MemoryMeter inner;
      (void)at::relu(ones());
      DOCTEST_CHECK(inner.allocated() > 0);
    }
    DOCTEST_CHECK(meter->allocated() > 0);
  }
  check_quiet();
  {
    std::optional<trace::Listening> listening(std::in_place, a);
    std::optional<lumen::MemoryMeter> meter(std::in_place);
    listening.reset();  // across: the meter puts back what it found
    meter.reset();
    (void)at::tanh(ones());
    DOCTEST_CHECK(trace::detail::listeners().empty());
    const trace::Listening again(a);
    (void)at::exp(ones());
  }
  DOCTEST_CHECK(a.seen == Seen{"relu", "relu", "exp"});
  c10::ThreadLocalDebugInfo::_forceCurrentDebugInfo(nullptr);
  check_quiet();
}

DOCTEST_TEST_CASE("an exception of a listener or of an operator ends nothing but its pass") {
  struct Refuses final : Recorder {
    void on_call(trace::Call& call) override {
      Recorder::on_call(call);
      throw lumen::Error("refused");
    }
    Tensor on_tap(std::string_view, const Tensor&, bool) override { throw std::runtime_error("no"); }
  } refuses;
  Recorder outer;
  const trace::Listening listening(outer);
  {
    const trace::Listening inner(refuses);
    DOCTEST_CHECK_THROWS_AS((void)at::relu(ones()), lumen::Error);
    DOCTEST_CHECK_THROWS_AS((void)trace::tap("t", ones()), std::runtime_error);
    DOCTEST_CHECK_THROWS_AS((void)at::relu(ones()), lumen::Error);
  }
  DOCTEST_CHECK_THROWS_AS((void)at::matmul(ones(), at::ones({3})), c10::Error);
  (void)at::relu(ones());
  DOCTEST_CHECK(refuses.seen == Seen{"relu", "relu"});
  DOCTEST_CHECK(outer.seen == Seen{"relu", "relu", "ones", "matmul", "relu"});
}

DOCTEST_TEST_CASE("InferenceMode around a listener and inside of it is no obstacle") {
  Recorder a;
  {
    const c10::InferenceMode around;
    const trace::Listening listening(a);
    (void)at::relu(ones());
  }
  check_quiet();
  {
    const trace::Listening listening(a);
    {
      const c10::InferenceMode inside;
      (void)at::tanh(ones());
    }
    (void)at::exp(ones());
  }
  DOCTEST_CHECK(a.seen == Seen{"relu", "tanh", "exp"});
  check_quiet();
}

DOCTEST_TEST_CASE("a guard that ends in the midst switches the key off, or leaves it on: neither is silent") {
  Recorder a;
  {
    std::optional<c10::InferenceMode> mode(std::in_place);
    const trace::Listening listening(a);
    mode.reset();
    DOCTEST_CHECK(holds(message_of([] { (void)trace::tap("t", ones()); }), "InferenceMode"));
    Recorder b;
    DOCTEST_CHECK(holds(message_of([&] { const trace::Listening second(b); }), "InferenceMode"));
  }
  check_quiet();
  std::optional<trace::Listening> listening(std::in_place, a);
  std::optional<c10::InferenceMode> mode(std::in_place);
  listening.reset();
  mode.reset();
  DOCTEST_CHECK(c10::impl::tls_is_dispatch_key_included(trace::detail::key));
  DOCTEST_CHECK(at::equal(at::relu(ones()), ones()));  // nobody listens: nothing but slow
  {
    const trace::Listening heals(a);
  }
  DOCTEST_CHECK(a.seen.empty());
  check_quiet();
}

DOCTEST_TEST_CASE("what a listener runs is seen by nobody, and nobody can begin to listen there") {
  struct Nested final : trace::Listener {
    std::string message, of_tap;
    int taps = 0;
    void on_call(trace::Call& call) override {
      Recorder inner;
      message = message_of([&] { const trace::Listening listening(inner); });
      (void)trace::tap("mine", at::relu(ones()));
      call.proceed();
    }
    Tensor on_tap(std::string_view, const Tensor& value, bool) override {
      ++taps;
      return at::relu(value);
    }
  } nested;
  Recorder outer;
  const trace::Listening listening(outer);
  {
    const trace::Listening inner(nested);
    (void)trace::tap("t", at::relu(ones()));
  }
  DOCTEST_CHECK(holds(nested.message, "while it is asked"));
  DOCTEST_CHECK(nested.taps == 1);
  DOCTEST_CHECK(outer.seen == Seen{"relu", "[t]"});
}

DOCTEST_TEST_CASE("a slot that somebody else took is an Error, not a pass that nobody hears") {
  struct Foreign final : c10::DebugInfoBase {};
  Recorder a;
  {
    const trace::Listening listening(a);
    const c10::DebugInfoGuard guard(trace::detail::audience_slot(), std::make_shared<Foreign>());
    DOCTEST_CHECK(holds(message_of([] { (void)at::relu(ones()); }), "another version of lumen"));
    DOCTEST_CHECK(holds(message_of([] { (void)trace::tap("t", ones()); }), "another version of lumen"));
  }
  const c10::DebugInfoGuard guard(trace::detail::audience_slot(), std::make_shared<Foreign>());
  DOCTEST_CHECK(at::equal(trace::tap("t", at::relu(ones())), ones()));
}

DOCTEST_TEST_CASE("at::launch inside an observed pass is refused by name") {
  DOCTEST_CHECK(at::equal(launched(ones()), ones()));
  Recorder a;
  {
    const trace::Listening listening(a);
    DOCTEST_CHECK(holds(message_of([] { (void)launched(ones()); }), "aten::relu ran on a thread of its own"));
    // should the model have swallowed that, what comes next says so
    DOCTEST_CHECK(holds(message_of([] { (void)at::tanh(ones()); }), "before aten::tanh"));
  }
  const trace::Listening listening(a);
  (void)at::exp(ones());
  DOCTEST_CHECK(a.seen == Seen{"exp"});
}

DOCTEST_TEST_CASE("work that outlives the pass in which it was launched is nobody's") {
  Recorder a;
  std::promise<void> go;
  std::promise<Tensor> result;
  {
    const trace::Listening listening(a);
    at::launch([&, over = go.get_future().share()] {
      over.wait();
      try {
        const Tensor late = trace::tap("late", at::relu(ones()));
        Recorder own;
        const trace::Listening there(own);
        (void)at::exp(ones());
        if (own.seen != Seen{"exp"}) throw std::runtime_error("not heard");
        result.set_value(late);
      } catch (...) {
        result.set_exception(std::current_exception());
      }
    });
  }
  go.set_value();
  DOCTEST_CHECK(at::equal(result.get_future().get(), ones()));
  DOCTEST_CHECK(a.seen.empty());
}

DOCTEST_TEST_CASE("a backward pass is heard, also where LibTorch moves it to another thread") {
  Recorder a;
  std::thread::id worker;
  std::string second;
  {
    const trace::Listening listening(a);
    nest(70, [&] {  // LibTorch goes on in another thread at depth 60
      worker = std::this_thread::get_id();
      (void)trace::tap("deep", at::tanh(ones()));
      Recorder b;
      second = message_of([&] { const trace::Listening there(b); });
    });
  }
  DOCTEST_CHECK(worker != std::thread::id());
  DOCTEST_CHECK(worker != std::this_thread::get_id());
  const auto deep = std::find(a.seen.begin(), a.seen.end(), "tanh");
  DOCTEST_REQUIRE(deep != a.seen.end());
  DOCTEST_CHECK(*(deep + 1) == "[deep]");
  DOCTEST_CHECK(holds(second, "on another thread"));
  check_quiet();
}

DOCTEST_TEST_CASE("two operators at once, on two threads, are refused") {
  struct Waits final : trace::Listener {
    std::function<void()> meanwhile;
    void on_call(trace::Call& call) override {
      if (meanwhile) std::exchange(meanwhile, nullptr)();
      call.proceed();
    }
  } waits;
  const Tensor leaf = at::ones({2}).requires_grad_(true), value = leaf.exp();
  const trace::Listening listening(waits);
  std::string message;
  std::promise<void> asked, answered;
  waits.meanwhile = [&] {
    asked.set_value();
    answered.get_future().wait();
  };
  // a thread on which LibTorch's engine would run a part of the pass
  const at::ThreadLocalState state;
  std::thread other([&] {
    asked.get_future().wait();
    const at::ThreadLocalStateGuard same(state);
    message = message_of([&] { (void)torch::autograd::grad({value}, {leaf}, {ones()}); });
    answered.set_value();
  });
  (void)at::relu(ones());
  other.join();
  DOCTEST_CHECK(holds(message, "at the same time"));
}

DOCTEST_TEST_CASE("threads of the model's own are out of reach, and the listener stays where it was") {
  Recorder a;
  const trace::Listening listening(a);
  std::thread([] { (void)trace::tap("there", at::relu(ones())); }).join();
  (void)at::tanh(ones());
  DOCTEST_CHECK(a.seen == Seen{"tanh"});
}

#if !defined(_WIN32)
DOCTEST_TEST_CASE("a process forked off in the midst goes on listening, in its own memory") {
  Recorder a;
  const trace::Listening listening(a);
  (void)at::relu(ones());
  const pid_t child = fork();
  if (child == 0) {
    int wrong = 1;
    try {
      (void)at::tanh(ones());
      Recorder b;
      {
        const trace::Listening inner(b);
        (void)at::exp(ones());
      }
      wrong = a.seen == Seen{"relu", "tanh", "exp"} && b.seen == Seen{"exp"} ? 0 : 2;
    } catch (...) {
    }
    _exit(wrong);
  }
  int status = -1;
  waitpid(child, &status, 0);
  DOCTEST_CHECK(WIFEXITED(status));
  DOCTEST_CHECK(WEXITSTATUS(status) == 0);
  (void)at::exp(ones());
  DOCTEST_CHECK(a.seen == Seen{"relu", "exp"});
}
#endif
