// SPDX-License-Identifier: BSD-3-Clause
#include <cmath>
#include <iostream>

#include <lumen/lumen.hpp>

namespace lm = lumen;

int main() {
  const auto net = [](const lm::Tensor& x) { return (x * x).flatten(1).cumsum(1); };
  const auto image = at::arange(12, at::kDouble).reshape({1, 3, 2, 2});
  const auto why = lm::IntegratedGradients{.steps = 50}(net, image, lm::target::Class{.index = 11});
  const double error = (why.map - image * image).abs().max().item<double>();
  std::cout << "lumen " << lm::version << ": x^2 explained to " << error << '\n';
  return error < 1e-9 ? 0 : 1;
}
