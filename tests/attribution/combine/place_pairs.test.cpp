// SPDX-License-Identifier: BSD-3-Clause
// Every method at a layer, at several, and for a neuron.
#include "support/pairs.hpp"

#include <doctest/doctest.h>

#include <string>

namespace layer = lumen::layer;
namespace target = lumen::target;
using lumen::AnyModel;
using lumen::Targets;
using lumen::Tensor;
using lumen::testing::all_close;
using namespace lumen::testing::pairs;  // NOLINT(google-build-using-namespace): what these tests are about

DOCTEST_TEST_CASE("every method at a layer is the method of the tail, written as a model of its own") {
  AnyModel tail = [](const Tensor& h) {
    const Tensor b = lumen::trace::tap("late", at::relu(at::conv2d(h, net.second, {}, 1, 1)));
    return at::linear(b.mean({2, 3}), net.head);
  };
  const Tensor h = at::relu(at::conv2d(x, net.first, {}, 2, 1));
  each(layer::tap("late"), [&](const std::string& name, const auto& method) {
    const lumen::AtLayer<std::decay_t<decltype(method)>> at{
        .method = method, .layer = layer::tap("early"), .baseline_of = lumen::BaselineOf::Layer};
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
  each(layer::tap("early"), check);
}
