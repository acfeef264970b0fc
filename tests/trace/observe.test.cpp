// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/trace/observe.hpp>

#include <doctest/doctest.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace trace = lumen::trace;
using lumen::Tensor;

namespace {

std::vector<std::string> kinds(const std::vector<trace::Operation>& operations) {
  std::vector<std::string> all;
  for (const trace::Operation& each : operations) all.push_back(each.kind);
  return all;
}

}  // namespace

DOCTEST_TEST_CASE("the operators of a pass are seen in order, with values, nodes and numbers") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 1).requires_grad_(true);
  //! [observe]
  const auto operations = lumen::trace::observe([&] { return net(x); });
  for (const auto& operation : operations) {
    std::cout << operation.where() << '\n';  // "relu 1 (aten::relu, operator 4)"
  }
  //! [observe]
  DOCTEST_CHECK(kinds(operations) == std::vector<std::string>{"conv2d", "relu", "max_pool2d", "conv2d",
                                                              "relu", "avg_pool2d", "flatten", "linear",
                                                              "relu", "linear"});
  const trace::Operation& second = operations[4];
  DOCTEST_CHECK(second.name == "aten::relu");
  DOCTEST_CHECK(second.nth == 1);
  DOCTEST_CHECK(second.order == 4);
  DOCTEST_CHECK(second.where() == "relu 1 (aten::relu, operator 4)");
  DOCTEST_CHECK(second.node == "ReluBackward0");
  DOCTEST_CHECK(second.arguments.front().toTensor().is_same(operations[3].results.front().toTensor()));
  DOCTEST_CHECK(at::equal(second.results.front().toTensor(), at::relu(second.arguments.front().toTensor())));
  DOCTEST_CHECK(operations.front().arguments[1].toTensor().is_same(net.conv1));
}

DOCTEST_TEST_CASE("in-place, functional and module forms are the same kinds") {
  const Tensor x = nets::random({1, 2, 5, 5}, 2), w = nets::random({2, 2, 3, 3}, 3);
  const auto forms = trace::observe([&] {
    Tensor y = at::conv2d(x, w);
    y.relu_();
    y = at::convolution(y, w, {}, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1);
    y = at::conv_transpose2d(y, w);
    y = at::convolution(y, w, {}, {1, 1}, {0, 0}, {1, 1}, true, {0, 0}, 1);
    y += 1.0;
    return y;
  });
  DOCTEST_CHECK(kinds(forms) == std::vector<std::string>{"conv2d", "relu", "conv2d", "conv_transpose2d",
                                                         "conv_transpose2d", "add"});
  torch::nn::Sequential modules(torch::nn::Conv2d(2, 2, 3),
                                torch::nn::ReLU(torch::nn::ReLUOptions().inplace(true)));
  const Tensor single = x.to(at::kFloat);
  const auto of_modules = trace::observe([&] { return modules->forward(single); });
  DOCTEST_CHECK(kinds(of_modules) == std::vector<std::string>{"conv2d", "relu"});
  DOCTEST_CHECK(of_modules.back().name == "aten::relu_");
  DOCTEST_CHECK(trace::in_place(*c10::Dispatcher::singleton().findSchema({"aten::relu_", ""})));
}

DOCTEST_TEST_CASE("nothing is left behind, also after an exception, and values are unchanged") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 4);
  const Tensor plain = net(x);
  Tensor observed;
  DOCTEST_CHECK(trace::observe([&] { observed = net(x); }).size() == 10);
  DOCTEST_CHECK(at::equal(observed, plain));
  DOCTEST_CHECK_THROWS_AS((void)trace::observe([&] {
                            (void)net(x);
                            throw std::runtime_error("the model broke");
                          }),
                          std::runtime_error);
  DOCTEST_CHECK(trace::detail::listeners().empty());
  DOCTEST_CHECK(!c10::impl::tls_is_dispatch_key_included(trace::detail::key));
  DOCTEST_CHECK(at::equal(net(x), plain));
}

DOCTEST_TEST_CASE("an outer observer also sees what an inner one does, and a thread only its own operators") {
  const nets::Linear net;
  const Tensor x = nets::random({2, 5}, 5);
  std::vector<trace::Operation> inner, other;
  const auto outer = trace::observe([&] {
    (void)at::relu(x);
    inner = trace::observe([&] { return net(x); });
    std::thread thread([&] { other = trace::observe([&] { return at::tanh(x); }); });
    thread.join();
  });
  DOCTEST_CHECK(kinds(inner) == std::vector<std::string>{"linear"});
  DOCTEST_CHECK(kinds(outer) == std::vector<std::string>{"relu", "linear"});
  DOCTEST_CHECK(kinds(other) == std::vector<std::string>{"tanh"});
}

DOCTEST_TEST_CASE("a listener may change arguments and results, and tap shows and replaces values") {
  struct Doubler final : trace::Listener {
    void on_call(trace::Call& call) override {
      call.proceed();
      if (call.op.schema().name() == "aten::relu") call.results.front() = call.results.front().toTensor() * 2;
    }
    Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
      return name == "mid" && !input ? value + 1 : value;
    }
  } doubler;
  const Tensor x = at::ones({2});
  const auto run = [&] { return trace::tap("mid", at::relu(x)) + trace::tap("mid", x, /*input=*/true); };
  DOCTEST_CHECK(at::equal(run(), at::full({2}, 2.0)));
  const trace::Listening listening(doubler);
  DOCTEST_CHECK(at::equal(run(), at::full({2}, 4.0)));
}

namespace {

/// A layer of torch.nn's transformer, by the kernel that it runs where nothing needs gradients.
struct FusedLayer {
  std::int64_t heads = 2;
  bool gelu = false, norm_first = false;
  Tensor mask{};
  std::int64_t mask_type = 0;
  Tensor qkv = of({12, 4}, 31), qkv_bias = of({12}, 32), proj = of({4, 4}, 33), proj_bias = of({4}, 34),
         up = of({6, 4}, 35), up_bias = of({6}, 36), down = of({4, 6}, 37), down_bias = of({4}, 38),
         gain1 = of({4}, 39) + 1, shift1 = of({4}, 40), gain2 = of({4}, 41) + 1, shift2 = of({4}, 42);

  Tensor operator()(const Tensor& x) const {
    const auto run = [&](const auto&... masked) {
      return at::_transformer_encoder_layer_fwd(x, 4, heads, qkv, qkv_bias, proj, proj_bias, gelu, norm_first,
                                                1e-5, gain1, shift1, gain2, shift2, up, up_bias, down,
                                                down_bias, masked...);
    };
    return mask.defined() ? run(mask, mask_type) : run();
  }
  static Tensor of(std::vector<std::int64_t> shape, std::uint64_t seed) {
    return nets::random(shape, seed, 0.5).to(at::kFloat);
  }
};

}  // namespace

DOCTEST_TEST_CASE("fused kernels for inference are seen as the operators that they stand for") {
  const Tensor x = FusedLayer::of({2, 5, 4}, 43);
  const Tensor later = at::ones({5, 5}, at::kBool).triu(1);
  const Tensor padding = at::tensor({0, 0, 0, 0, 1, 0, 0, 0, 1, 1}, at::kLong).to(at::kBool).reshape({2, 5});
  const std::vector<FusedLayer> layers{{},
                                       {.gelu = true, .norm_first = true},
                                       {.heads = 1, .mask = later, .mask_type = 0},
                                       {.norm_first = true, .mask = padding, .mask_type = 1}};
  for (const FusedLayer& layer : layers) {
    if (layer.mask.defined() && layer.mask_type == 0 && TORCH_VERSION_MAJOR < 2)
      continue;  // it has no such mask
    const at::NoGradGuard no_grad;
    const Tensor expected = layer(x);
    Tensor seen;
    const auto names = kinds(trace::observe([&] { return seen = layer(x); }));
    DOCTEST_CHECK(at::allclose(seen, expected, 1e-4, 1e-5));
    const auto count = [&](const std::string& kind) { return std::count(names.begin(), names.end(), kind); };
    DOCTEST_CHECK(count("linear") == 4);
    DOCTEST_CHECK(count("layer_norm") == 2);
    DOCTEST_CHECK(count("softmax") == 1);
    DOCTEST_CHECK(count(layer.gelu ? "gelu" : "relu") == 1);
    DOCTEST_CHECK(count("_transformer_encoder_layer_fwd") == 0);
  }
  const auto attend = [&](const Tensor& q, const Tensor& k, bool average) {
    const FusedLayer l;
    return at::_native_multi_head_attention(q, k, k, 4, 2, l.qkv, l.qkv_bias, l.proj, l.proj_bias, {}, true,
                                            average);
  };
  for (const bool average : {true, false}) {
    const Tensor other = average ? x : FusedLayer::of({2, 5, 4}, 44);
    const at::NoGradGuard no_grad;
    const auto expected = attend(x, other, average);
    std::tuple<Tensor, Tensor> seen;
    const auto names = kinds(trace::observe([&] { seen = attend(x, other, average); }));
    DOCTEST_CHECK(at::allclose(std::get<0>(seen), std::get<0>(expected), 1e-4, 1e-5));
    DOCTEST_CHECK(at::allclose(std::get<1>(seen), std::get<1>(expected), 1e-4, 1e-5));
    DOCTEST_CHECK(std::find(names.begin(), names.end(), "_native_multi_head_attention") == names.end());
  }
}

DOCTEST_TEST_CASE(
    "a model that asks whether anybody needs gradients is told so where it is observed on an input") {
  const auto asks = [](const Tensor& x) {
    return at::GradMode::is_enabled() && x.requires_grad() ? at::tanh(at::relu(x)) : at::sigmoid(x);
  };
  const Tensor x = nets::random({2, 3}, 1);
  const at::NoGradGuard no_grad;
  Tensor output;
  const auto operations =
      trace::observe([&](const lumen::Tensors& given) { return output = asks(given[0]); }, {x});
  DOCTEST_CHECK(kinds(operations) == std::vector<std::string>{"relu", "tanh"});
  DOCTEST_CHECK(operations.back().node.empty());
  DOCTEST_CHECK_FALSE(output.requires_grad());
  DOCTEST_CHECK_FALSE(x.requires_grad());
  DOCTEST_CHECK(kinds(trace::observe([&] { return asks(x); })) == std::vector<std::string>{"sigmoid"});
}
