// SPDX-License-Identifier: BSD-3-Clause
// Two libraries that hold lumen, all of it hidden, opened one by one as Python opens its modules. Each test case is a
// process of its own: the order in which they come matters.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <dlfcn.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "plugin.hpp"

namespace {

class Library {
 public:
  explicit Library(const char* path) : path_(path) {
    // as `import torch` does; else libraries of LibTorch's would hold on to ours
    static void* const torch = opened(LUMEN_TORCH_LIBRARY);
    (void)torch;
    handle_ = opened(path);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { close(); }

  void close() {
    if (handle_ == nullptr) return;
    dlclose(handle_);
    handle_ = nullptr;
    void* const still_there = dlopen(path_, RTLD_NOW | RTLD_NOLOAD);
    if (still_there != nullptr) dlclose(still_there);
    DOCTEST_CHECK(still_there == nullptr);  // else there was nothing to test
  }

  template <class F>
  [[nodiscard]] F* get(const char* name) const {
    return reinterpret_cast<F*>(dlsym(handle_, name));
  }
  [[nodiscard]] std::string text(const char* name) const { return get<const char*()>(name)(); }
  [[nodiscard]] std::string explain() const { return text("plugin_explain"); }
  [[nodiscard]] std::string network() const { return text("plugin_network"); }
  void* begin(const char* name) const { return get<void*()>(name)(); }
  void end(const char* name, void* what) const { get<void(void*)>(name)(what); }
  [[nodiscard]] std::string heard(const void* ear) const {
    return get<const char*(const void*)>("plugin_heard")(ear);
  }
  void run() const { get<void()>("plugin_run")(); }

 private:
  static void* opened(const char* path) {
    void* const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error(dlerror());
    return handle;
  }

  const char* path_;
  void* handle_ = nullptr;
};

const char* const kFirst = LUMEN_FIRST_LIBRARY;
const char* const kSecond = LUMEN_SECOND_LIBRARY;

void one_after_the_other(const char* one, const char* other) {
  const Library a(one);
  DOCTEST_CHECK(a.explain() == "");
  const Library b(other);
  DOCTEST_CHECK(b.explain() == "");
  DOCTEST_CHECK(b.network() == "");
  DOCTEST_CHECK(a.network() == "");
  DOCTEST_CHECK(a.explain() == "");
}

}  // namespace

DOCTEST_TEST_CASE("the first, then the second") { one_after_the_other(kFirst, kSecond); }

DOCTEST_TEST_CASE("the second, then the first") { one_after_the_other(kSecond, kFirst); }

DOCTEST_TEST_CASE("one is closed before the other comes") {
  {
    const Library a(kFirst);
    DOCTEST_CHECK(a.explain() == "");
    DOCTEST_CHECK(a.network() == "");
  }
  const Library b(kSecond);
  DOCTEST_CHECK(b.explain() == "");
  DOCTEST_CHECK(b.network() == "");
}

DOCTEST_TEST_CASE("one is closed while the other is in use") {
  Library a(kFirst);
  DOCTEST_CHECK(a.explain() == "");
  DOCTEST_CHECK(a.network() == "");
  const Library b(kSecond);
  DOCTEST_CHECK(b.explain() == "");
  DOCTEST_CHECK(b.network() == "");
  a.close();
  DOCTEST_CHECK(b.network() == "");
  DOCTEST_CHECK(b.explain() == "");
  Library again(kFirst);
  DOCTEST_CHECK(again.explain() == "");
  DOCTEST_CHECK(again.network() == "");
}

DOCTEST_TEST_CASE("two threads, each with a library of its own") {
  const Library a(kFirst), b(kSecond);
  std::string of_a, of_b;
  std::thread one([&] { of_a = a.explain(); }), other([&] { of_b = b.explain(); });
  one.join();
  other.join();
  DOCTEST_CHECK(of_a == "");
  DOCTEST_CHECK(of_b == "");
}

DOCTEST_TEST_CASE("each hears what the other runs") {
  const Library a(kFirst), b(kSecond);
  void* const outer = a.begin("plugin_listen");
  b.run();
  DOCTEST_CHECK(a.heard(outer) == "ones relu [mark] ");
  void* const inner = b.begin("plugin_listen");
  a.run();
  DOCTEST_CHECK(b.heard(inner) == "ones relu [mark] ");
  DOCTEST_CHECK(a.heard(outer) == "ones relu [mark] ones relu [mark] ");
  a.end("plugin_stop", outer);  // out of order
  b.run();
  DOCTEST_CHECK(b.heard(inner) == "ones relu [mark] ones relu [mark] ");
  b.end("plugin_stop", inner);
  DOCTEST_CHECK(b.explain() == "");
}

DOCTEST_TEST_CASE("meters nest across libraries") {
  const Library a(kFirst), b(kSecond);
  const auto metered = [](const Library& library, const void* meter) {
    return library.get<long long(const void*)>("plugin_metered")(meter);
  };
  void* const outer = a.begin("plugin_meter");
  void* const inner = b.begin("plugin_meter");
  b.get<void(long long)>("plugin_allocate")(1000);
  DOCTEST_CHECK(metered(b, inner) == 1000);
  DOCTEST_CHECK(metered(a, outer) == 1000);
  b.end("plugin_unmeter", inner);
  a.end("plugin_unmeter", outer);
}

DOCTEST_TEST_CASE("where somebody else has the key, nothing is explained") {
  const Library a(kFirst), b(kSecond);
  a.get<void()>("plugin_take_key")();
  DOCTEST_CHECK(b.explain().find("are not heard") != std::string::npos);
  DOCTEST_CHECK(a.explain().find("are not heard") != std::string::npos);
}
