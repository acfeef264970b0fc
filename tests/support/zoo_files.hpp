// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lumen::testing {

/// A TorchScript file that tests/zoo/make_zoo.py wrote: one of torchvision's classifiers, float64.
struct ZooFile {
  std::string family;            ///< torchvision's name of the network
  bool traced = false;           ///< traced, or scripted
  bool tuple = false;            ///< the output is a tuple, whose first element are the scores
  std::int64_t size = 0;         ///< height and width of the image, pixels
  std::filesystem::path path;    ///< the file
  std::filesystem::path input;   ///< npy, [2, 3, size, size]
  std::filesystem::path output;  ///< npy, [2, 10]: what PyTorch's eager mode gives for the input
  [[nodiscard]] std::string name() const { return family + (traced ? ", traced" : ", scripted"); }
};

/// The files of the zoo, in the folder that the environment's LUMEN_ZOO names, as ctest sets it. None, and a
/// line that says SKIPPED, when no Python with torchvision wrote them.
inline std::vector<ZooFile> zoo_files() {
  const char* given = std::getenv("LUMEN_ZOO");
  const std::filesystem::path folder(given != nullptr ? given : "");
  std::ifstream index(folder / "index.json");
  if (!index) {
    std::cout << "SKIPPED: no TorchScript files in '" << folder.string() << "', which LUMEN_ZOO names"
              << " (tests/zoo/make_zoo.py FOLDER writes them; needs torchvision)\n";
    return {};
  }
  std::vector<ZooFile> files;
  const nlohmann::json all = nlohmann::json::parse(index);
  for (const nlohmann::json& entry : all.at("models")) {
    files.push_back({.family = entry.at("family"),
                     .traced = entry.at("way") == "trace",
                     .tuple = entry.at("output_kind") == "tuple",
                     .size = entry.at("size"),
                     .path = folder / entry.at("file").get<std::string>(),
                     .input = folder / entry.at("input").get<std::string>(),
                     .output = folder / entry.at("output").get<std::string>()});
  }
  return files;
}

}  // namespace lumen::testing
