// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "method.hpp"

namespace cli {

/// How a model file is loaded.
struct LoadOptions {
  std::string device = "cpu";  ///< cpu, cuda, cuda:1
  std::string part{};   ///< of the output: "out", "logits", "0", "0.aux"; empty: the output is a tensor
  std::string dtype{};  ///< float32, float64; empty: as in the file
};

/// A module inside the model.
struct Module {
  std::string path{}, kind{};
  std::int64_t calls = 0;
  bool input = false, output = false;  ///< whether it is given, and returns, a tensor
};

/// A TorchScript file, ready to run.
struct Network {
  Model model{};
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  std::vector<Module> modules{};       ///< in the order of their first call
  std::vector<std::int64_t> weight{};  ///< shape of the first parameter that has at least two axes
  std::int64_t parameters = 0;         ///< how many numbers they hold
  std::int64_t inputs = 1;
};

/// @throws Error if the file is not one of these, or the device is not there
[[nodiscard]] Network load(const std::string& path, const LoadOptions& options);

/// @throws Error that names what is alike if the network has no such module, or not so many calls of it
void check_layer(const Network& network, const lm::trace::Layer& layer);

/// Channels of the images that the network takes, as its first weight tells: 1, 3, or 0 if it does not.
[[nodiscard]] std::int64_t channels_of(const Network& network);

}  // namespace cli
