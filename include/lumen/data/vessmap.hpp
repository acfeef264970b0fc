// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/sample.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>

namespace lumen::data {

/// Reads a folder in the layout of VessMAP (Viana da Silva et al., "VessMAP: A dataset of blood vessel
/// images", PLOS ONE 2025, 10.1371/journal.pone.0322048): images/*.tiff (or .tif), labels/*.png and
/// skeletons/*.png, one of each with the same stem; what a file holds decides how it is read, whatever its
/// name says. Other files and names that begin with a dot are passed over.
///
/// @return samples sorted by stem, which is their name: image [1, H, W] in [0, 1] (the file's integer type
///         gives 1), label 1 and skeleton true where the picture is not 0
/// @throws Error  one that lists everything that is wrong: a folder or partner that is missing, a file that
///         cannot be read, more than one channel, sizes that differ within a triple; or there is no triple at
///         all
[[nodiscard]] inline std::vector<Sample> read_vessmap(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  struct Kind {
    std::string_view name, endings;
  };
  static constexpr std::array<Kind, 3> kinds{
      {{"images", ".tiff .tif"}, {"labels", ".png"}, {"skeletons", ".png"}}};

  std::string problems;
  std::size_t count = 0;
  const auto problem = [&](const auto&... parts) {
    constexpr std::size_t shown = 50;
    if (++count <= shown) problems += text("\n  ", parts...);
    if (count == shown + 1) problems += "\n  ...";
  };

  std::map<std::string, std::array<fs::path, 3>> triples;  // sorted by stem
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const fs::path inside = folder / kinds[k].name;
    if (!fs::is_directory(inside)) {
      problem("there is no folder ", inside.string());
      continue;
    }
    for (const auto& entry : fs::directory_iterator(inside)) {
      const fs::path& path = entry.path();
      const std::string ending = path.extension().string();
      if (ending.empty() || path.filename().string().front() == '.') continue;
      if ((" " + std::string(kinds[k].endings) + " ").find(" " + ending + " ") == std::string::npos) continue;
      fs::path& place = triples[path.stem().string()][k];
      if (!place.empty()) problem("two files of one stem: ", place.string(), " and ", path.string());
      place = path;
    }
  }

  std::vector<Sample> samples;
  for (const auto& [stem, paths] : triples) {
    const std::size_t before = count;
    for (std::size_t k = 0; k < kinds.size(); ++k)
      if (paths[k].empty() && fs::is_directory(folder / kinds[k].name))
        problem(stem, ": no file in ", kinds[k].name, "/");
    if (std::ranges::any_of(paths, [](const fs::path& path) { return path.empty(); })) continue;
    try {
      const std::array<Tensor, 3> parts{io::read(paths[0]), io::read(paths[1]), io::read(paths[2])};
      for (std::size_t k = 0; k < kinds.size(); ++k) {
        if (parts[k].size(0) != 1)
          problem(stem, ": the picture in ", kinds[k].name, "/ has ", parts[k].size(0),
                  " channels, expected 1");
        if (k > 0 && parts[k].sizes().slice(1) != parts[0].sizes().slice(1))
          problem(stem, ": the picture in ", kinds[k].name, "/ is ", parts[k].size(1), " x ",
                  parts[k].size(2), ", the image ", parts[0].size(1), " x ", parts[0].size(2));
      }
      if (count == before)
        samples.push_back({.image = io::to_float(parts[0]),
                           .label = parts[1][0].ne(0).to(at::kLong),
                           .skeleton = parts[2][0].ne(0),
                           .name = stem});
    } catch (const Error& error) {
      problem(error.what());
    }
  }
  require(count == 0, [&] {
    return text(
        folder,
        " is not a complete VessMAP folder (images/*.tiff, labels/*.png and skeletons/*.png with equal "
        "stems and sizes):",
        problems, "\nAdd or remove the files named here.");
  });
  require(!samples.empty(), [&] { return text("there is no image in ", folder, "/images"); });
  return samples;
}

}  // namespace lumen::data
