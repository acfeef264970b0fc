// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "support/message.hpp"

namespace lumen::testing {

using Bytes = std::vector<std::uint8_t>;

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / text("lumen-", std::random_device{}())) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Bytes written as text: "\x93NUMPY..."; the terminating zero is left out.
template <std::size_t N>
Bytes bytes(const char (&text)[N]) {
  return Bytes(text, text + N - 1);
}

/// What every reader of files refuses, whatever the format.
template <class Reader>
void refuses_bad_paths(const Reader& read, const Folder& folder) {
  DOCTEST_CHECK(holds(message_of([&] { read(folder / "absent"); }), "no such file"));
  DOCTEST_CHECK(holds(message_of([&] { read(folder / "absent"); }), "absent"));
  DOCTEST_CHECK(holds(message_of([&] { read(folder.path()); }), "is a folder"));
}

}  // namespace lumen::testing
