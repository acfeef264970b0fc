// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <lumen/core/tensor.hpp>
#include <lumen/io/npy.hpp>

/// A study, run as a program.
namespace lumen::testing {

inline std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Runs a study and keeps what it wrote until the end.
class Study {
 public:
  Study(const std::string& name, const std::string& arguments)
      : folder_(std::filesystem::temp_directory_path() /
                ("lumen-study-" + std::to_string(::getpid()) + "-" + std::to_string(counted()++))) {
    std::filesystem::create_directories(folder_);
    const std::string command = std::string(LUMEN_STUDIES) + "/" + name + " --threads 1 --out '" +
                                folder_.string() + "' " + arguments + " >'" + (folder_ / "stdout").string() +
                                "' 2>'" + (folder_ / "stderr").string() + "'";
    const int status = std::system(command.c_str());
    code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    error = contents(folder_ / "stderr");
  }
  Study(const Study&) = delete;
  Study& operator=(const Study&) = delete;
  ~Study() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::string page() const { return contents(folder_ / "report.html"); }
  [[nodiscard]] std::string summary() const { return contents(folder_ / "summary.json"); }
  [[nodiscard]] nlohmann::json numbers() const { return nlohmann::json::parse(summary()); }
  [[nodiscard]] Tensor map(const std::string& name) const {
    return io::read_npy(folder_ / "maps" / (name + ".npy"));
  }

  int code = -1;
  std::string error{};

 private:
  static int& counted() {
    static int count = 0;
    return count;
  }
  std::filesystem::path folder_;
};

/// What every study promises: it succeeds, and a second run writes the same bytes.
inline void check_repeats(const Study& first, const Study& second) {
  DOCTEST_CAPTURE(first.error);
  DOCTEST_REQUIRE(first.code == 0);
  DOCTEST_REQUIRE(second.code == 0);
  DOCTEST_CHECK(first.summary().size() > 100);
  DOCTEST_CHECK(first.summary() == second.summary());
  DOCTEST_CHECK(first.page().size() > 10000);
  DOCTEST_CHECK(first.page() == second.page());
}

}  // namespace lumen::testing
