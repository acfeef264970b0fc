// SPDX-License-Identifier: BSD-3-Clause
// Rows of the Jacobian a second on a GPU, CustomResNet on 256 x 256 pixels: confined rows, columns, and what
// torch.autograd.functional.jacobian does, a whole backward pass a row. Its Python ways: tests/bench/jacobian.py.
#include <ATen/CPUGeneratorImpl.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <torch/cuda.h>

#include <lumen/influence/columns.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>

namespace influence = lumen::influence;
using Clock = std::chrono::steady_clock;
using lumen::Tensor;

namespace {

struct Enough {};

/// Rows a second of what `stream(seen)` tells to have done, from the end of its first chunk, for so many seconds.
template <class Stream>
double rate(const Stream& stream, double seconds) {
  std::int64_t rows = -1;
  auto start = Clock::now();
  double spent = 0.0;
  try {
    stream([&](std::int64_t count) {
      if (rows >= 0) rows += count;
      if (rows > 0 && std::chrono::duration<double>(Clock::now() - start).count() < seconds) return;
      torch::cuda::synchronize();
      spent = std::chrono::duration<double>(Clock::now() - start).count();
      if (rows >= 0) throw Enough{};
      rows = 0;
      start = Clock::now();
    });
  } catch (const Enough&) {
  }
  return static_cast<double>(rows) / spent;
}

template <class Net>
void measure(const char* name, Net net, std::int64_t size, double seconds) {
  net->eval();
  net->to(at::kCUDA);
  at::Generator source = at::detail::createCPUGenerator(1);
  const Tensor x = at::rand({1, 1, size, size}, source, at::TensorOptions(at::kFloat)).to(at::kCUDA);
  const lumen::Targets logit{lumen::target::Class{.index = 1}};
  const auto run = [&](const Tensor& at) { return net->forward(at); };
  const auto by = [&](influence::Way way, std::int64_t memory) {
    return rate(
        [&](const auto& seen) {
          (void)influence::rows(run, x, influence::All{}, logit,
                                [&](const influence::RowChunk& chunk) { seen(chunk.size()); },
                                {.run = {.memory = memory}, .way = way});
        },
        seconds);
  };
  const double columns = rate(
      [&](const auto& seen) {
        (void)influence::columns(run, x, influence::All{}, logit,
                                 [&](const influence::ColumnChunk& chunk) { seen(chunk.size()); },
                                 {.run = {.memory = std::int64_t{4} << 30}});
      },
      seconds);
  std::cout << name << ", " << size << " x " << size
            << ", a second: " << by(influence::Way::Rows, std::int64_t{4} << 30) << " confined rows, "
            << by(influence::Way::Columns, std::int64_t{16} << 30) << " rows by columns, " << columns
            << " columns, " << by(influence::Way::Whole, std::int64_t{4} << 30) << " whole rows" << std::endl;
}

}  // namespace

int main() try {
  if (!torch::cuda::is_available()) {
    std::cout << "SKIPPED: no GPU that LibTorch can use\n";
    return EXIT_SUCCESS;
  }
  const double seconds = 4.0;
  measure("CustomResNet", lumen::net::seeded(1, [] { return lumen::net::CustomResNet(2); }), 256, seconds);
  measure("U-Net", lumen::net::seeded(1, [] { return lumen::net::UNet(); }), 256, seconds);
  return EXIT_SUCCESS;
} catch (const std::exception& problem) {
  std::cerr << "bench: " << problem.what() << '\n';
  return EXIT_FAILURE;
}
