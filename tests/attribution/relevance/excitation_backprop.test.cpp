// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/relevance/excitation_backprop.hpp>

#include <doctest/doctest.h>

#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/zoo.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::ExcitationBackprop;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

/// Zhang et al. 2016, eq. 2, one unit and one input at a time: P_j = sum_k x_j w+_jk / (sum_j x_j w+_jk) P_k.
Tensor step(const Tensor& w, const Tensor& x, const Tensor& p) {
  Tensor below = at::zeros_like(x);
  for (std::int64_t k = 0; k < w.size(0); ++k) {
    double total = 0.0;
    const auto excites = [&](std::int64_t j) {
      return std::max(x[j].item<double>(), 0.0) * std::max(w[k][j].item<double>(), 0.0);
    };
    for (std::int64_t j = 0; j < w.size(1); ++j) total += excites(j);
    if (total == 0.0) continue;
    for (std::int64_t j = 0; j < w.size(1); ++j) below[j] += excites(j) / total * p[k].item<double>();
  }
  return below;
}

Tensor one_hot(std::int64_t size, std::int64_t index) {
  Tensor p = at::zeros({size}, at::kDouble);
  p[index] = 1.0;
  return p;
}

}  // namespace

DOCTEST_TEST_CASE("plain and contrastive, against the paper's formula unit by unit") {
  //! [excitation]
  const nets::BiasFree net;
  const Tensor x = nets::random({2, 6}, 1).abs();
  const auto plain = lumen::ExcitationBackprop{}(net, x, lumen::target::Class{.index = 2});
  const auto contrast =
      lumen::ExcitationBackprop{.contrastive = true}(net, x, lumen::target::Class{.index = 2});
  //! [excitation]
  for (std::int64_t n = 0; n < 2; ++n) {
    const Tensor hidden = at::relu(at::mv(net.first, x[n]));
    const Tensor top = one_hot(3, 2);
    const Tensor expected = step(net.first, x[n], step(net.second, hidden, top));
    DOCTEST_CHECK(all_close(plain.map[n], expected, 1e-12));
    const Tensor dual = step(net.first, x[n], step(-net.second, hidden, top));
    DOCTEST_CHECK(all_close(contrast.map[n], expected - dual, 1e-12));
    DOCTEST_CHECK(max_error(expected, expected - dual) > 1e-3);
  }
  DOCTEST_CHECK(all_close(plain.score, net(x).select(1, 2), 1e-12));
  DOCTEST_CHECK(!plain.completeness_error.defined());
}

DOCTEST_TEST_CASE("at a layer, probabilities are not negative and sum to one") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 2);
  for (const auto& layer : {lumen::layer::nth("relu", 0), lumen::layer::nth("relu", 1)}) {
    const auto why =
        lumen::AtLayer{.method = ExcitationBackprop{}, .layer = layer}(net, x, target::Class{.index = 0});
    DOCTEST_CHECK(why.map.min().item<double>() >= 0.0);
    DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), at::ones({3}, at::kDouble), 1e-9));
  }
  const auto contrast =
      lumen::AtLayer{.method = ExcitationBackprop{.contrastive = true},
                     .layer = lumen::layer::nth("relu", 0)}(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(contrast.map.flatten(1).sum(1), at::zeros({3}, at::kDouble), 1e-9));
}

DOCTEST_TEST_CASE("normalisation is part of its neighbour") {
  const nets::Residual net;
  const Tensor scale = net.gain / (net.variance + 1e-5).sqrt();
  const Tensor w = net.conv2 * scale.reshape({-1, 1, 1, 1}), b = net.shift - net.mean * scale;
  const auto folded = [&](const Tensor& x) {
    const Tensor stem = at::relu(at::conv2d(x, net.conv1, {}, 1, 1));
    const Tensor branch = at::conv2d(stem, w, b, 1, 1);
    return at::linear(at::adaptive_avg_pool2d(at::relu(branch + stem), {1, 1}).flatten(1), net.fc);
  };
  const Tensor x = nets::random({2, 2, 6, 6}, 3).abs();
  for (const bool contrastive : {false, true}) {
    const ExcitationBackprop method{.contrastive = contrastive};
    const Tensor ours = method(net, x, target::Class{.index = 2}).map;
    DOCTEST_CHECK(all_close(ours, method(folded, x, target::Class{.index = 2}).map, 1e-10));
  }
}

DOCTEST_TEST_CASE("the zoo: never negative, never more than one in all") {
  for (const lumen::testing::ZooNet& net : lumen::testing::zoo()) {
    DOCTEST_CAPTURE(net.name);
    const auto why = ExcitationBackprop{}(net, net.images(1).abs(), target::Class{.index = 1});
    DOCTEST_CHECK(why.map.min().item<double>() >= 0.0);
    const double total = why.map.sum().item<double>();
    DOCTEST_CHECK(total > 0.01);
    DOCTEST_CHECK(total < 1.0 + 1e-6);
  }
}

DOCTEST_TEST_CASE("an operator without a rule is refused by name") {
  const auto net = [](const Tensor& x) { return at::cumprod(x, 1); };
  const std::string message = message_of(
      [&] { (void)ExcitationBackprop{}(net, nets::random({2, 3}, 4), target::Class{.index = 1}); });
  DOCTEST_CHECK(holds(message, "ExcitationBackprop has no rule for cumprod 0"));
}
