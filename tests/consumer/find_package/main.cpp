// SPDX-License-Identifier: BSD-3-Clause
#include <iostream>

#include <lumen/data/synthetic.hpp>
#include <lumen/io/read.hpp>
#include <lumen/lumen.hpp>

namespace lm = lumen;

int main() {
  const auto net = [](const lm::Tensor& x) {
    return at::stack({x.mean({1, 2, 3}), x.square().mean({1, 2, 3})}, 1);
  };
  const auto image = at::linspace(0, 1, 64, at::kDouble).reshape({1, 1, 8, 8});
  const auto why = lm::Saliency{}(net, image, lm::target::Class{.index = 1});
  const double error = (why.map - image / 32).abs().max().item<double>();
  try {
    (void)lm::io::read("no such image.tiff");
  } catch (const lm::Error& refusal) {
    std::cout << "lumen " << lm::version << ": " << refusal.what() << '\n';
    return error < 1e-9 ? 0 : 1;
  }
  return 1;
}
