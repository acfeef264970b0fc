// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/suffix.hpp>

#include <doctest/doctest.h>
#include <torch/nn/modules/conv.h>

#include <string>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/trace/observe.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace trace = lumen::trace;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// In-place and reused rectifiers, a residual sum and a skip around the middle.
struct Tangled {
  Tensor first = nets::weight({4, 1, 3, 3}, 1), second = nets::weight({4, 4, 3, 3}, 2),
         third = nets::weight({3, 8, 3, 3}, 3);
  Tensor operator()(const Tensor& x) const {
    Tensor a = at::conv2d(x, first, {}, 1, 1);
    a.relu_();
    Tensor b = trace::tap("middle", at::conv2d(a, second, {}, 1, 1));
    b += a;
    b.relu_();
    return at::conv2d(at::cat({a, b}, 1), third, {}, 1, 1);
  }
};

/// The same with every value kept: the gradient at each by one full backward pass.
Tensors all_gradients(const Tangled& net, const Tensor& x, Tensors& values) {
  const at::AutoGradMode enable(true);
  const Tensor leaf = x.clone().requires_grad_(true);
  const Tensor c1 = at::conv2d(leaf, net.first, {}, 1, 1), r1 = at::relu(c1);
  const Tensor c2 = at::conv2d(r1, net.second, {}, 1, 1), sum = c2 + r1, r2 = at::relu(sum);
  const Tensor both = at::cat({r1, r2}, 1), out = at::conv2d(both, net.third, {}, 1, 1);
  values = {c1, r1, c2, sum, r2, both, out};
  return torch::autograd::grad({out.select(1, 1).sum()}, values);
}

const Targets class_one{[](const Tensor& output) { return output.select(1, 1).flatten(1).sum(1); }};

}  // namespace

DOCTEST_TEST_CASE(
    "layers by parameter, order, tap and side: values and gradients as of a full backward pass") {
  Tangled net;
  for (Tensor* parameter : {&net.first, &net.second, &net.third}) parameter->requires_grad_(true);
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({2, 1, 6, 6}, 4);
  Tensors values;
  const Tensors gradients = all_gradients(net, x, values);
  const std::vector<std::pair<trace::Layer, std::size_t>> cases{{layer::of(net.first), 0},
                                                                {layer::input(layer::nth("relu", 0)), 0},
                                                                {layer::nth("relu", 0), 1},
                                                                {layer::tap("middle"), 2},
                                                                {layer::of(net.second), 2},
                                                                {layer::nth("conv2d", -2), 2},
                                                                {layer::nth("add", 0), 3},
                                                                {layer::nth("relu", -1), 4},
                                                                {layer::input(layer::of(net.third)), 5},
                                                                {layer::nth("cat", 0), 5},
                                                                {layer::nth("conv2d", -1), 6}};
  for (const auto& [name, which] : cases) {
    DOCTEST_CAPTURE(name.what());
    const auto layers = trace::resolved({name}, model, {x});
    const auto at = trace::differentiate_at(model, layers, {x}, class_one, true);
    DOCTEST_CHECK(at::equal(at.values[0], values[which].detach()));
    // c1's own gradient only counts what passes through it, as does each layer's output
    DOCTEST_CHECK(all_close(at.gradients[0][0], gradients[which], 1e-12));
    DOCTEST_CHECK(at::equal(trace::head(model, layers, {x.clone()})[0].detach(), at.values[0]));
    const Tensor back = trace::tail(model, layers, {at.values[0], x});
    DOCTEST_CHECK(at::equal(back.detach(), net(x).detach()));
  }
  DOCTEST_CHECK(!net.first.grad().defined());
  DOCTEST_CHECK(net.first.requires_grad());
}

DOCTEST_TEST_CASE("several layers at once, also one behind the other") {
  const Tangled net;
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({2, 1, 6, 6}, 5);
  Tensors values;
  const Tensors gradients = all_gradients(net, x, values);
  const auto at = trace::differentiate_at(
      model, {layer::nth("relu", 1), layer::tap("middle"), layer::nth("relu", 0)}, {x}, class_one, true);
  DOCTEST_CHECK(all_close(at.gradients[0][0], gradients[4], 1e-12));
  DOCTEST_CHECK(all_close(at.gradients[0][1], gradients[2], 1e-12));
  DOCTEST_CHECK(all_close(at.gradients[0][2], gradients[1], 1e-12));
}

DOCTEST_TEST_CASE("only what follows the layer is recorded for the backward pass, and a head stops there") {
  const nets::ConvNet net;
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({1, 1, 8, 8}, 6);
  const std::vector<trace::Layer> layers{layer::nth("relu", 1)};
  const auto seen = trace::observe([&] {
    (void)trace::differentiate_at(model, layers, {x}, Targets{lumen::target::Class{.index = 0}}, true);
  });
  DOCTEST_REQUIRE(seen.size() > 9);
  std::vector<std::string> recorded;
  for (const auto& operation : seen) {
    if (!operation.node.empty() && operation.kind != "clone") recorded.push_back(operation.kind);
  }
  DOCTEST_CHECK(recorded.front() == "avg_pool2d");
  std::vector<trace::Operation> head;
  head = trace::observe([&] { (void)trace::head(model, layers, {x}); });
  DOCTEST_CHECK(head.size() == 5);
}

DOCTEST_TEST_CASE("a replaced value changes what follows, and only the replacement is differentiated") {
  const Tangled net;
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({2, 1, 6, 6}, 7), h = nets::random({2, 4, 6, 6}, 8);
  const std::vector<trace::Layer> layers{layer::tap("middle")};
  const auto both = lumen::engine::differentiate(
      [&](const Tensors& parts) { return trace::tail(model, layers, parts); }, {h, x}, class_one, true);
  const Tensor a = at::relu(at::conv2d(x, net.first, {}, 1, 1));
  const Tensor expected = at::conv2d(at::cat({a, at::relu(h + a)}, 1), net.third, {}, 1, 1);
  DOCTEST_CHECK(all_close(both.scores[0], class_one[0](expected), 1e-12));
  DOCTEST_CHECK(both.gradients[0][0].abs().sum().item<double>() > 0);
  DOCTEST_CHECK(both.gradients[0][1].abs().sum().item<double>() == 0);
}

DOCTEST_TEST_CASE("layers that are not there are refused") {
  const nets::ConvNet net;
  const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts[0]); };
  const Tensor x = nets::random({1, 1, 8, 8}, 9);
  const Targets first{lumen::target::Class{.index = 0}};
  const auto refused = [](const auto& f, const char* part) {
    const std::string message = message_of(f);
    DOCTEST_CAPTURE(message);
    DOCTEST_CHECK(holds(message, part));
  };
  refused([&] { (void)trace::differentiate_at(model, {layer::nth("relu", 7)}, {x}, first, true); },
          "never came to the output of relu 7: it ran 3");
  refused([&] { (void)trace::resolved({layer::nth("relu", -4)}, model, {x}); },
          "the output of relu -4 is not there: the model ran 3");
  refused([&] { (void)trace::resolved({}, model, {x}); }, "name at least one");
  refused([&] { (void)trace::head(model, {layer::tap("nowhere")}, {x}); }, "tap 'nowhere'");
  refused([&] { (void)trace::tail(model, {layer::nth("relu", 0)}, {x, x}); }, "its replacement has");
  refused([&] { (void)layer::of(Tensor()); }, "undefined");
  DOCTEST_CHECK(trace::detail::listeners().empty());
}

namespace {

/// Two convolutions with a rectifier used twice, as a user would write it.
struct Named {
  torch::nn::Conv2d conv1{torch::nn::Conv2dOptions(1, 4, 3).padding(1)},
      conv2{torch::nn::Conv2dOptions(4, 3, 3).padding(1)};
  //! [tap]
  Tensor forward(Tensor x) {
    x = at::relu(conv1->forward(x));
    x = lumen::trace::tap("bottleneck", at::max_pool2d(x, 2));
    return at::relu(conv2->forward(x)).mean({2, 3});
  }
  //! [tap]
};

}  // namespace

DOCTEST_TEST_CASE("the names of layers in a model of modules") {
  Named net;
  const Tensor image = nets::random({1, 1, 8, 8}, 13).to(at::kFloat);
  const lumen::engine::Function model = [&](const Tensors& parts) { return net.forward(parts[0]); };
  //! [names]
  namespace layer = lumen::layer;
  const auto by_module = layer::of(net.conv2);                // what the operator with conv2's weight gives
  const auto its_input = layer::input(layer::of(net.conv2));  // what it is given
  const auto by_order = layer::nth("relu", -1);               // the last rectifier, functional or not
  const auto by_tap = layer::tap("bottleneck");               // what the model's forward marked
  //! [names]
  const auto values = [&](const trace::Layer& name) {
    return trace::head(model, trace::resolved({name}, model, {image}), {image})[0];
  };
  DOCTEST_CHECK(values(by_module).sizes() == at::IntArrayRef({1, 3, 4, 4}));
  DOCTEST_CHECK(at::equal(values(its_input), values(by_tap)));
  DOCTEST_CHECK(at::equal(values(by_order), at::relu(values(by_module))));
}
