// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/unet.hpp>

#include <doctest/doctest.h>

#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/net/seeded.hpp>

using lumen::Tensor;
using lumen::net::UNet;

static_assert(lumen::Model<UNet>);

DOCTEST_TEST_CASE("UNet: parameters") {
  const UNet net;
  std::int64_t count = 0;
  for (const Tensor& parameter : net->parameters()) count += parameter.numel();
  DOCTEST_CHECK(count == 482466);
}

DOCTEST_TEST_CASE("UNet: an output of the image's size for every size") {
  //! [unet]
  auto net = lumen::net::seeded(
      7, [] { return lumen::net::UNet(lumen::net::UNetOptions{.classes = 2, .width = 16}); });
  net->eval();
  const lumen::Tensor logits = net->forward(at::rand({1, 1, 100, 73}));  // [1, 2, 100, 73]
  //! [unet]
  DOCTEST_CHECK((logits.sizes() == at::IntArrayRef{1, 2, 100, 73}));
  const lumen::net::UNetOptions small{.channels = 3, .classes = 4, .width = 2};
  UNet other(small);
  for (const std::int64_t size : {8, 9, 15, 16, 23, 32})
    DOCTEST_CHECK((other->forward(at::rand({2, 3, size, 24})).sizes() == at::IntArrayRef{2, 4, size, 24}));
}

DOCTEST_TEST_CASE("UNet: pixels beyond the border are the border's: a padded image gives the same output") {
  UNet net = lumen::net::seeded(1, [] { return UNet(lumen::net::UNetOptions{.width = 4}); });
  net->eval();
  const Tensor image = at::rand({1, 1, 21, 30});
  const Tensor padded = at::replication_pad2d(image, {0, 2, 0, 3});
  const Tensor a = net->forward(image);
  const Tensor b = net->forward(padded).narrow(2, 0, 21).narrow(3, 0, 30);
  DOCTEST_CHECK((a - b).abs().max().item<float>() < 1e-6F);
}

DOCTEST_TEST_CASE(
    "UNet: the pass of the paper, part by part, with the transposed convolutions called as such") {
  UNet net = lumen::net::seeded(2, [] { return UNet(lumen::net::UNetOptions{.width = 4}); });
  net->to(at::kDouble);
  net->eval();
  const auto parts = net->named_children();
  const auto two = [&](const char* name, const Tensor& x) {
    return parts[name]->as<lumen::net::DoubleConvImpl>()->forward(x);
  };
  const auto grown = [&](const char* name, const Tensor& x) {
    return parts[name]->as<torch::nn::ConvTranspose2dImpl>()->forward(x);
  };
  const Tensor image = at::rand({2, 1, 24, 16}, at::kDouble).requires_grad_();
  const Tensor x1 = two("down1", image);
  const Tensor x2 = two("down2", at::max_pool2d(x1, 2));
  const Tensor x3 = two("down3", at::max_pool2d(x2, 2));
  const Tensor grown3 = grown("up3", two("bottom", at::max_pool2d(x3, 2)));
  const Tensor y3 = two("merge3", at::cat({x3, grown3}, 1));
  const Tensor y2 = two("merge2", at::cat({x2, grown("up2", y3)}, 1));
  const Tensor y1 = two("merge1", at::cat({x1, grown("up1", y2)}, 1));
  const Tensor expected = parts["head"]->as<torch::nn::Conv2dImpl>()->forward(y1);
  const Tensor output = net->forward(image);
  DOCTEST_CHECK((output - expected).abs().max().item<double>() < 1e-12);

  // As layers: the convolution by its weight, the grown map by the shuffle after it.
  const auto model = [&](const Tensor& x) { return net->forward(x); };
  const lumen::LayerActivation layers{
      {lumen::layer::of(net->named_parameters()["up3.weight"]), lumen::layer::nth("pixel_shuffle", 0)}};
  const auto values = layers(model, image.detach());
  DOCTEST_CHECK(at::allclose(at::pixel_shuffle(values[0], 2), grown3, 1e-12, 1e-12));
  DOCTEST_CHECK(at::allclose(values[1], grown3, 1e-12, 1e-12));

  // Training too: the gradients of the weights.
  const auto weights = net->parameters();
  const auto mine = torch::autograd::grad({output.square().sum()}, weights);
  const auto theirs = torch::autograd::grad({expected.square().sum()}, weights);
  for (std::size_t i = 0; i < weights.size(); ++i)
    DOCTEST_CHECK(at::allclose(mine[i], theirs[i], 1e-9, 1e-12));
}

DOCTEST_TEST_CASE("UNet: bad inputs") {
  UNet net;
  DOCTEST_CHECK_THROWS_WITH_AS(
      net->forward(at::rand({1, 1, 7, 64})),
      "UNet: the input has shape [1, 1, 7, 64]; expected [N, 1, H, W] with H and W at least 8", lumen::Error);
  DOCTEST_CHECK_THROWS_AS(net->forward(at::rand({1, 3, 16, 16})), lumen::Error);
  DOCTEST_CHECK_THROWS_AS(net->forward(at::rand({1, 16, 16})), lumen::Error);
}
