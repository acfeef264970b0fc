// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/res_unet.hpp>

#include <doctest/doctest.h>

#include <lumen/core/concepts.hpp>
#include <lumen/influence/field/theoretical.hpp>
#include <lumen/net/custom_cnn.hpp>
#include <lumen/net/custom_resnet.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/simple_resnet.hpp>
#include <lumen/trace/program.hpp>

#include "support/message.hpp"

namespace net = lumen::net;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(lumen::Model<net::ResUNet>);

namespace {

std::int64_t count(const torch::nn::Module& module) {
  std::int64_t total = 0;
  for (const Tensor& parameter : module.parameters()) total += parameter.numel();
  return total;
}

/// Rows and columns of the input that the middle pixel of a result depends on, as the structure says.
template <class F>
std::pair<std::int64_t, std::int64_t> field(const F& f, std::int64_t side) {
  const at::NoGradGuard no_grad;
  const auto program =
      lumen::trace::Program::record([&](const lumen::Tensors& x) { return f(x.front()); },
                                    {at::rand({1, 1, side, side})}, {.any_batch = false, .verify = false});
  const auto all = lumen::influence::TheoreticalFields(program).of(program.output());
  return {all.rows.size(), all.columns.size()};
}

/// The same from the gradient, of random weights.
template <class F>
std::pair<std::int64_t, std::int64_t> support(const F& f, std::int64_t side) {
  const Tensor x = at::rand({1, 1, side, side}, at::kDouble).requires_grad_(true);
  const Tensor y = f(x);
  y.sum(1).select(2, y.size(3) / 2).select(1, y.size(2) / 2).sum().backward();
  const Tensor mask = x.grad()[0][0].ne(0);
  const auto extent = [](const Tensor& any) {
    const Tensor places = any.nonzero();
    return places[-1].item<std::int64_t>() - places[0].item<std::int64_t>() + 1;
  };
  return {extent(mask.any(1)), extent(mask.any(0))};
}

}  // namespace

DOCTEST_TEST_CASE("ResUNet: the parameters and the support of the original") {
  net::ResUNet unet = net::seeded(0, [] { return net::ResUNet(); });
  DOCTEST_CHECK(count(*unet) == 719680);
  unet->eval();
  const auto f = [&](const Tensor& x) { return unet(x); };
  const auto structure = field(f, 112);
  DOCTEST_CHECK(structure.first == 75);
  DOCTEST_CHECK(structure.second == 75);
  unet->to(at::kDouble);
  const auto seen = support(f, 112);
  DOCTEST_CHECK(seen.first == 75);
  DOCTEST_CHECK(seen.second == 75);
}

DOCTEST_TEST_CASE(
    "ResUNet: an output of the image's size, odd ones too; other inputs and options are refused") {
  const at::NoGradGuard no_grad;
  net::ResUNet unet = net::seeded(1, [] {
    return net::ResUNet(
        net::ResUNetOptions{.width = 4, .encoder_blocks = 2, .decoder_blocks = 2, .classes = 3});
  });
  unet->eval();
  DOCTEST_CHECK((unet(at::rand({2, 1, 17, 23})).sizes() == at::IntArrayRef{2, 3, 17, 23}));
  DOCTEST_CHECK(holds(message_of([&] { (void)unet(at::rand({2, 3, 16, 16})); }), "[2, 3, 16, 16]"));
  DOCTEST_CHECK(
      holds(message_of([] { (void)net::ResUNet(net::ResUNetOptions{.encoder_blocks = 0}); }), "at least 1"));
}

DOCTEST_TEST_CASE("the fields of the other networks of the study, by their structure and by their gradient") {
  net::CustomCNN disks = net::seeded(2, [] { return net::CustomCNN(net::CustomCNNOptions{.width = 4}); });
  net::CustomCNN digits =
      net::seeded(3, [] { return net::CustomCNN(net::CustomCNNOptions{.width = 4, .third_pooling = true}); });
  net::CustomCNN mini = net::seeded(4, [] { return net::CustomCNN(net::custom_cnn_mini); });
  net::SimpleResNet simple = net::seeded(5, [] { return net::SimpleResNet(net::SimpleResNetOptions{}); });
  const auto check = [](auto& network, const auto& f, std::int64_t side) {
    network->eval();
    const auto structure = field(f, side);
    network->to(at::kDouble);
    const auto seen = support(f, side);
    // a maximum passes its gradient to one of what it sees, and rectifiers may be shut: never more than the structure
    DOCTEST_CHECK(seen.first <= structure.first);
    DOCTEST_CHECK(seen.second <= structure.second);
    DOCTEST_CHECK(2 * seen.first >= structure.first);
    return structure;
  };
  const auto features = [](net::CustomCNN& network) {
    return [&network](const Tensor& x) { return network->features(x); };
  };
  DOCTEST_CHECK(check(disks, features(disks), 64) == std::pair<std::int64_t, std::int64_t>(26, 26));
  DOCTEST_CHECK(check(digits, features(digits), 64) == std::pair<std::int64_t, std::int64_t>(38, 38));
  DOCTEST_CHECK(check(mini, features(mini), 64) == std::pair<std::int64_t, std::int64_t>(34, 34));
  const auto whole = check(simple, [&](const Tensor& x) { return simple(x); }, 64);
  DOCTEST_MESSAGE("SimpleResNet: ", whole.first);
}
