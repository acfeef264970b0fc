// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>

namespace lumen::testing {

/// The path of `relative` inside the folder of shared data: the environment's LUMEN_SHARED, or ../shared
/// beside the source tree. Nothing, and a line that says SKIPPED, when it is not there.
inline std::optional<std::filesystem::path> shared(const std::filesystem::path& relative) {
  const char* given = std::getenv("LUMEN_SHARED");
  const std::filesystem::path root = given != nullptr
                                         ? std::filesystem::path(given)
                                         : std::filesystem::path(LUMEN_SOURCE_DIR).parent_path() / "shared";
  std::filesystem::path path = root / relative;
  if (std::filesystem::exists(path)) return path;
  std::cout << "SKIPPED: no " << path.string() << " (LUMEN_SHARED names the folder of shared data)\n";
  return std::nullopt;
}

}  // namespace lumen::testing
