// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/terminal_bar.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using lumen::TerminalBar;

namespace {

using File = std::unique_ptr<std::FILE, decltype([](std::FILE* file) { std::fclose(file); })>;

std::string written(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text.push_back(static_cast<char>(c));
  return text;
}

}  // namespace

DOCTEST_TEST_CASE("a bar shows what is done, and clears itself at the end") {
  const File file(std::tmpfile());
  const TerminalBar bar(file.get(), true);
  bar("integrated gradients", 10, 40);
  DOCTEST_CHECK(written(file.get()) == "\r\x1b[Kintegrated gradients [#######.......................] 10/40");
  bar("integrated gradients", 40, 40);
  DOCTEST_CHECK(written(file.get()).ends_with("10/40\r\x1b[K"));
}

DOCTEST_TEST_CASE("a bar redraws at most ten times a second, copies together") {
  const File file(std::tmpfile());
  const TerminalBar bar(file.get(), true);
  const TerminalBar copy = bar;
  for (int i = 1; i < 50; ++i) (i % 2 == 0 ? bar : copy)("rows", i, 100000);
  const std::string once = written(file.get());
  DOCTEST_CHECK(std::count(once.begin(), once.end(), '\r') <= 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  copy("rows", 77777, 100000);
  DOCTEST_CHECK(written(file.get()).ends_with("77777/100000"));
}

DOCTEST_TEST_CASE("a bar says how much time is left, for each piece of work anew") {
  const File file(std::tmpfile());
  const TerminalBar bar(file.get(), true);
  bar("rows", 0, 100);
  std::this_thread::sleep_for(std::chrono::milliseconds(1050));
  bar("rows", 10, 100);
  DOCTEST_CHECK((written(file.get()).ends_with("10/100, 9 s left") ||
                 written(file.get()).ends_with("10/100, 10 s left")));
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  bar("rows", 11, 10000000);
  DOCTEST_CHECK(written(file.get()).ends_with(" h left"));
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  bar("probes", 1, 100);
  DOCTEST_CHECK(written(file.get()).ends_with("1/100"));
}

DOCTEST_TEST_CASE("nothing is written where the stream is not a terminal, nor for no work") {
  const File file(std::tmpfile());
  const TerminalBar silent(file.get());
  silent("rows", 1, 2);
  silent("rows", 2, 2);
  const TerminalBar bar(file.get(), true);
  bar("rows", 0, 0);
  DOCTEST_CHECK(written(file.get()).empty());
}

DOCTEST_TEST_CASE("threads may share a bar") {
  const File file(std::tmpfile());
  const TerminalBar bar(file.get(), true);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([bar] {
      for (int i = 1; i <= 200; ++i) bar("rows", i, 200);
    });
  }
  for (std::thread& thread : threads) thread.join();
  DOCTEST_CHECK(written(file.get()).ends_with("\r\x1b[K"));
}
