// SPDX-License-Identifier: BSD-3-Clause
#include <support/zoo.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <lumen/core/concepts.hpp>
#include <lumen/trace/observe.hpp>

#include <support/allclose.hpp>

namespace lumen {
namespace {

using testing::max_error;
using testing::zoo;
using testing::ZooNet;

static_assert(Model<const ZooNet>);

std::int64_t count(const ZooNet& net, const std::string& name) {
  const auto seen = trace::observe([&] { (void)net.forward(net.images()); });
  return std::count_if(seen.begin(), seen.end(), [&](const trace::Operation& op) { return op.name == name; });
}

const ZooNet& named(const std::string& name) {
  return *std::find_if(zoo().begin(), zoo().end(), [&](const ZooNet& net) { return net.name == name; });
}

DOCTEST_TEST_CASE("Every network gives finite scores that depend on class and image, sample by sample") {
  DOCTEST_CHECK(zoo().size() >= 9);
  for (const ZooNet& net : zoo()) {
    DOCTEST_CAPTURE(net.name);
    const Tensor x = net.images(3);
    const Tensor before = x.clone();
    const Tensor y = forward(net, x).detach();
    DOCTEST_CHECK(y.sizes() == at::IntArrayRef({3, 10}));
    DOCTEST_CHECK((y.scalar_type() == at::kDouble));
    DOCTEST_CHECK(at::isfinite(y).all().item<bool>());
    DOCTEST_CHECK((y.amax(1) - y.amin(1)).min().item<double>() > 0.1);
    DOCTEST_CHECK((y[0] - y[1]).abs().max().item<double>() > 0.1);
    DOCTEST_CHECK(max_error(net.forward(x.narrow(0, 1, 1)), y.narrow(0, 1, 1)) < 1e-10);
    DOCTEST_CHECK(max_error(x, before) == 0.0);
    DOCTEST_CHECK(net.parameters.size() > 20);
  }
}

DOCTEST_TEST_CASE("The networks run what makes their families hard to explain") {
  DOCTEST_CHECK(count(named("ResNet-18"), "aten::relu_") == 17);
  DOCTEST_CHECK(count(named("ResNet-18"), "aten::conv2d") == 20);
  DOCTEST_CHECK(count(named("ResNet-18"), "aten::add_") == 8);
  DOCTEST_CHECK(count(named("VGG-11"), "aten::relu_") == 10);
  DOCTEST_CHECK(count(named("VGG-11"), "aten::batch_norm") == 0);
  DOCTEST_CHECK(count(named("VGG-11 with batch normalisation"), "aten::batch_norm") == 8);
  DOCTEST_CHECK(count(named("GoogLeNet"), "aten::max_pool2d") == 6);
  DOCTEST_CHECK(count(named("GoogLeNet"), "aten::cat") == 3);
  DOCTEST_CHECK(count(named("DenseNet"), "aten::cat") == 8);
  DOCTEST_CHECK(count(named("MobileNet"), "aten::hardsigmoid") == 3);
  DOCTEST_CHECK(count(named("MobileNet"), "aten::hardswish_") == 7);
  DOCTEST_CHECK(count(named("EfficientNet"), "aten::silu_") == 11);
  DOCTEST_CHECK(count(named("ConvNeXt"), "aten::layer_norm") == 6);
  DOCTEST_CHECK(count(named("ConvNeXt"), "aten::gelu") == 3);
  DOCTEST_CHECK(count(named("ShuffleNet"), "aten::chunk") == 2);
}

}  // namespace
}  // namespace lumen
