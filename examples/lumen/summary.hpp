// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "input.hpp"
#include "method.hpp"

namespace cli {

using Json = nlohmann::ordered_json;

/// One input explained.
struct Answer {
  Sample sample{};
  std::string target{};
  Tensor output{};  ///< of the network, [1, ...]
  Map map{};
  double seconds = 0;
  std::string map_file{}, picture_file{}, panel_file{};  ///< what was written; empty if nothing was
};

/// How the strongest regions are found.
struct RegionOptions {
  double share = 0.05;    ///< of the pixels, those of the largest values
  std::int64_t most = 5;  ///< regions listed
};

/// A map as one picture, [H, W]: channels summed, at the resolution of the input if both are images; undefined if it
/// is none.
[[nodiscard]] Tensor plane_of(const Answer& answer);

/// All that is known about an answer: prediction, score, errors, passes, seconds, statistics, regions.
[[nodiscard]] Json summary_of(const Answer& answer, const RegionOptions& regions);

/// The same in lines for a person.
[[nodiscard]] std::string lines_of(const Json& summary);

}  // namespace cli
