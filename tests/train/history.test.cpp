// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/history.hpp>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include <doctest/doctest.h>

using lumen::train::Epoch;
using lumen::train::History;

namespace {

std::filesystem::path temporary() {
  return std::filesystem::temp_directory_path() /
         ("lumen-history-" + std::to_string(std::random_device{}()) + ".csv");
}

}  // namespace

DOCTEST_TEST_CASE("History: best epoch and time") {
  DOCTEST_CHECK(!lumen::train::best_epoch({}).has_value());
  const History history{
      {.test_iou = 0.2, .seconds = 1}, {.test_iou = 0.7, .seconds = 2}, {.test_iou = 0.7, .seconds = 3}};
  DOCTEST_CHECK(lumen::train::best_epoch(history) == 1U);
  DOCTEST_CHECK(lumen::train::seconds_spent(history) == 6.0);
}

DOCTEST_TEST_CASE("History: CSV reads back exactly") {
  const auto path = temporary();
  const History history{{2e-3, 1.0 / 3, 0.1, 1e-300, 0.7, 12.5}, {1e-3, 2.0 / 3, 0.2, 5.0, 0.75, 11.0}};
  lumen::train::write_history(history, path);
  const History back = lumen::train::read_history(path);
  DOCTEST_REQUIRE(back.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) DOCTEST_CHECK(back[i].values() == history[i].values());
  std::filesystem::remove(path);
}

DOCTEST_TEST_CASE("History: damaged files") {
  const auto path = temporary();
  const auto complaint = [&](const std::string& text) -> std::string {
    std::ofstream(path) << text;
    try {
      static_cast<void>(lumen::train::read_history(path));
    } catch (const lumen::Error& error) {
      return error.what();
    }
    return "none";
  };
  const std::string header = std::string(lumen::train::history_header) + "\n";
  DOCTEST_CHECK(complaint(header) == "none");
  DOCTEST_CHECK(complaint("a,b\n").find("its first line should be") != std::string::npos);
  for (const char* line : {"1,2,3\n", "1,1,1,1,1,1,x\n", "2,1,1,1,1,1,1\n", "1,1,1,1,1,1,1,1\n"}) {
    const std::string message = complaint(header + line);
    DOCTEST_INFO(message);
    DOCTEST_CHECK(message.find("line 2: expected epoch 1 and 6 numbers") != std::string::npos);
  }
  std::filesystem::remove(path);
  DOCTEST_CHECK_THROWS_AS(static_cast<void>(lumen::train::read_history(path)), lumen::Error);
  DOCTEST_CHECK_THROWS_AS(lumen::train::write_history({}, path / "no" / "such"), lumen::Error);
}
