// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/relevance/guided_backprop.hpp>

#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/guided_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/zoo.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// Rectifiers of every kind, functional, in place and one written out as clamp: [N, 1, 8, 8] -> [N, 3].
struct Rectified {
  std::vector<Tensor> weights;
  Rectified() {
    for (std::uint64_t i = 0; i < 10; ++i)
      weights.push_back(nets::weight({i == 9 ? 3 : 3, i == 0 ? 1 : 3, 3, 3}, 50 + i));
  }
  Tensor operator()(const Tensor& x) const {
    std::size_t i = 0;
    const auto conv = [&](const Tensor& h) { return at::conv2d(h, weights.at(i++), {}, 1, 1); };
    Tensor h = at::relu(conv(x));
    h = conv(h);
    h.relu_();
    h = at::hardtanh(conv(h), 0, 6);
    h = at::leaky_relu(conv(h), 0.1);
    h = at::elu(conv(h));
    h = at::gelu(conv(h));
    h = at::silu(conv(h));
    h = at::hardswish(conv(h));
    h = at::clamp_min(conv(h), 0);
    h = at::softplus(conv(h));
    return h.mean({2, 3});
  }
};

template <class M>
Tensor oracle(const M& net, const Tensor& x, std::int64_t index, bool deconvolution) {
  const at::AutoGradMode enable(true);
  const Tensor leaf = x.clone().requires_grad_(true);
  return lumen::testing::guided_oracle(net(leaf.clone()).select(1, index), leaf, deconvolution);
}

}  // namespace

DOCTEST_TEST_CASE("rectifiers of every kind are guided, and equal hooks on the autograd graph") {
  const Rectified net;
  const Tensor x = nets::random({2, 1, 8, 8}, 1);
  const auto plain = lumen::Saliency{.absolute = false}(net, x, target::Class{.index = 2});
  const auto guided = lumen::GuidedBackprop{}(net, x, target::Class{.index = 2});
  const auto deconv = lumen::Deconvnet{}(net, x, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(guided.map, oracle(net, x, 2, false), 1e-12));
  DOCTEST_CHECK(all_close(deconv.map, oracle(net, x, 2, true), 1e-12));
  DOCTEST_CHECK(!all_close(guided.map, plain.map, 1e-3));
  DOCTEST_CHECK(!all_close(guided.map, deconv.map, 1e-3));
  DOCTEST_CHECK(at::equal(guided.score, plain.score));
  DOCTEST_CHECK(guided.forward_passes == 1);
}

DOCTEST_TEST_CASE("a layer that is excepted keeps its own gradient; excepting all gives the gradient") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 2);
  const auto plain = lumen::Saliency{.absolute = false}(net, x, target::Class{.index = 0});
  const auto all =
      lumen::GuidedBackprop{.except = {layer::nth("relu", 0), layer::nth("relu", 1), layer::nth("relu", -1)}}(
          net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(all.map, plain.map, 1e-12));
  const auto some =
      lumen::GuidedBackprop{.except = {layer::nth("relu", -1)}}(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(!all_close(some.map, plain.map, 1e-6));
  DOCTEST_CHECK(!all_close(some.map, lumen::GuidedBackprop{}(net, x, target::Class{.index = 0}).map, 1e-6));
}

DOCTEST_TEST_CASE(
    "the larger of a value and zero is a rectifier, of two values it is not; a choice is refused") {
  const Tensor w = nets::weight({3, 4}, 3), v = nets::weight({4, 5}, 4);
  const Tensor x = nets::random({6, 5}, 5);
  const auto written = [&](const Tensor& at) {
    const Tensor h = at::linear(at, v);
    return at::linear(at::maximum(h, at::zeros_like(h)), w);
  };
  const auto usual = [&](const Tensor& at) { return at::linear(at::relu(at::linear(at, v)), w); };
  DOCTEST_CHECK(all_close(lumen::GuidedBackprop{}(written, x, target::Class{.index = 1}).map,
                          lumen::GuidedBackprop{}(usual, x, target::Class{.index = 1}).map, 1e-12));
  const auto maxout = [&](const Tensor& at) {
    const Tensor h = at::linear(at, v);
    return at::linear(at::maximum(h, -h), w);
  };
  DOCTEST_CHECK(all_close(lumen::GuidedBackprop{}(maxout, x, target::Class{.index = 1}).map,
                          lumen::Saliency{.absolute = false}(maxout, x, target::Class{.index = 1}).map,
                          1e-12));
  const std::vector<std::pair<std::string, std::function<Tensor(const Tensor&)>>> choices{
      {"where", [](const Tensor& h) { return at::where(h > 0, h, at::zeros_like(h)); }},
      {"mul", [](const Tensor& h) { return h * (h > 0).to(at::kDouble); }},
      {"index_put",
       [](const Tensor& h) { return h.clone().index_put_({h < 0}, at::zeros({}, h.options())); }}};
  for (const auto& [kind, choose] : choices) {
    const auto choice = [&, &run = choose](const Tensor& at) {
      return at::linear(run(at::linear(at, v)), w);
    };
    const std::string message =
        message_of([&] { (void)lumen::GuidedBackprop{}(choice, x, target::Class{.index = 1}); });
    DOCTEST_CHECK(holds(message, "GuidedBackprop has no rule for " + kind + " 0"));
    DOCTEST_CHECK(holds(message, "write a rectifier with relu"));
  }
}

DOCTEST_TEST_CASE(
    "a clamp that keeps values from a bound they do not come to is no rectifier; at 0 it is one") {
  const Tensor w = nets::weight({3, 4}, 21), x = nets::random({2, 4}, 22);
  const auto net = [&](const auto& inner) {
    return [&w, inner](const Tensor& v) { return at::linear(inner(v), w); };
  };
  const auto same_as_plain = [&](const auto& inner) {
    const auto model = net(inner);
    const lumen::target::Class question{.index = 1};
    return all_close(lumen::GuidedBackprop{}(model, x, question).map,
                     lumen::Saliency{.absolute = false}(model, x, question).map, 1e-12);
  };
  DOCTEST_CHECK(same_as_plain([](const Tensor& v) { return v / v.norm(2, {1}, true).clamp_min(1e-12); }));
  DOCTEST_CHECK(same_as_plain([](const Tensor& v) { return v / v.square().sum(1, true).clamp(1e-6, 1e6); }));
  DOCTEST_CHECK_FALSE(same_as_plain([](const Tensor& v) { return v.clamp_min(0.0); }));
  DOCTEST_CHECK_FALSE(same_as_plain([](const Tensor& v) { return v.clamp(0.0, 6.0); }));
  DOCTEST_CHECK_FALSE(same_as_plain([](const Tensor& v) { return v.clamp_min(-0.05); }));
}

DOCTEST_TEST_CASE("rectifiers inside of a recurrent layer or cell are guided") {
  const Tensor u = nets::weight({4, 5}, 6), v = nets::weight({4, 4}, 7);
  const Tensor w = nets::weight({3, 4}, 8), x = nets::random({2, 6, 5}, 9);
  const auto start = [](const Tensor& at) { return at::zeros({at.size(0), 4}, at.options()); };
  const auto written = [&](const Tensor& at) {
    Tensor state = start(at);
    for (std::int64_t t = 0; t < 6; ++t) {
      state = at::relu(at::linear(at.select(1, t), u) + at::linear(state, v));
    }
    return at::linear(state, w);
  };
  const auto cells = [&](const Tensor& at) {
    Tensor state = start(at);
    for (std::int64_t t = 0; t < 6; ++t) state = at::rnn_relu_cell(at.select(1, t), state, u, v);
    return at::linear(state, w);
  };
  const auto layer = [&](const Tensor& at) {
    const auto [all, last] = at::rnn_relu(at, start(at).unsqueeze(0), std::vector<Tensor>{u, v}, false, 1,
                                          0.0, false, false, true);
    return at::linear(last[0], w);
  };
  const target::Class second{.index = 1};
  const Tensor right = lumen::GuidedBackprop{}(written, x, second).map;
  DOCTEST_CHECK(!all_close(right, lumen::Saliency{.absolute = false}(written, x, second).map, 1e-3));
  DOCTEST_CHECK(all_close(lumen::GuidedBackprop{}(cells, x, second).map, right, 1e-12));
  DOCTEST_CHECK(all_close(lumen::GuidedBackprop{}(layer, x, second).map, right, 1e-12));
}

DOCTEST_TEST_CASE("what rectifies nothing passes, whatever it is; so does a choice by a constant mask") {
  const Tensor filter = nets::weight({4, 1, 3, 3}, 60), grid = nets::random({1, 3, 3, 2}, 61, 0.4);
  const Tensor index = at::tensor({1, 0, 1, 3}, at::kLong), mask = nets::random({8, 8}, 62) > 0;
  const Tensor u = nets::weight({12, 8}, 63), v = nets::weight({12, 3}, 64), h = nets::random({2, 3}, 65);
  const std::vector<std::int64_t> one{1};
  const std::vector<std::pair<std::string, std::function<Tensor(const Tensor&)>>> cases{
      {"norm", [](const Tensor& x) { return at::norm(x + 0.1, 2, {1}); }},
      {"linalg_vector_norm", [=](const Tensor& x) { return at::linalg_vector_norm(x + 0.1, 3, one); }},
      {"std", [=](const Tensor& x) { return at::std(x, std::vector<std::int64_t>{2, 3}, true); }},
      {"var_mean", [=](const Tensor& x) { return std::get<0>(at::var_mean(x, one, true, true)); }},
      {"im2col", [](const Tensor& x) { return at::im2col(x, {2, 2}, {1, 1}, {0, 0}, {1, 1}); }},
      {"col2im",
       [](const Tensor& x) {
         return at::col2im(x.reshape({1, 4, 64}), {9, 9}, {2, 2}, {1, 1}, {0, 0}, {1, 1});
       }},
      {"index_add", [=](const Tensor& x) { return at::index_add(x, 1, index, x); }},
      {"scatter_add",
       [=](const Tensor& x) { return at::scatter_add(x, 1, index.reshape({1, 4, 1, 1}).expand_as(x), x); }},
      {"sort", [](const Tensor& x) { return std::get<0>(x.sort(1)); }},
      {"topk", [](const Tensor& x) { return std::get<0>(x.topk(2, 1)); }},
      {"grid_sampler", [=](const Tensor& x) { return at::grid_sampler(x, grid, 0, 0, false); }},
      {"upsample_nearest1d", [](const Tensor& x) { return at::upsample_nearest1d(x.flatten(2), {70}); }},
      {"upsample_trilinear3d",
       [](const Tensor& x) { return at::upsample_trilinear3d(x.unsqueeze(1), {5, 9, 9}, true); }},
      {"adaptive_max_pool1d",
       [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool1d(x.flatten(2), 5)); }},
      {"adaptive_max_pool3d",
       [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool3d(x.unsqueeze(1), {2, 3, 3})); }},
      {"glu", [](const Tensor& x) { return at::glu(x, 1); }},
      {"lstm_cell",
       [=](const Tensor& x) { return std::get<0>(at::lstm_cell(x[0][0].narrow(0, 0, 2), {h, h}, u, v)); }},
      {"fft", [](const Tensor& x) { return at::abs(at::fft_rfft(x + 0.1)); }},
      {"cumprod", [](const Tensor& x) { return at::cumprod(x + 0.5, 1); }},
      {"atan2", [](const Tensor& x) { return at::atan2(x, x + 1.0); }},
      {"masked_fill", [=](const Tensor& x) { return x.masked_fill(mask, 0.3); }},
      {"where", [=](const Tensor& x) { return at::where(mask, x, x * 0.1); }},
      {"a causal mask", [](const Tensor& x) { return x.masked_fill(at::ones_like(x).triu() > 0, 0.3); }},
  };
  const Tensor x = nets::random({1, 1, 8, 8}, 66);
  for (const auto& [name, layer] : cases) {
    DOCTEST_CAPTURE(name);
    const auto net = [&filter, &run = layer](const Tensor& at) {
      const Tensor y = run(at::relu(at::conv2d(at, filter, {}, 1, 1))).reshape({1, -1});
      return at::linear(y, nets::random({3, y.size(1)}, 67));
    };
    const Tensor guided = lumen::GuidedBackprop{}(net, x, target::Class{.index = 2}).map;
    DOCTEST_CHECK(guided.abs().max().item<double>() > 0);
    DOCTEST_CHECK(all_close(guided, oracle(net, x, 2, false), 1e-12));
  }
}

DOCTEST_TEST_CASE("chunks, several targets and segmentation targets") {
  const Rectified net;
  const Tensor x = nets::random({3, 1, 8, 8}, 6);
  const lumen::Targets targets{target::Class{.index = 0}, target::Class{.index = 1}};
  const auto both = lumen::GuidedBackprop{}(net, x, targets);
  const auto pieces = lumen::GuidedBackprop{.run = {.memory = 1}}(net, x, targets);
  for (std::size_t t = 0; t < 2; ++t) {
    DOCTEST_CHECK(all_close(both[t].map, oracle(net, x, static_cast<std::int64_t>(t), false), 1e-12));
    DOCTEST_CHECK(all_close(pieces[t].map, both[t].map, 1e-12));
  }
  const auto dense = [&](const Tensor& at) {
    return at::conv2d(at::relu(at::conv2d(at, net.weights[0], {}, 1, 1)), net.weights[1], {}, 1, 1);
  };
  const target::LogOdds odds{target::ClassRegion{.channel = 1, .reduction = target::Reduction::Mean}};
  const auto region = lumen::GuidedBackprop{}(dense, x, odds);
  const at::AutoGradMode enable(true);
  const Tensor leaf = x.clone().requires_grad_(true), output = dense(leaf.clone());
  const Tensor expected = lumen::testing::guided_oracle(odds.freeze(output.detach())(output), leaf);
  DOCTEST_CHECK(all_close(region.map, expected, 1e-12));  // the target keeps its own gradient
}

DOCTEST_TEST_CASE("the zoo: functional, reused and in-place rectifiers of nine families are guided") {
  for (const lumen::testing::ZooNet& net : lumen::testing::zoo()) {
    DOCTEST_CAPTURE(net.name);
    const Tensor x = net.images(1);
    const Tensor expected = oracle(net.run, x, 3, false);
    const double range = expected.abs().max().item<double>();
    DOCTEST_CHECK(range > 0);
    const Tensor guided = lumen::GuidedBackprop{}(net, x, target::Class{.index = 3}).map;
    DOCTEST_CHECK(all_close(guided, expected, 1e-10 * range));
    DOCTEST_CHECK(!all_close(
        guided, lumen::Saliency{.absolute = false}(net, x, target::Class{.index = 3}).map, 1e-3 * range));
  }
}

DOCTEST_TEST_CASE("guided backpropagation as a user asks it") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 8);
  //! [guided]
  const auto guided = lumen::GuidedBackprop{}(net, image, lumen::target::Class{.index = 1});
  const auto but_the_last = lumen::GuidedBackprop{.except = {lumen::layer::nth("relu", -1)}}(
      net, image, lumen::target::Class{.index = 1});
  //! [guided]
  DOCTEST_CHECK(guided.map.sizes() == but_the_last.map.sizes());
}
