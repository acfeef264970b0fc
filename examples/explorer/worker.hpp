// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <lumen/core/pace.hpp>

namespace explorer {

/// A question that a newer one of its kind has made needless, or that the program's end cut short.
struct Superseded : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "a newer question took its place"; }
};
/// More questions wait than are kept.
struct Busy : std::exception {
  [[nodiscard]] const char* what() const noexcept override {
    return "too many questions wait; ask again soon";
  }
};

/// Who asks: of one tab and kind only the newest question counts. Without a tab every question counts.
struct Asker {
  std::string tab{}, kind{};
  std::uint64_t number = 0;
};

/// How far the computation of an answer is. Nothing is known of one that waits for its turn: `total` is 0.
struct Progress {
  std::int64_t done = 0, total = 0;
  double seconds_left = 0.0;  ///< of this part of the computation, at the pace so far
};

/// What a computation calls between its passes.
class Check {
 public:
  virtual ~Check() = default;
  /// @throws Superseded once a newer question of the asker's kind has come
  virtual void operator()() const = 0;
  /// The same; also tells how far it is.
  virtual void operator()(std::string_view what, std::int64_t done, std::int64_t total) const = 0;
};

/// One thread that computes. Questions go first, the newest at the front; work in the background runs while nobody
/// asks and makes way between its chunks.
class Worker {
 public:
  static constexpr std::size_t most_waiting = 256;

  Worker() : thread_([this] { loop(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    stop();
    thread_.join();
  }

  using Work = std::function<std::string(const Check& check)>;

  /// Runs `work` on the computing thread and returns what it returns.
  /// @throws Superseded, Busy, and what the work throws
  std::string ask(const Asker& asker, Work work) {
    auto task = std::make_shared<Task>();
    task->asker = asker;
    task->work = std::move(work);
    {
      std::unique_lock lock(mutex_);
      if (stopped_) throw Superseded();
      if (!asker.tab.empty()) {
        const auto same = [&](const Task& other) {
          return other.asker.tab == asker.tab && other.asker.kind == asker.kind;
        };
        if (running_ && same(*running_)) {
          if (running_->asker.number > asker.number) throw Superseded();
          running_->cancelled = true;
        }
        for (const auto& other : waiting_) {
          if (!same(*other)) continue;
          if (other->asker.number > asker.number) throw Superseded();
          other->cancelled = true;
        }
        std::erase_if(waiting_, [&](const auto& other) {
          if (other->cancelled) finish(*other, std::make_exception_ptr(Superseded()));
          return other->cancelled.load();
        });
      }
      if (waiting_.size() >= most_waiting) throw Busy();
      waiting_.push_front(task);
    }
    wake_.notify_all();
    std::unique_lock lock(task->mutex);
    task->ready.wait(lock, [&] { return task->done; });
    if (task->error) std::rethrow_exception(task->error);
    return std::move(task->result);
  }

  /// How far the newest question of this tab and kind is; none if none is under way or waits.
  [[nodiscard]] std::optional<Progress> progress(const std::string& tab, const std::string& kind) const {
    const std::lock_guard lock(mutex_);
    const auto asked = [&](const Task& task) { return task.asker.tab == tab && task.asker.kind == kind; };
    for (const auto& task : waiting_) {
      if (asked(*task)) return Progress{};
    }
    if (!running_ || running_->cancelled || !asked(*running_)) return std::nullopt;
    const std::lock_guard of_task(running_->mutex);
    return running_->progress;
  }

  /// Nobody waits any more for what this tab asked.
  void leave(const std::string& tab) {
    if (tab.empty()) return;
    const std::lock_guard lock(mutex_);
    if (running_ && running_->asker.tab == tab) running_->cancelled = true;
    std::erase_if(waiting_, [&](const auto& task) {
      if (task->asker.tab != tab) return false;
      finish(*task, std::make_exception_ptr(Superseded()));
      return true;
    });
  }

  /// Work for when nobody asks: called again and again until it returns false. It may call `busy()` to see whether it
  /// should return soon. Replaces what is under way in the background for the same key.
  void background(const std::string& key, std::function<bool()> step) {
    const std::lock_guard lock(mutex_);
    std::erase_if(idle_, [&](const auto& entry) { return entry.first == key; });
    idle_.emplace_front(key, std::move(step));
    while (idle_.size() > 16) idle_.pop_back();
    wake_.notify_all();
  }

  /// Whether somebody waits for an answer, or the end has come.
  [[nodiscard]] bool busy() const {
    const std::lock_guard lock(mutex_);
    return stopped_ || !waiting_.empty();
  }
  [[nodiscard]] bool stopped() const { return stopped_; }

  /// Ends everything: whoever waits gets Superseded.
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (running_) running_->cancelled = true;
    for (const auto& task : waiting_) finish(*task, std::make_exception_ptr(Superseded()));
    waiting_.clear();
    idle_.clear();
    wake_.notify_all();
  }

 private:
  struct Task {
    Asker asker;
    Work work;
    std::atomic<bool> cancelled = false;
    std::mutex mutex{};
    std::condition_variable ready{};
    bool done = false;
    std::string result{};
    std::exception_ptr error{};
    Progress progress{};
    lumen::Pace pace{};
  };

  class CheckOf final : public Check {
   public:
    explicit CheckOf(Task& task) : task_(task) {}
    void operator()() const override {
      if (task_.cancelled) throw Superseded();
    }
    void operator()(std::string_view what, std::int64_t done, std::int64_t total) const override {
      (*this)();
      const std::lock_guard lock(task_.mutex);
      task_.pace.tell(what, done, total);
      task_.progress = {done, total, task_.pace.seconds_left()};
    }

   private:
    Task& task_;
  };

  static void finish(Task& task, std::exception_ptr error, std::string result = {}) {
    const std::lock_guard lock(task.mutex);
    if (task.done) return;
    task.done = true;
    task.error = std::move(error);
    task.result = std::move(result);
    task.ready.notify_all();
  }

  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return stopped_ || !waiting_.empty() || !idle_.empty(); });
      if (stopped_) return;
      if (!waiting_.empty()) {
        running_ = waiting_.front();
        waiting_.pop_front();
        const std::shared_ptr<Task> task = running_;
        lock.unlock();
        run(*task);
        lock.lock();
        running_.reset();
        continue;
      }
      const auto [key, step] = idle_.front();
      lock.unlock();
      bool more = false;
      try {
        more = step();
      } catch (...) {  // who asks for the result is told by the step's own state
      }
      lock.lock();
      if (!more) {
        std::erase_if(idle_, [&, name = key](const auto& entry) { return entry.first == name; });
      }
    }
  }

  static void run(Task& task) {
    try {
      const CheckOf check(task);
      check();
      finish(task, nullptr, task.work(check));
    } catch (...) {
      finish(task, std::current_exception());
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::shared_ptr<Task>> waiting_;
  std::shared_ptr<Task> running_;
  std::deque<std::pair<std::string, std::function<bool()>>> idle_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace explorer
