// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <lumen/core/progress.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/view/report.hpp>

/// What the studies share: a command line, a page, a summary.
namespace studies {

namespace fs = std::filesystem;
using lumen::Tensor;

struct Options {
  fs::path data{};  ///< empty: the study makes its own
  fs::path out{};
  bool quick = false;      ///< smaller, under five minutes on two cores
  std::uint64_t size = 0;  ///< images to look at, where a study lets one choose; 0: what suits it
  bool train = false;      ///< train a network although weights are there
  std::uint64_t seed = 0;
  lumen::Progress progress{};
};

/// What a study found. Nothing in it depends on the clock, so that a second run writes the same bytes.
struct Findings {
  lumen::view::Report report{};
  nlohmann::ordered_json numbers{};
  std::vector<std::pair<std::string, Tensor>> maps{};  ///< written as maps/NAME.npy
};

struct Study {
  std::string name{};
  std::string about{};  ///< a sentence for --help
  std::string data{};   ///< what --data holds, and what serves without it
  std::string train{};  ///< what --train does; empty: there is no such option
  std::function<Findings(const Options&)> work{};
};

/// Reads the command line, works, writes report.html, summary.json and the maps, prints where they are.
/// @return what main returns
int run(int argc, char** argv, const Study& study);

/// The first of these that is in the folder.
/// @throws Error that names them all
[[nodiscard]] fs::path find(const fs::path& folder, const std::vector<fs::path>& names);

/// Where the original's data are had from, for messages and pages.
inline constexpr const char* original =
    "https://github.com/CarlosFontaneli/interpreting-neural-networks (clone it, and give the clone as "
    "--data)";

}  // namespace studies
