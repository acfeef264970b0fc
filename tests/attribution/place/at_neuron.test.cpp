// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/place/at_neuron.hpp>

#include <doctest/doctest.h>

#include <string>

#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/slice.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/methods.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::AtNeuron;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("every method for a neuron is the method on the head, for a head written by hand") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 401);
  const auto head = [&](const Tensor& image) {
    const Tensor first = at::max_pool2d(at::relu(at::conv2d(image, net.conv1, net.bias1, 1, 1)), 2);
    return at::conv2d(first, net.conv2, net.bias2, 1, 1);
  };
  const target::Pixel neuron{.channel = 2, .row = 1, .column = 3};
  int largest = 0;
  const auto watched = [&](const Tensor& image) {
    const Tensor first = at::max_pool2d(at::relu(at::conv2d(image, net.conv1, net.bias1, 1, 1)), 2);
    const Tensor second = at::relu(at::conv2d(first, net.conv2, net.bias2, 1, 1));
    ++largest;  // never come to
    return second.flatten(1);
  };
  const auto compare = [&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    const auto why = AtNeuron{.method = method, .layer = layer::of(net.conv2)}(net, x, neuron);
    const auto expected = method(head, x, neuron);
    DOCTEST_CHECK(all_close(why.map, expected.map, 1e-12));
    DOCTEST_CHECK(all_close(why.score, expected.score, 1e-12));
    DOCTEST_CHECK(all_close(why.score, neuron(head(x)), 1e-12));
    DOCTEST_CHECK(why.forward_passes == expected.forward_passes);
    DOCTEST_CHECK((why.map.sizes() == x.sizes()));
    DOCTEST_CHECK(expected.map.abs().max().template item<double>() > 1e-6);
    DOCTEST_CHECK(all_close(
        AtNeuron{.method = method, .layer = layer::input(layer::nth("relu", 1))}(watched, x, neuron).map,
        expected.map, 1e-12));
  };
  lumen::testing::each_method(compare);
  compare("GuidedBackprop", lm::GuidedBackprop{});
  compare("DeepLift", lm::DeepLift{});
  DOCTEST_CHECK(largest == 0);
}

DOCTEST_TEST_CASE("a slice is the sum of its units, and any functor of the layer will do") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 402);
  const AtNeuron at{.method = lm::Saliency{.absolute = false}, .layer = layer::nth("relu", 0)};
  const auto map = [&](const auto& neuron) { return at(net, x, neuron).map; };
  const Tensor slice = map(target::Slice{{{1, 2}, {0, 8, 3}, {4, 5}}});
  Tensor sum = at::zeros_like(x);
  for (const std::int64_t r : {0, 3, 6}) sum += map(target::Element{{1, r, 4}});
  DOCTEST_CHECK(all_close(slice, sum, 1e-12));
  DOCTEST_CHECK(sum.abs().max().item<double>() > 1e-3);
  const auto loudest = [](const Tensor& h) { return h.flatten(1).square().sum(1); };
  const Tensor leaf = x.clone().requires_grad_(true);
  const Tensor h = at::relu(at::conv2d(leaf, net.conv1, net.bias1, 1, 1));
  DOCTEST_CHECK(all_close(map(loudest), torch::autograd::grad({h.square().sum()}, {leaf}).front(), 1e-12));
}

DOCTEST_TEST_CASE("several inputs, several neurons, and a method that combines it") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({2, 4}, 403), nets::random({2, 1, 4, 4}, 404)};
  const AtNeuron at{.method = lm::IntegratedGradients{.steps = 20}, .layer = layer::nth("sigmoid", 0)};
  const auto both = at(net, x, lm::Targets{target::Class{0}, target::Class{1}});
  DOCTEST_REQUIRE(both.size() == 2);
  DOCTEST_CHECK(std::get<0>(both[0].map).abs().max().item<double>() == 0.0);  // the gate sees only the image
  DOCTEST_CHECK((std::get<1>(both[0].map).sizes() == std::get<1>(x).sizes()));
  DOCTEST_CHECK(both[0].completeness_error.abs().max().item<double>() < 1e-8);
  DOCTEST_CHECK(max_error(std::get<1>(both[0].map), std::get<1>(both[1].map)) > 1e-4);
  const nets::ConvNet image_net;
  const Tensor image = nets::random({2, 1, 8, 8}, 405);
  const target::Element neuron{{0, 1, 1}};
  const lm::Smooth smooth{.method = lm::Saliency{}, .samples = 3, .stdev = 0.2, .seed = 5};
  const auto head = [&](const Tensor& input) {
    const Tensor first =
        at::max_pool2d(at::relu(at::conv2d(input, image_net.conv1, image_net.bias1, 1, 1)), 2);
    return at::conv2d(first, image_net.conv2, image_net.bias2, 1, 1);
  };
  const auto why = AtNeuron{.method = smooth, .layer = layer::of(image_net.conv2)}(image_net, image, neuron);
  DOCTEST_CHECK(all_close(why.map, smooth(head, image, neuron).map, 1e-12));
  DOCTEST_CHECK(all_close(why.standard_error, smooth(head, image, neuron).standard_error, 1e-12));
}

DOCTEST_TEST_CASE("what is wrong is said, and the thread is as before") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 406);
  const auto message = [&](const layer::Layer& where, const auto& neuron) {
    return message_of([&] { (void)AtNeuron{.method = lm::Saliency{}, .layer = where}(net, x, neuron); });
  };
  DOCTEST_CHECK(
      holds(message(layer::nth("relu", 9), target::Output{}), "never came to the output of relu 9"));
  DOCTEST_CHECK(holds(message(layer::nth("relu", 0), target::Element{{4, 0, 0}}), "index 4 is out of range"));
  DOCTEST_CHECK(holds(message(layer::nth("relu", 0), target::Slice{{{3, 3}}}), "is no range of dimension 1"));
  DOCTEST_CHECK(lm::trace::detail::listeners().empty());
  DOCTEST_CHECK(at::GradMode::is_enabled());
}

DOCTEST_TEST_CASE("a neuron in the documentation") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 407);
  //! [at_neuron]
  const auto method =
      lm::AtNeuron{.method = lm::IntegratedGradients{.steps = 50}, .layer = lm::layer::of(net.conv2)};
  const auto why = method(net, image, lm::target::Element{{5, 2, 1}});             // one unit
  const auto channel = method(net, image, lm::target::Slice{.ranges = {{5, 6}}});  // all of channel 5
  //! [at_neuron]
  DOCTEST_CHECK((why.map.sizes() == image.sizes()));
  DOCTEST_CHECK(max_error(why.map, channel.map) > 1e-6);
}
