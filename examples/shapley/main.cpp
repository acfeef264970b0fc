// SPDX-License-Identifier: BSD-3-Clause
// Shapley values of parts of an image, to an error that is asked for, checked against the exact ones.
#include <torch/nn.h>

#include <cstdio>

#include <lumen/lumen.hpp>

namespace lm = lumen;

int main() {
  using namespace torch::nn;
  torch::manual_seed(1);
  Sequential net(Conv2d(1, 8, 3), ReLU(), Conv2d(8, 8, 3), ReLU(), Flatten(), Linear(8 * 12 * 12, 3));
  const at::Tensor image = at::rand({1, 1, 16, 16});
  const lm::target::Softmax<lm::target::Class> question{lm::target::Class{.index = 1}};

  //! [shapley]
  // sixteen features: squares of 4 x 4 pixels; what is absent looks like the image blurred
  const at::Tensor side = at::arange(16, at::kLong).div(4, "floor");
  const at::Tensor squares = (side.unsqueeze(1) * 4 + side).reshape({1, 1, 16, 16});
  const lm::baseline::Blur blurred{.sigma = 3.0};
  const lm::KernelShap method{.baseline = blurred, .groups = {squares}, .samples = 128, .tolerance = 1e-4};
  const auto why = method(net, image, question);  // why.map, why.standard_error, why.forward_passes
  //! [shapley]

  const auto exact = lm::ShapleyValues{.baseline = blurred, .groups = {squares}}(net, image, question);
  const double error = (why.map - exact.map).abs().max().item<double>();
  std::printf(
      "F(x) = %g: error at most %g after %ld passes instead of %ld; the largest standard error was %g\n",
      why.score.item<double>(), error, static_cast<long>(why.forward_passes),
      static_cast<long>(exact.forward_passes), why.standard_error.max().item<double>());
  return error < 6e-4 && why.completeness_error.abs().item<double>() < 1e-5 ? 0 : 1;
}
