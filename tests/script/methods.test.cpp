// SPDX-License-Identifier: BSD-3-Clause
// The methods on torchvision's families as TorchScript files.
#include <lumen/script/load.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <iostream>
#include <set>
#include <string>

#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/io/npy.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/guided_oracle.hpp"
#include "support/zoo_files.hpp"

using lumen::Tensor;
using lumen::testing::max_error;

namespace {

lumen::script::Network load(const lumen::testing::ZooFile& file) {
  lumen::script::Options options;
  if (file.tuple) options.output = {std::int64_t{0}};
  return lumen::script::load(file.path, options);
}

}  // namespace

DOCTEST_TEST_CASE(
    "the zoo of TorchScript files: DeepLIFT is complete, guided backpropagation guides, LRP keeps its "
    "books") {
  const auto files = lumen::testing::zoo_files();
  std::set<std::string> families;
  for (const lumen::testing::ZooFile& file : files) {
    DOCTEST_CAPTURE(file.name());
    const lumen::script::Network net = load(file);
    const Tensor x = lumen::io::read_npy(file.input).narrow(0, 0, 1);
    const lumen::target::Class target{.index = 3};

    const auto lifted =
        lumen::DeepLift{.baseline = lumen::baseline::GaussianNoise{.stdev = 0.3, .seed = 2}}(net, x, target);
    const double explained = lifted.map.sum().item<double>(),
                 missing = lifted.completeness_error.item<double>();
    const double relative = std::abs(missing) / std::abs(explained - missing);
    DOCTEST_CHECK(relative < 1e-6);

    const at::AutoGradMode enable(true);
    const Tensor leaf = x.clone().requires_grad_(true);
    const Tensor plain = torch::autograd::grad({net.forward(leaf.clone()).select(1, 3).sum()}, {leaf})[0];
    const Tensor oracle = lumen::testing::guided_oracle(net.forward(leaf.clone()).select(1, 3), leaf);
    const Tensor guided = lumen::GuidedBackprop{}(net, x, target).map;
    const double scale_of_map = oracle.abs().max().item<double>();
    DOCTEST_CHECK(scale_of_map > 0);
    DOCTEST_CHECK(max_error(guided, oracle) <= 1e-9 * scale_of_map);
    DOCTEST_CHECK(max_error(guided, plain) >= 1e-3 * scale_of_map);

    const lumen::Conservation books = lumen::Lrp{}.conservation(net, x, target);
    const double accounted =
        books.arrived + books.absorbed().bias + books.absorbed().stabiliser + books.lost();
    const double scale = std::abs(books.started) + std::abs(books.absorbed().bias) + std::abs(books.arrived);
    DOCTEST_CHECK(std::isfinite(books.arrived));
    DOCTEST_CHECK(std::abs(books.started - accounted) <= 1e-8 * scale);
    std::cout << file.name() << ": DeepLIFT misses " << relative << " of the difference; LRP epsilon-plus: F "
              << books.score << ", relevance " << books.arrived << ", biases " << books.absorbed().bias
              << ", stabiliser " << books.absorbed().stabiliser << ", lost " << books.lost() << '\n';
    families.insert(file.family);
  }
  DOCTEST_CHECK((files.empty() || families.size() >= 12));
}
