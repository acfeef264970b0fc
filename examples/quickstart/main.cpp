// SPDX-License-Identifier: BSD-3-Clause
// The README's example: why does a small network call these pixels class 1?
#include <torch/nn.h>

#include <iostream>

//! [quickstart]
#include <lumen/lumen.hpp>

namespace lm = lumen;

int main() {
  using namespace torch::nn;
  Sequential net(Conv2d(Conv2dOptions(1, 8, 3).padding(1)), ReLU(),
                 Conv2d(Conv2dOptions(8, 2, 3).padding(1)));
  const at::Tensor image = at::rand({1, 1, 64, 64});

  const lm::target::ClassRegion question{.channel = 1};  // the pixels predicted as class 1
  const auto method = lm::IntegratedGradients{.baseline = lm::baseline::Blur{.sigma = 4.0}, .steps = 50};
  const auto why = method(net, image, question);
  const auto [helps, hurts] = lm::map::split_signs(lm::map::view(why.map));

  std::cout << "F(x) = " << why.score.item<double>() << ", the map misses "
            << why.completeness_error.item<double>() << "; Gini of what helps " << lm::metric::Gini{}(helps)
            << ", of what hurts " << lm::metric::Gini{}(hurts) << '\n';
}
//! [quickstart]
