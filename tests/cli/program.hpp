// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <torch/csrc/jit/api/module.h>
#include <nlohmann/json.hpp>

#include <lumen/io/image.hpp>
#include <lumen/io/npy.hpp>

#include <support/nets.hpp>

/// The program, and files for it.
namespace lumen::testing::cli {

/// A folder of this process's own with models and inputs, gone at its end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("lumen-cli-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

struct Ran {
  int code = -1;
  std::string out, err;
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

inline std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Runs `lumen ARGUMENTS` and waits for it.
inline Ran lumen_program(const Folder& folder, const std::string& arguments) {
  const std::string out = folder.at("stdout"), err = folder.at("stderr");
  const std::string command = std::string(LUMEN_PROGRAM) + " " + arguments + " >" + out + " 2>" + err;
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(out), contents(err)};
}

inline torch::jit::Module module(const std::string& name, const std::string& forward = "") {
  torch::jit::Module made(name);
  made.register_attribute("training", c10::BoolType::get(), false);
  if (!forward.empty()) made.define("def forward(self, x):\n" + forward);
  return made;
}

inline torch::jit::Module convolution(std::int64_t in, std::int64_t out, std::uint64_t seed) {
  torch::jit::Module made = module("Conv2d");
  made.register_parameter("weight", nets::weight({out, in, 3, 3}, seed).requires_grad_(true), false);
  made.register_parameter("bias", nets::random({out}, seed + 1, 0.1).requires_grad_(true), false);
  made.define("def forward(self, x):\n  return torch.conv2d(x, self.weight, self.bias, [1, 1], [1, 1])\n");
  return made;
}

/// [N, 3, H, W] -> [N, 5]: conv, relu, conv, relu, global mean, linear; float32.
inline torch::jit::Module classifier() {
  torch::jit::Module net = module("Classifier");
  net.register_module("first", convolution(3, 4, 10));
  net.register_module("second", convolution(4, 6, 20));
  net.register_module("relu", module("ReLU", "  return torch.relu_(x)\n"));
  net.register_parameter("weight", nets::weight({5, 6}, 30).requires_grad_(true), false);
  net.register_parameter("bias", nets::random({5}, 31, 0.1).requires_grad_(true), false);
  net.define(
      "def forward(self, x):\n"
      "  x = self.relu.forward(self.first.forward(x))\n"
      "  x = self.relu.forward(self.second.forward(x))\n"
      "  return torch.addmm(self.bias, torch.mean(x, [2, 3]), torch.t(self.weight))\n");
  net.to(at::kFloat);
  return net;
}

/// [N, 1, H, W] -> [N, 3, H, W].
inline torch::jit::Module dense() {
  torch::jit::Module net = module("Dense");
  net.register_module("first", convolution(1, 4, 40));
  net.register_module("second", convolution(4, 3, 50));
  net.define("def forward(self, x):\n  return self.second.forward(torch.relu(self.first.forward(x)))\n");
  net.to(at::kFloat);
  return net;
}

/// An image [3, side, side], uint8.
inline Tensor picture(std::int64_t side, std::uint64_t seed) {
  return (at::sigmoid(nets::random({3, side, side}, seed, 1.0)) * 255).to(at::kByte);
}

}  // namespace lumen::testing::cli
