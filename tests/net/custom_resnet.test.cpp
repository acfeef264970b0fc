// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/custom_resnet.hpp>

#include <set>
#include <string>

#include <doctest/doctest.h>

#include <lumen/core/concepts.hpp>
#include <lumen/net/seeded.hpp>

using lumen::Tensor;
using lumen::net::CustomResNet;

static_assert(lumen::Model<CustomResNet>);

namespace {

CustomResNet& network() {
  static CustomResNet net = [] {
    CustomResNet made = lumen::net::seeded(0, [] { return CustomResNet(2); });
    made->eval();
    return made;
  }();
  return net;
}

}  // namespace

DOCTEST_TEST_CASE("CustomResNet: parameters, and the names of the PyTorch original") {
  std::int64_t count = 0;
  std::set<std::string> names;
  for (const auto& item : network()->named_parameters()) {
    count += item.value().numel();
    names.insert(item.key());
  }
  DOCTEST_CHECK(count == 31348738);
  for (const auto& item : network()->named_buffers()) names.insert(item.key());

  std::set<std::string> expected{"conv1.weight", "final.weight", "final.bias"};
  const auto norm = [&](const std::string& name) {
    for (const char* part : {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
      expected.insert(name + "." + part);
  };
  norm("bn1");
  for (const char* number : {"1", "2", "3", "4"}) {
    const std::string block = std::string("resblock") + number;
    for (const char* conv : {".conv1", ".conv2", ".skip.0"}) expected.insert(block + conv + ".weight");
    for (const char* bn : {".bn1", ".bn2", ".skip.1"}) norm(block + bn);
    expected.insert(std::string("upconv") + number + ".weight");
    expected.insert(std::string("upconv") + number + ".bias");
  }
  DOCTEST_CHECK(names == expected);
}

DOCTEST_TEST_CASE("CustomResNet: an output of the image's size for every size") {
  const at::NoGradGuard no_gradient;
  for (const std::int64_t size : {23, 28, 100})
    DOCTEST_CHECK(
        (network()->forward(at::rand({1, 1, size, size})).sizes() == at::IntArrayRef{1, 2, size, size}));
  DOCTEST_CHECK((network()->forward(at::rand({2, 1, 17, 40})).sizes() == at::IntArrayRef{2, 2, 17, 40}));
  DOCTEST_CHECK_THROWS_WITH_AS(network()->forward(at::rand({1, 3, 16, 16})),
                               "CustomResNet: the input has shape [1, 3, 16, 16]; expected [N, 1, H, W]",
                               lumen::Error);
}

DOCTEST_TEST_CASE("CustomResNet: one output pixel depends on 125 x 125 input pixels") {
  const Tensor image = at::rand({1, 1, 224, 224}).requires_grad_(true);
  const Tensor logits = network()->forward(image);
  DOCTEST_REQUIRE((logits.sizes() == at::IntArrayRef{1, 2, 224, 224}));
  const Tensor gradient = torch::autograd::grad({logits[0][1][112][112]}, {image})[0][0][0];
  const auto extent = [&](std::int64_t other) {
    const Tensor hit = gradient.ne(0).any(other).nonzero();
    return hit.max().item<std::int64_t>() - hit.min().item<std::int64_t>() + 1;
  };
  DOCTEST_CHECK(extent(1) == 125);
  DOCTEST_CHECK(extent(0) == 125);
}

DOCTEST_TEST_CASE("crop_and_add: what is beyond the smaller map is cut") {
  const Tensor sum = lumen::net::crop_and_add(at::ones({1, 2, 4, 6}), at::ones({1, 2, 3, 5}));
  DOCTEST_CHECK(at::equal(sum, at::full({1, 2, 3, 5}, 2.0)));
}
