// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "method.hpp"
#include "sample.hpp"

namespace cli {

using Json = nlohmann::ordered_json;

/// One input explained.
struct Answer {
  Sample sample{};
  std::string target{};
  Tensor output{};             ///< of the network, [1, ...]
  bool probabilities = false;  ///< whether that holds them already
  Map map{};                   ///< one for each input that is explained, or that of a layer
  double seconds = 0;
  std::string note{};  ///< what a person should know of how it was run; empty if nothing
  std::vector<std::string> map_files{}, picture_files{}, panel_files{};  ///< what was written
};

/// How the strongest regions are found.
struct RegionOptions {
  double share = 0.05;    ///< of the pixels, those of the largest values
  std::int64_t most = 5;  ///< regions listed
};

/// A map as one picture, [H, W]: channels summed, at the resolution of the input if both are images; undefined if it
/// is none.
[[nodiscard]] Tensor plane_of(const Answer& answer, std::size_t part = 0);

/// A map of one axis behind the channels, or of features, as one line, [L]: channels summed; undefined if it is none.
[[nodiscard]] Tensor line_of(const Tensor& map);

/// All that is known about an answer: prediction, score, errors, passes, seconds, statistics, regions.
[[nodiscard]] Json summary_of(const Answer& answer, const RegionOptions& regions);

/// The same in lines for a person.
[[nodiscard]] std::string lines_of(const Json& summary);

}  // namespace cli
