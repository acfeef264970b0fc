// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include <torch/cuda.h>

#include <lumen/core/tensor.hpp>

namespace lumen::testing {

/// The first GPU. Nothing, and a line that says SKIPPED, where there is none.
inline std::optional<at::Device> accelerator() {
  if (torch::cuda::is_available()) return at::Device(at::kCUDA, 0);
  std::cout << "SKIPPED: no GPU that LibTorch can use\n";
  return std::nullopt;
}

/// A network of `nets` on a device.
template <class Net>
Net on(const at::Device& device) {
  Net net;
  for (Tensor tensor : net.parameters()) tensor.set_data(tensor.to(device));
  return net;
}

/// Tensors that are on a device as long as it lives.
class Moved {
 public:
  Moved(std::vector<Tensor> tensors, const at::Device& device) : tensors_(std::move(tensors)) {
    move(device);
  }
  ~Moved() { move(at::kCPU); }
  Moved(const Moved&) = delete;
  Moved& operator=(const Moved&) = delete;

 private:
  void move(const at::Device& device) {
    for (Tensor& tensor : tensors_) tensor.set_data(tensor.detach().to(device));
  }
  std::vector<Tensor> tensors_;
};

}  // namespace lumen::testing
