// SPDX-License-Identifier: BSD-3-Clause
// Every method at a layer, at several, and for a neuron.
#include "support/every_method.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::AnyModel;
using lumen::Targets;
using lumen::Tensor;
using lumen::testing::all_close;

namespace {

/// Two taps, a rectifier behind each: [N, 1, 8, 8] -> [N, 3].
struct Net {
  Tensor first = nets::weight({3, 1, 3, 3}, 1), second = nets::weight({4, 3, 3, 3}, 2),
         head = nets::weight({3, 4}, 3);
  Tensor operator()(const Tensor& x) const {
    const Tensor a = lumen::trace::tap("early", at::relu(at::conv2d(x, first, {}, 2, 1)));
    const Tensor b = lumen::trace::tap("late", at::relu(at::conv2d(a, second, {}, 1, 1)));
    return at::linear(b.mean({2, 3}), head);
  }
};

const Net net;
AnyModel model = [](const Tensor& x) { return net(x); };
const Tensor x = nets::random({2, 1, 8, 8}, 4).abs();
const Targets questions{target::Class{.index = 1}, target::Class{.index = 2}};

/// It is a method; several targets get what each gets alone; nothing in it is undefined or not finite.
template <class A>
void sound(const std::string& name, const A& method, const Targets& asked = questions) {
  DOCTEST_CAPTURE(name);
  static_assert(lumen::Method<A>);
  const auto together = lumen::engine::ask(method, model, x, asked);
  DOCTEST_REQUIRE(together.size() == asked.size());
  for (std::size_t t = 0; t < asked.size(); ++t) {
    const auto alone = method(model, x, asked[t]);
    DOCTEST_REQUIRE(alone.map.defined());
    DOCTEST_CHECK(alone.map.size(0) == 2);
    DOCTEST_CHECK(at::isfinite(alone.map).all().template item<bool>());
    DOCTEST_CHECK(all_close(together[t].map, alone.map, 1e-9));
    DOCTEST_CHECK(all_close(together[t].score, alone.score, 1e-12));
  }
}

template <class Visit>
void each(const Visit& visit) {
  lumen::testing::each_method_of_inputs(visit);
  lumen::testing::each_method_of_images(visit);
  lumen::testing::each_method_of_layers(layer::tap("late"), visit);
}

}  // namespace

DOCTEST_TEST_CASE("every method at a layer is the method of the tail, written as a model of its own") {
  AnyModel tail = [](const Tensor& h) {
    const Tensor b = lumen::trace::tap("late", at::relu(at::conv2d(h, net.second, {}, 1, 1)));
    return at::linear(b.mean({2, 3}), net.head);
  };
  const Tensor h = at::relu(at::conv2d(x, net.first, {}, 2, 1));
  each([&](const std::string& name, const auto& method) {
    const lumen::AtLayer<std::decay_t<decltype(method)>> at{
        .method = method, .layer = layer::tap("early"), .baseline_of = lumen::BaselineOf::layer};
    sound(name, at);
    const auto ours = at(model, x, questions[0]);
    DOCTEST_CHECK(all_close(ours.map, method(tail, h, questions[0]).map, 1e-10));
  });
}

DOCTEST_TEST_CASE("every method for a neuron is the method of the head, written as a model of its own") {
  AnyModel head = [](const Tensor& input) {
    return at::conv2d(lumen::trace::tap("early", at::relu(at::conv2d(input, net.first, {}, 2, 1))),
                      net.second, {}, 1, 1);
  };
  const Targets neurons{target::Element{{2, 1, 1}}, target::Element{{0, 2, 3}}};
  const auto check = [&](const std::string& name, const auto& method) {
    const lumen::AtNeuron<std::decay_t<decltype(method)>> at{.method = method,
                                                             .layer = layer::nth("conv2d", 1)};
    sound(name, at, neurons);
    DOCTEST_CHECK(all_close(at(model, x, neurons[0]).map, method(head, x, neurons[0]).map, 1e-10));
  };
  lumen::testing::each_method_of_inputs(check);
  lumen::testing::each_method_of_images(check);
  lumen::testing::each_method_of_layers(layer::tap("early"), check);
}
