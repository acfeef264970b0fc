// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <mutex>

#if __has_include(<dlfcn.h>)
#include <dlfcn.h>
#endif

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

namespace lumen::engine {

/// While one lives, OpenBLAS computes a product on the thread that asks for it. It knows nothing of LibTorch's threads, and
/// would put all of its own to work for each of them: two threads were then half as fast as one. Does nothing where
/// LibTorch has another library for products; those see that they are called in parallel.
class SerialProducts {
 public:
  SerialProducts() {
    if (!library().found()) return;
    Users& all = users();
    const std::lock_guard lock(all.mutex);
    if (all.count++ == 0) {
      all.threads = library().get();
      library().set(1);
    }
  }
  ~SerialProducts() {
    if (!library().found()) return;
    Users& all = users();
    const std::lock_guard lock(all.mutex);
    if (--all.count == 0) library().set(all.threads);
  }
  SerialProducts(const SerialProducts&) = delete;
  SerialProducts& operator=(const SerialProducts&) = delete;

 private:
  struct Library {
    int (*get)() = nullptr;
    void (*set)(int) = nullptr;
    [[nodiscard]] bool found() const { return get != nullptr && set != nullptr; }
  };
  struct Users {
    std::mutex mutex{};
    int count = 0, threads = 1;
  };
  static const Library& library() {
    static const Library loaded = [] {
      Library found;
#if __has_include(<dlfcn.h>)
      found.get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
      found.set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
#endif
      return found;
    }();
    return loaded;
  }
  static Users& users() {
    static Users all;
    return all;
  }
};

/// `work(0)` ... `work(count - 1)`, on as many threads as LibTorch may use, each of which runs its operators alone.
template <class Work>
void side_by_side(std::int64_t count, const Work& work) {
  const auto alone = [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) work(i);
  };
  if (count == 1 || at::get_num_threads() == 1) {
    alone(0, count);
  } else {
    const SerialProducts serial;
    at::parallel_for(0, count, 1, alone);
  }
}

}  // namespace lumen::engine
