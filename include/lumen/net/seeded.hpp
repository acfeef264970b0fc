// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include <ATen/CPUGeneratorImpl.h>

#include <lumen/core/tensor.hpp>

namespace lumen::net {

/// Lends LibTorch's global CPU generator, from which torch::nn draws initial weights and dropout masks, and
/// puts back its state at the end, also after an exception. The holder may reseed it as often as it likes.
class GeneratorLoan {
 public:
  GeneratorLoan() : generator_(at::detail::getDefaultCPUGenerator()), state_(read()) {}
  ~GeneratorLoan() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_state(state_);
  }
  GeneratorLoan(const GeneratorLoan&) = delete;
  GeneratorLoan& operator=(const GeneratorLoan&) = delete;

  void seed(std::uint64_t value) {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    generator_.set_current_seed(value);
  }

 private:
  Tensor read() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    return generator_.get_state();
  }

  at::Generator generator_;
  Tensor state_;
};

/// A network whose initial weights depend on `seed` alone: `auto net = seeded(7, [] { return UNet(); });`
/// The global generator is afterwards where it was.
template <class Make>
[[nodiscard]] auto seeded(std::uint64_t seed, Make&& make) {
  GeneratorLoan loan;
  loan.seed(seed);
  return std::forward<Make>(make)();
}

}  // namespace lumen::net
