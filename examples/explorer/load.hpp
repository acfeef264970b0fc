// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "world.hpp"

namespace explorer {

/// TorchScript files, and networks of the library with their weights.
struct NetworkOptions {
  std::vector<std::string> models{};
  std::vector<std::string> nets{};     ///< unet, custom-resnet, unet:width=32, ...
  std::vector<std::string> weights{};  ///< one file for each
};

/// @throws lumen::Error if a file is not one of these, weights do not fit, a network gives no dense output, or there is
///         none
[[nodiscard]] std::vector<Network> load_networks(const NetworkOptions& options);

}  // namespace explorer
