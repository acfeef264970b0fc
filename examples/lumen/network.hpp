// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "method.hpp"

namespace cli {

/// Which model, and how it is loaded.
struct LoadOptions {
  std::string model{};           ///< a TorchScript file
  std::string net{}, weights{};  ///< or one of the library's own networks, and a file of weights for it
  std::string device = "cpu";    ///< cpu, cuda, cuda:1
  std::string part{};   ///< of the output: "out", "logits", "0", "0.aux"; empty: the output is a tensor
  std::string dtype{};  ///< float32, float64; empty: as in the file
};

/// A module inside the model.
struct Module {
  std::string path{}, kind{};
  std::int64_t calls = 0;
  bool input = false, output = false;  ///< whether it is given, and returns, a tensor
};

/// A network of one input or several, whose number is known at run time.
struct Model {
  std::function<Tensor(const Tensors&)> run{};

  Tensor operator()(const Tensors& parts) const { return run(parts); }
  Tensor operator()(const Tensor& x) const { return run({x}); }
};

/// A model, ready to run.
struct Network {
  std::string name{};  ///< for messages
  Model model{};
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  std::vector<Module> modules{};             ///< in the order of their first call
  std::vector<std::int64_t> weight{};        ///< shape of the first parameter that has at least two axes
  std::int64_t parameters = 0;               ///< how many numbers they hold
  std::int64_t inputs = 1, most_inputs = 1;  ///< tensors that it needs, and takes at most
  /// The layer of a module's path, where modules are no taps; empty where they are.
  std::function<lm::trace::Layer(const lm::trace::Layer&)> layer_of{};
};

/// @throws Error if the file is not one of these, the device is not there, or not one model is named
[[nodiscard]] Network load(const LoadOptions& options);

/// One of the library's networks, NAME or NAME:OPTION=VALUE,..., with weights from a .pth or safetensors file or from a
/// checkpoint of its training. @throws Error that lists the networks, and for weights that do not fit
[[nodiscard]] Network load_own(const LoadOptions& options);

/// A layer in words, checked. @throws Error as check_layer
[[nodiscard]] lm::trace::Layer layer_in(const Network& network, const std::string& words);

/// @throws Error that names what is alike if the network has no such module, or not so many calls of it
void check_layer(const Network& network, const lm::trace::Layer& layer);

/// "out" or "0.aux" as the steps into an output; the device of its name.
[[nodiscard]] at::Device device_of(const std::string& words);

}  // namespace cli
