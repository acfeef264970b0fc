// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include <lumen/influence/outputs.hpp>
#include <lumen/influence/statistic/statistic.hpp>

namespace cli {

/// A statistic as the command line names it: its image is written to a file of this name.
struct NamedStatistic {
  std::string words{}, file{};
  std::string what{};  ///< the unit and meaning of its values
  lumen::influence::AnyStatistic statistic;
};

/// What --reduce names, in words for messages and --help.
[[nodiscard]] std::string reducer_forms();

/// A statistic of rows in words: NAME, NAME:THRESHOLD:LEVEL, NAME:NUMBER or NAME:FILE.
/// @throws Error that lists the forms
[[nodiscard]] NamedStatistic to_statistic(const std::string& words);

/// Which output pixels in words: all, every:4, pixels:5,7;9,1, path:0,0;9,9, or a mask's file.
/// @throws Error that lists the forms
[[nodiscard]] lumen::influence::Outputs to_outputs(const std::string& words);

}  // namespace cli
