// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/side_by_side.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

namespace {

/// OpenBLAS's threads; 0 where LibTorch has another library for products.
int threads() {
  const auto get = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_num_threads"));
  return get == nullptr ? 0 : get();
}

class Two {  // threads of LibTorch's and of OpenBLAS's
 public:
  Two() : torch_(at::get_num_threads()), blas_(threads()) {
    at::set_num_threads(2);
    set(2);
  }
  ~Two() {
    at::set_num_threads(torch_);
    set(blas_);
  }

 private:
  static void set(int count) {
    const auto set = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
    if (set != nullptr && count > 0) set(count);
  }
  int torch_, blas_;
};

}  // namespace

DOCTEST_TEST_CASE("work side by side: each once, products on one thread meanwhile, and then as before") {
  const Two two;
  const int before = threads();
  if (before == 0) DOCTEST_MESSAGE("SKIPPED in part: LibTorch's products are not OpenBLAS's");
  std::vector<std::atomic<int>> done(7);
  std::atomic<int> most = 0;
  lumen::engine::side_by_side(7, [&](std::int64_t i) {
    ++done[static_cast<std::size_t>(i)];
    most = std::max(most.load(), threads());
  });
  for (const auto& each : done) DOCTEST_CHECK(each == 1);
  if (before > 1) DOCTEST_CHECK(most == 1);
  DOCTEST_CHECK(threads() == before);
}

DOCTEST_TEST_CASE("nested, and after an exception, the number of threads is as it was") {
  const Two two;
  const int before = threads();
  DOCTEST_CHECK_THROWS_AS(lumen::engine::side_by_side(2,
                                                      [](std::int64_t) {
                                                        const lumen::engine::SerialProducts inner;
                                                        throw std::runtime_error("stop");
                                                      }),
                          std::runtime_error);
  DOCTEST_CHECK(threads() == before);
}
