// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <utility>

#include <torch/csrc/jit/api/module.h>

#include <support/nets.hpp>

/// TorchScript modules made without Python.
namespace lumen::testing::script_models {

/// A module with one method, and the mode that torch.nn.Module has.
inline torch::jit::Module module(const std::string& name, const std::string& forward = "") {
  torch::jit::Module made(name);
  made.register_attribute("training", c10::BoolType::get(), true);
  if (!forward.empty()) made.define("def forward(self, x):\n" + forward);
  return made;
}

inline torch::jit::Module conv(std::int64_t in, std::int64_t out, std::uint64_t seed) {
  torch::jit::Module made = module("Conv2d");
  made.register_parameter("weight", nets::weight({out, in, 3, 3}, seed).requires_grad_(true), false);
  made.register_parameter("bias", nets::random({out}, seed + 1, 0.1).requires_grad_(true), false);
  made.define("def forward(self, x):\n  return torch.conv2d(x, self.weight, self.bias, [1, 1], [1, 1])\n");
  return made;
}

inline torch::jit::Module norm(std::int64_t channels, std::uint64_t seed) {
  torch::jit::Module made = module("BatchNorm2d");
  made.register_parameter("weight", (1.0 + nets::random({channels}, seed, 0.1)).requires_grad_(true), false);
  made.register_parameter("bias", nets::random({channels}, seed + 1, 0.1).requires_grad_(true), false);
  made.register_buffer("mean", nets::random({channels}, seed + 2, 0.1));
  made.register_buffer("variance", 1.0 + nets::random({channels}, seed + 3, 0.1).abs());
  made.define(
      "def forward(self, x):\n"
      "  if self.training:\n"
      "    self.mean.add_(1.0)\n"
      "  return torch.batch_norm(x, self.weight, self.bias, self.mean, self.variance, self.training, 0.1, "
      "1e-5, "
      "False)\n");
  return made;
}

/// A residual network in training mode, [N, 2, H, W] -> [N, 3]: one in-place ReLU module called three times, a
/// nested block, dropout, batch normalisation, a function and a method of its own.
inline torch::jit::Module residual() {
  torch::jit::Module block = module("Block");
  block.register_module("conv", conv(4, 4, 20));
  block.register_module("norm", norm(4, 30));
  block.define("def forward(self, x):\n  return self.norm.forward(self.conv.forward(x)) + x\n");
  torch::jit::Module net = module("Net");
  net.register_module("stem", conv(2, 4, 10));
  net.register_module("relu", module("ReLU", "  return torch.relu_(x)\n"));
  net.register_module("block", std::move(block));
  net.register_module("last", conv(4, 6, 40));
  net.register_parameter("head", nets::weight({3, 6}, 50).requires_grad_(true), false);
  net.define(
      "def pooled(self, x):\n"
      "  return torch.dropout(x.mean([2, 3]), 0.5, self.training)\n");
  net.define(
      "def forward(self, x):\n"
      "  y = self.relu.forward(self.block.forward(self.relu.forward(self.stem.forward(x))))\n"
      "  return torch.matmul(self.pooled(self.relu.forward(self.last.forward(y))), self.head.t())\n");
  return net;
}

/// Images that `residual` takes.
inline Tensor images(std::int64_t count = 2, std::uint64_t seed = 60) {
  return nets::random({count, 2, 6, 6}, seed);
}

}  // namespace lumen::testing::script_models
