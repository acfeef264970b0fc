// SPDX-License-Identifier: BSD-3-Clause
#include "worker.hpp"

#include <chrono>
#include <future>
#include <stdexcept>

#include <doctest/doctest.h>

using namespace explorer;

namespace {

/// A question that waits in the worker until it is let go.
struct Gate {
  std::promise<void> entered{}, leave{};
  Worker::Work work() {
    return [this, left = leave.get_future().share()](const Check& check) {
      entered.set_value();
      left.wait();
      check();
      return std::string("through");
    };
  }
};

auto in_thread(Worker& worker, const Asker& asker, Worker::Work work) {
  return std::async(std::launch::async,
                    [&worker, asker, work = std::move(work)] { return worker.ask(asker, work); });
}

}  // namespace

DOCTEST_TEST_CASE("an answer and an exception come back to who asked") {
  Worker worker;
  DOCTEST_CHECK(worker.ask({}, [](const auto&) { return std::string("seven"); }) == "seven");
  DOCTEST_CHECK_THROWS_WITH(
      worker.ask({}, [](const auto&) -> std::string { throw std::runtime_error("no"); }), "no");
}

DOCTEST_TEST_CASE("a newer question of the same tab and kind ends the older, under way or waiting") {
  Worker worker;
  Gate gate;
  auto first = in_thread(worker, {"a", "hover", 1}, gate.work());
  gate.entered.get_future().wait();
  auto second = in_thread(worker, {"a", "hover", 2}, [](const auto&) { return std::string("second"); });
  while (!worker.busy()) std::this_thread::yield();
  auto other = in_thread(worker, {"b", "hover", 1}, [](const auto&) { return std::string("other"); });
  auto third = in_thread(worker, {"a", "hover", 3}, [](const auto&) { return std::string("third"); });
  DOCTEST_CHECK_THROWS_AS(second.get(), Superseded);
  gate.leave.set_value();
  DOCTEST_CHECK_THROWS_AS(first.get(), Superseded);
  DOCTEST_CHECK(third.get() == "third");
  DOCTEST_CHECK(other.get() == "other");
}

DOCTEST_TEST_CASE("a question that is older than one under way does not take its place") {
  Worker worker;
  Gate gate;
  auto newer = in_thread(worker, {"a", "hover", 5}, gate.work());
  gate.entered.get_future().wait();
  DOCTEST_CHECK_THROWS_AS(worker.ask({"a", "hover", 4}, [](const auto&) { return std::string(); }),
                          Superseded);
  gate.leave.set_value();
  DOCTEST_CHECK(newer.get() == "through");
}

DOCTEST_TEST_CASE("who leaves takes the questions of that tab along, under way or waiting, and no others") {
  Worker worker;
  Gate gate;
  auto running = in_thread(worker, {"a", "hover", 1}, gate.work());
  gate.entered.get_future().wait();
  auto waiting = in_thread(worker, {"a", "count", 1}, [](const auto&) { return std::string("waiting"); });
  while (!worker.busy()) std::this_thread::yield();
  worker.leave("");
  worker.leave("b");
  DOCTEST_CHECK(worker.busy());
  worker.leave("a");
  DOCTEST_CHECK_THROWS_AS(waiting.get(), Superseded);
  gate.leave.set_value();
  DOCTEST_CHECK_THROWS_AS(running.get(), Superseded);
  DOCTEST_CHECK(worker.ask({"a", "hover", 2}, [](const auto&) { return std::string("back"); }) == "back");
}

DOCTEST_TEST_CASE("how far a question is can be asked while it is computed, and while it waits") {
  Worker worker;
  std::promise<void> told, leave;
  auto running = in_thread(worker, {"a", "hover", 1}, [&](const Check& check) {
    check("rows", 2, 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    check("rows", 4, 10);
    told.set_value();
    leave.get_future().wait();
    return std::string("done");
  });
  told.get_future().wait();
  auto waiting = in_thread(worker, {"a", "pin", 1}, [](const auto&) { return std::string(); });
  while (!worker.busy()) std::this_thread::yield();
  const auto progress = worker.progress("a", "hover");
  DOCTEST_REQUIRE(progress);
  DOCTEST_CHECK(progress->done == 4);
  DOCTEST_CHECK(progress->total == 10);
  DOCTEST_CHECK(progress->seconds_left >= 0.06);  // 6 left, where 2 took 20 ms
  DOCTEST_REQUIRE(worker.progress("a", "pin"));
  DOCTEST_CHECK(worker.progress("a", "pin")->total == 0);
  DOCTEST_CHECK(!worker.progress("b", "hover"));
  leave.set_value();
  DOCTEST_CHECK(running.get() == "done");
  (void)waiting.get();
  DOCTEST_CHECK(!worker.progress("a", "hover"));
}

DOCTEST_TEST_CASE("questions that wait are bounded") {
  Worker worker;
  Gate gate;
  auto first = in_thread(worker, {}, gate.work());
  gate.entered.get_future().wait();
  std::vector<std::future<std::string>> waiting;
  for (std::size_t i = 0; i < Worker::most_waiting; ++i) {
    waiting.push_back(in_thread(worker, {}, [](const auto&) { return std::string("w"); }));
  }
  int busy = 0;
  for (int tries = 0; tries < 2000 && busy == 0; ++tries) {
    auto more = in_thread(worker, {}, [](const auto&) { return std::string("w"); });
    if (more.wait_for(std::chrono::milliseconds(5)) == std::future_status::ready) {
      DOCTEST_CHECK_THROWS_AS(more.get(), Busy);
      ++busy;
    } else {
      waiting.push_back(std::move(more));
    }
  }
  DOCTEST_CHECK(busy == 1);
  gate.leave.set_value();
  for (auto& each : waiting) {
    try {
      (void)each.get();
    } catch (const Busy&) {
    }
  }
}

DOCTEST_TEST_CASE("work in the background goes on until it is done, and questions go first") {
  Worker worker;
  std::atomic<int> steps = 0;
  std::promise<void> done;
  worker.background("key", [&] {
    if (++steps < 20) return true;
    done.set_value();
    return false;
  });
  DOCTEST_CHECK(worker.ask({}, [](const auto&) { return std::string("between"); }) == "between");
  done.get_future().wait();
  DOCTEST_CHECK(steps == 20);
}

DOCTEST_TEST_CASE("the end lets nobody wait") {
  auto worker = std::make_unique<Worker>();
  Gate gate;
  auto running = in_thread(*worker, {"a", "x", 1}, gate.work());
  gate.entered.get_future().wait();
  auto waiting = in_thread(*worker, {"a", "y", 1}, [](const auto&) { return std::string(); });
  while (!worker->busy()) std::this_thread::yield();
  std::thread([&] { worker->stop(); }).join();
  DOCTEST_CHECK_THROWS_AS(waiting.get(), Superseded);
  gate.leave.set_value();
  DOCTEST_CHECK_THROWS_AS(running.get(), Superseded);
  DOCTEST_CHECK_THROWS_AS(worker->ask({}, [](const auto&) { return std::string(); }), Superseded);
}
