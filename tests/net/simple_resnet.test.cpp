// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/simple_resnet.hpp>

#include <doctest/doctest.h>

#include <lumen/core/concepts.hpp>
#include <lumen/net/seeded.hpp>

#include "support/message.hpp"

using lumen::Tensor;
using lumen::net::SimpleResNet;
using lumen::net::SimpleResNetOptions;

static_assert(lumen::Model<SimpleResNet>);

namespace {

std::int64_t count(const SimpleResNet& net) {
  std::int64_t total = 0;
  for (const Tensor& parameter : net->parameters()) total += parameter.numel();
  return total;
}

}  // namespace

DOCTEST_TEST_CASE("SimpleResNet: the parameters of the original, with and without batch normalisation") {
  DOCTEST_CHECK(count(SimpleResNet(SimpleResNetOptions{})) == 1314050);
  DOCTEST_CHECK(count(SimpleResNet(SimpleResNetOptions{.batch_norm = false})) == 1312834);
}

DOCTEST_TEST_CASE("SimpleResNet: an output of the image's size; other sizes are refused") {
  const at::NoGradGuard no_grad;
  SimpleResNet net = lumen::net::seeded(0, [] { return SimpleResNet(SimpleResNetOptions{.classes = 3}); });
  net->eval();
  DOCTEST_CHECK((net(at::rand({2, 1, 28, 16})).sizes() == at::IntArrayRef{2, 3, 28, 16}));
  DOCTEST_CHECK(lumen::testing::holds(
      lumen::testing::message_of([&] { (void)net(at::rand({1, 1, 30, 16})); }), "multiples of 4"));
}
