// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/cam/full_grad.hpp>

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <vector>

#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/cam_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace cams = lumen::testing::cams;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(lumen::Method<lumen::FullGrad>);

namespace {

/// What the biases of Cut add to the score of one sample: for each of them, b dF/db cell by cell, with a bias of its
/// own for every cell. Shapes [1, 4, 8, 8], [1, 5, 4, 4] and [1, 3].
Tensors bias_gradients(const cams::Cut& net, const Tensor& x, std::int64_t index) {
  const Tensor b1 =
      (net.bias1.reshape({1, 4, 1, 1}) * at::ones({1, 4, 8, 8}, at::kDouble)).requires_grad_(true);
  const Tensor b2 =
      (net.bias2.reshape({1, 5, 1, 1}) * at::ones({1, 5, 4, 4}, at::kDouble)).requires_grad_(true);
  const Tensor b3 = net.bias.unsqueeze(0).clone().requires_grad_(true);
  const Tensor first = at::max_pool2d(at::relu(at::conv2d(x, net.conv1, {}, 1, 1) + b1), 2);
  const Tensor second = at::relu(at::conv2d(first, net.conv2, {}, 1, 1) + b2);
  const Tensor output = at::linear(at::adaptive_avg_pool2d(second, {1, 1}).flatten(1), net.fc) + b3;
  const auto g = torch::autograd::grad({output.select(1, index).sum()}, {b1, b2, b3});
  return {(g[0] * b1).detach(), (g[1] * b2).detach(), (g[2] * b3).detach()};
}

/// Each cell's value shared out over the pixels by the bilinear weights of that cell alone, one cell at a time.
Tensor spread_by_hand(const Tensor& map, std::int64_t size) {
  Tensor total = at::zeros({1, 1, size, size}, at::kDouble);
  for (std::int64_t i = 0; i < map.size(2); ++i) {
    for (std::int64_t j = 0; j < map.size(3); ++j) {
      Tensor one = at::zeros_like(map);
      one[0][0][i][j] = 1.0;
      const Tensor weights = at::upsample_bilinear2d(one, {size, size}, false);
      total += weights / weights.sum() * map[0][0][i][j];
    }
  }
  return total;
}

}  // namespace

DOCTEST_TEST_CASE("Example") {
  const cams::Cut net;
  const Tensor image = nets::random({1, 2, 8, 8}, 1);
  //! [full_grad]
  const auto why = lumen::FullGrad{}(net, image, lumen::target::Class{.index = 1});
  const Tensor map = why.map;                      // [1, 1, 8, 8], sums to the score itself
  const Tensor rounding = why.completeness_error;  // [1]
  const auto picture = lumen::FullGrad{.picture = true}(net, image, lumen::target::Class{.index = 1});
  //! [full_grad]
  DOCTEST_CHECK(all_close(map.flatten(1).sum(1), why.score, 1e-12));
  DOCTEST_CHECK(all_close(rounding, at::zeros_like(rounding), 1e-12));
  DOCTEST_CHECK(picture.map.min().item<double>() >= 0.0);
}

DOCTEST_TEST_CASE(
    "the map is the input's and every bias's gradient, each with a bias of its own for every cell") {
  const cams::Cut net;
  const Tensor x = nets::random({3, 2, 8, 8}, 2);
  const Tensor expected = cams::each_row(x, [&](const Tensor& one) {
    const Tensor g = oracle::gradient([&](const Tensor& at) { return net(at).select(1, 1); }, one);
    const Tensors biases = bias_gradients(net, one, 1);
    return (g * one).sum(1, true) + biases[0].sum(1, true) + spread_by_hand(biases[1].sum(1, true), 8) +
           biases[2].sum() / 64.0;
  });
  const auto why = lumen::FullGrad{}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
  DOCTEST_CHECK(all_close(why.score, net(x).select(1, 1), 1e-12));
  DOCTEST_CHECK(all_close(why.completeness_error, at::zeros_like(why.score), 1e-12));
  const auto split = lumen::FullGrad{.run = {.memory = 1}}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(split.map, why.map, 1e-12));
  DOCTEST_CHECK(all_close(lumen::FullGrad{.positive_part = true}(net, x, target::Class{.index = 1}).map,
                          why.map.clamp_min(0), 1e-12));
}

DOCTEST_TEST_CASE("the paper's picture: magnitudes of channels stretched, upsampled and added") {
  const cams::Cut net;
  const Tensor x = nets::random({1, 2, 8, 8}, 3);
  const Tensor g = oracle::gradient([&](const Tensor& at) { return net(at).select(1, 0); }, x);
  Tensors terms = bias_gradients(net, x, 0);
  terms[2] = g * x;
  Tensor expected = at::zeros({1, 1, 8, 8}, at::kDouble);
  for (const Tensor& term : terms) {
    for (std::int64_t c = 0; c < term.size(1); ++c) {
      const Tensor one = term.narrow(1, c, 1).abs();
      const double low = one.min().item<double>(), high = one.max().item<double>();
      if (high > low) expected += at::upsample_bilinear2d((one - low) / (high - low), {8, 8}, false);
    }
  }
  const auto why = lumen::FullGrad{.picture = true}(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
  DOCTEST_CHECK(all_close(why.completeness_error, at::zeros_like(why.score), 1e-12));
}

DOCTEST_TEST_CASE("it is complete for every network: normalisation, residual sums, smooth and dense ones") {
  const auto complete = [](const std::string& name, const auto& model, const Tensor& x,
                           const auto& question) {
    DOCTEST_CAPTURE(name);
    const auto why = lumen::FullGrad{}(model, x, question);
    DOCTEST_CHECK(all_close(why.completeness_error, at::zeros_like(why.score), 1e-11));
    DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), why.score, 1e-11));
    DOCTEST_CHECK(why.score.abs().min().template item<double>() > 1e-4);
  };
  const cams::Cut cut, curved(40, false);
  const nets::Residual residual;
  const nets::Segmentation dense;
  const nets::ConvNet conv;
  const Tensor small = nets::random({2, 2, 6, 6}, 4), image = nets::random({2, 2, 8, 8}, 5);
  complete("residual, batch norm", residual, small, target::Class{.index = 2});
  complete("tanh", curved, image, target::Class{.index = 2});
  complete("max pools", conv, nets::random({3, 1, 8, 8}, 6), target::Class{.index = 1});
  complete("a region", dense, nets::random({2, 1, 6, 5}, 7), target::ClassRegion{.channel = 1});
  complete("a probability", cut, image, target::Softmax{target::Class{.index = 1}});
  complete("a margin", cut, image, target::Margin{target::Class{.index = 1}, target::Class{.index = 0}});
  const auto behind = [&](const auto& layer) {
    return [&cut, layer](const Tensor& x) { return cut.suffix(layer(cut.prefix(x) - 0.3)); };
  };
  const Tensor gain = nets::random({5}, 8);
  complete("gelu", behind([](const Tensor& h) { return at::gelu(h); }), image, target::Class{1});
  complete("relu6", behind([](const Tensor& h) { return at::hardtanh(h * 9.0, 0, 6); }), image,
           target::Class{1});
  complete("sigmoid in place", behind([](Tensor h) { return h.sigmoid_(); }), image, target::Class{1});
  complete("a gate", behind([](const Tensor& h) { return h * at::sigmoid(h.mean({2, 3}, true)); }), image,
           target::Class{1});
  complete("a sum that broadcasts", behind([](const Tensor& h) { return h + h.amax({2, 3}, true) + 0.7; }),
           image, target::Class{1});
  complete("group norm", behind([&](const Tensor& h) { return at::group_norm(h, 1, gain, gain); }), image,
           target::Class{1});
  complete("attention", behind([](const Tensor& h) {
             const Tensor tokens = h.flatten(2).transpose(1, 2);
             const Tensor weights = at::softmax(at::bmm(tokens, tokens.transpose(1, 2)), -1);
             return at::bmm(weights, tokens).transpose(1, 2).reshape(h.sizes());
           }),
           image, target::Class{1});
  complete("a border of constants",
           behind([](const Tensor& h) { return at::constant_pad_nd(h, {1, 2, 0, 1}, 0.4); }), image,
           target::Class{1});
  complete("constants beside it",
           behind([](const Tensor& h) { return at::cat({h, at::full_like(h, 0.3)}, 2); }), image,
           target::Class{1});
  complete("the larger of it and a constant",
           behind([](const Tensor& h) { return at::max(h, at::full({1}, 0.2, h.options())); }), image,
           target::Class{1});
  complete("a quotient without its fraction",
           behind([](const Tensor& h) { return at::div(h, 0.3, "floor") + h; }), image, target::Class{1});
  complete("upsampling beyond the input",
           behind([](const Tensor& h) { return at::relu(at::upsample_bilinear2d(h, {11, 3}, false) + 0.5); }),
           image, target::Class{1});
}

DOCTEST_TEST_CASE("several targets share the forward pass, each with its own bias-gradients") {
  const cams::Cut net;
  int calls = 0;
  const auto counted = [&](const Tensor& x) {
    ++calls;
    return net(x);
  };
  const Tensor x = nets::random({1, 2, 8, 8}, 9);
  const auto whole = [](const Tensor& output) { return output.select(1, 2) * 2.0; };
  const auto all = lumen::FullGrad{}(counted, x, lumen::Targets{target::Class{0}, target::Class{2}, whole});
  DOCTEST_CHECK(calls == 1);
  DOCTEST_CHECK(all_close(all[0].map, lumen::FullGrad{}(net, x, target::Class{0}).map));
  DOCTEST_CHECK(all_close(all[1].map, lumen::FullGrad{}(net, x, target::Class{2}).map));
  DOCTEST_CHECK(all_close(all[2].map, all[1].map * 2.0, 1e-12));
}

DOCTEST_TEST_CASE("complex numbers are refused by the operator that makes them") {
  const auto model = [](const Tensor& x) { return at::abs(at::fft_rfft2(at::relu(x))).mean({1, 3}); };
  const std::string message =
      message_of([&] { (void)lumen::FullGrad{}(model, nets::random({1, 2, 6, 6}, 4), target::Class{1}); });
  DOCTEST_CAPTURE(message);
  DOCTEST_CHECK(holds(message, "FullGrad has no rule for fft_rfft2 0 (aten::fft_rfft2, operator 1)"));
}

DOCTEST_TEST_CASE("without biases it is input times gradient") {
  const nets::Segmentation net;
  const Tensor x = nets::random({1, 1, 6, 5}, 10);
  const auto question = target::Pixel{.channel = 1, .row = 2, .column = 2};
  const Tensor g =
      oracle::gradient([&](const Tensor& at) { return net(at).select(1, 1).select(1, 2).select(1, 2); }, x);
  DOCTEST_CHECK(all_close(lumen::FullGrad{}(net, x, question).map, g * x, 1e-12));
}

DOCTEST_TEST_CASE("several inputs, and inputs without an image") {
  const nets::TwoInputs net;
  const std::tuple<Tensor, Tensor> x{nets::random({2, 4}, 11), nets::random({2, 1, 4, 4}, 12)};
  const auto why = lumen::FullGrad{}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(why.map.sizes() == std::get<1>(x).sizes());
  DOCTEST_CHECK(all_close(why.completeness_error, at::zeros_like(why.score), 1e-12));
  const nets::BiasFree flat;
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::FullGrad{}(flat, nets::random({1, 6}, 1), target::Class{1}); }),
            "no input is [N, C, L], [N, C, H, W] or [N, C, D, H, W]"));
  const auto turned = [](const Tensor& image) { return at::tanh(image.flatten(1).t()).t(); };
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::FullGrad{.run = {.memory = std::int64_t{1} << 30}}(
                            turned, nets::random({3, 1, 2, 2}, 1), target::Class{1});
                      }),
                      "explain one sample at a time"));
}

DOCTEST_TEST_CASE("spreading keeps the sum, upsampling the values") {
  const Tensor map = nets::random({2, 3, 4, 5}, 13);
  for (const auto& [h, w] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{9, 10}, {4, 5}, {3, 2}, {2, 11}}) {
    const Tensor spread = lumen::spread(map, h, w);
    DOCTEST_CHECK(spread.sizes() == at::IntArrayRef({2, 3, h, w}));
    DOCTEST_CHECK(all_close(spread.sum({2, 3}), map.sum({2, 3}), 1e-12));
  }
  const Tensor flat = at::ones({1, 1, 4, 4}, at::kDouble);
  DOCTEST_CHECK(all_close(lumen::upsampled(flat, 7, 9, lumen::Upsample::Bilinear),
                          at::ones({1, 1, 7, 9}, at::kDouble)));
}

DOCTEST_TEST_CASE("a bias that is an undefined tensor, as of a module without one, adds nothing") {
  const nets::Residual net;
  const Tensor x = nets::random({2, 2, 6, 6}, 90);
  const auto without = [&](const auto&... bias) {
    const auto model = [&](const Tensor& image) {
      return at::linear(at::relu(at::conv2d(image, net.conv1, bias..., 1, 1)).mean({2, 3}), net.fc, bias...);
    };
    return lumen::FullGrad{}(model, x, target::Class{.index = 1});
  };
  const auto undefined = without(Tensor());
  DOCTEST_CHECK(all_close(undefined.map, without(c10::optional<Tensor>()).map, 1e-14));
  DOCTEST_CHECK(all_close(undefined.completeness_error, at::zeros_like(undefined.score), 1e-12));
}
