// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/mask/xrai.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <tuple>

#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::Xrai;
using lumen::target::Class;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// Quarters of the image: 0 1 / 2 3.
Tensor quarters(const Tensor& x) {
  const Tensor row = at::arange(x.size(2), at::kLong).div(x.size(2) / 2, "floor").unsqueeze(1);
  const Tensor column = at::arange(x.size(3), at::kLong).div(x.size(3) / 2, "floor").unsqueeze(0);
  return row * 2 + column;
}

/// Left and right half.
Tensor halves(const Tensor& x) { return quarters(x).remainder(2); }

/// The sum of w x, [N, 1].
struct Linear {
  Tensor weight;
  Tensor operator()(const Tensor& x) const { return (x * weight).flatten(1).sum(1, true); }
};

}  // namespace

DOCTEST_TEST_CASE("the best region comes first, and each pixel has the mean of what it came in with") {
  // attribution of the quarters, a pixel: 4 1 / 3 -2
  Linear net{at::empty({1, 8, 8}, at::kDouble)};
  net.weight.slice(1, 0, 4).slice(2, 0, 4).fill_(4);
  net.weight.slice(1, 0, 4).slice(2, 4, 8).fill_(1);
  net.weight.slice(1, 4, 8).slice(2, 0, 4).fill_(3);
  net.weight.slice(1, 4, 8).slice(2, 4, 8).fill_(-2);
  const Tensor x = at::ones({1, 1, 8, 8}, at::kDouble);
  const auto corner = [](const Tensor& map, std::int64_t i, std::int64_t j) {
    return map[0][0][7 * i][7 * j].item<double>();
  };
  Xrai method{
      .method = lumen::InputXGradient{}, .segmentations = {quarters, halves}, .dilation = 0, .least = 1};
  const Tensor map = method(net, x, Class{}).map;
  DOCTEST_CHECK(corner(map, 0, 0) == 4);  // first the quarter
  DOCTEST_CHECK(corner(map, 1, 0) == 3);  // the quarter below, or what is left of the left half
  DOCTEST_CHECK(corner(map, 0, 1) == 1);
  DOCTEST_CHECK(corner(map, 1, 1) == -2);
  DOCTEST_CHECK(all_close(map, net.weight.unsqueeze(0), 1e-12));
  method.segmentations = {halves};
  const Tensor coarse = method(net, x, Class{}).map;
  DOCTEST_CHECK(corner(coarse, 0, 0) == 3.5);
  DOCTEST_CHECK(corner(coarse, 1, 1) == -0.5);
  // a pixel of overlap: the best quarter takes its neighbours' border, the rest has its own mean
  method.segmentations = {quarters};
  method.dilation = 1;
  const Tensor grown = method(net, x, Class{}).map;
  DOCTEST_CHECK(corner(grown, 0, 0) == doctest::Approx((16 * 4 + 4 * 1 + 4 * 3 - 2) / 25.0));
  DOCTEST_CHECK(grown[0][0][4][4].item<double>() == corner(grown, 0, 0));
  DOCTEST_CHECK(corner(grown, 1, 1) == -2);
  // all of it is as much as there was
  DOCTEST_CHECK(grown.sum().item<double>() == doctest::Approx(net.weight.sum().item<double>()));
}

DOCTEST_TEST_CASE("segments with too few pixels left are passed over") {
  Linear net{nets::random({1, 8, 8}, 1)};
  const Tensor x = at::ones({1, 1, 8, 8}, at::kDouble);
  const auto pixels = [](const Tensor& v) {
    return at::arange(v.size(2) * v.size(3), at::kLong).reshape({v.size(2), v.size(3)});
  };
  const Xrai method{.method = lumen::InputXGradient{}, .segmentations = {pixels}, .dilation = 0, .least = 4};
  const Tensor map = method(net, x, Class{}).map;
  DOCTEST_CHECK(all_close(map, net.weight.mean().expand_as(map), 1e-12));  // nothing is left but the rest
}

DOCTEST_TEST_CASE(
    "with its own segments XRAI finds a bright square that the model looks at, of each sample its own") {
  Tensor x = at::full({2, 3, 48, 48}, 0.2, at::kDouble);
  x.slice(0, 0, 1).slice(2, 8, 24).slice(3, 10, 26).fill_(0.9);
  x.slice(0, 1, 2).slice(2, 20, 40).slice(3, 24, 44).fill_(0.9);
  const auto net = [](const Tensor& v) { return (v - 0.4).relu().flatten(1).sum(1, true); };
  const auto why = Xrai{.dilation = 1}(net, x, lumen::Targets{Class{}});
  const Tensor map = why.front().map;
  DOCTEST_CHECK(map.sizes() == x.sizes());
  DOCTEST_CHECK(map[0][0].slice(0, 9, 23).slice(1, 11, 25).min().item<double>() >
                2 * map[0][0].slice(0, 30, 48).max().item<double>());
  DOCTEST_CHECK(map[1][0].slice(0, 21, 39).slice(1, 25, 43).min().item<double>() >
                2 * map[1][0].slice(0, 0, 15).max().item<double>());
  DOCTEST_CHECK(
      all_close(Xrai{.dilation = 1}(net, x.narrow(0, 1, 1), Class{}).map, map.narrow(0, 1, 1), 1e-9));
  // black and white: an even image that is the baseline itself has an attribution
  const Tensor black = at::zeros({1, 1, 32, 32}, at::kDouble);
  const auto dark = [](const Tensor& v) { return (0.6 - v).relu().flatten(1).sum(1, true); };
  DOCTEST_CHECK(Xrai{}(dark, black, Class{}).map.min().item<double>() > 0.2);
}

DOCTEST_TEST_CASE("what XRAI cannot do is an Error") {
  const Linear net{at::ones({1, 8, 8}, at::kDouble)};
  const Tensor x = at::ones({1, 1, 8, 8}, at::kDouble);
  const auto error = [&](const Xrai<>& method, const Tensor& input) {
    return message_of([&] { (void)method(net, input, Class{}); });
  };
  DOCTEST_CHECK(holds(error({.dilation = -1}, x), "dilation -1"));
  DOCTEST_CHECK(holds(error({.least = 0}, x), "least 0"));
  DOCTEST_CHECK(holds(error({}, x[0]), "one picture [N, C, H, W]"));
  DOCTEST_CHECK(
      holds(error({.segmentations = {[](const Tensor&) { return at::zeros({4, 4}, at::kLong); }}}, x),
            "expected integers [8, 8]"));
}
