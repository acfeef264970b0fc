// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/mask/hsic.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Hsic;
using lumen::Tensor;
using lumen::target::Class;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

/// x0 + x1 x2, x3 unused, [N, 1].
Tensor game(const Tensor& x) { return (x.select(1, 0) + x.select(1, 1) * x.select(1, 2)).unsqueeze(1); }

Tensor output_kernel(const Tensor& y, double width) {
  return (-(y.unsqueeze(1) - y.unsqueeze(0)).square() / (2 * width * width)).exp();
}
Tensor input_kernel(const Tensor& column) {
  return (column.unsqueeze(1) == column.unsqueeze(0)).to(at::kDouble);
}

/// The estimator written out: Song et al. 2012, equation 5.
Tensor dense(const Tensor& masks, const Tensor& y, double width) {
  const auto n = static_cast<double>(y.size(0));
  const Tensor other = 1 - at::eye(y.size(0), at::kDouble), ones = at::ones({y.size(0)}, at::kDouble);
  const Tensor output = output_kernel(y, width) * other;
  Tensor result = at::empty({masks.size(1)}, at::kDouble);
  for (std::int64_t i = 0; i < masks.size(1); ++i) {
    const Tensor input = input_kernel(masks.select(1, i)) * other, both = at::mm(input, output);
    result[i] = (both.trace() + input.sum() * output.sum() / ((n - 1) * (n - 2)) -
                 2 / (n - 2) * at::mv(both, ones).sum()) /
                (n * (n - 3));
  }
  return result;
}

/// HSIC of the distribution itself: all 2^m masks, each with the same weight.
Tensor population(double width) {
  std::vector<double> all;
  for (int s = 0; s < 16; ++s) {
    for (int i = 0; i < 4; ++i) all.push_back((s >> i) & 1);
  }
  const Tensor masks = at::tensor(all, at::kDouble).reshape({16, 4});
  const Tensor centre = at::eye(16, at::kDouble) - 1.0 / 16;
  const Tensor output = output_kernel(game(masks).select(1, 0), width);
  Tensor result = at::empty({4}, at::kDouble);
  for (std::int64_t i = 0; i < 4; ++i)
    result[i] =
        at::mm(at::mm(input_kernel(masks.select(1, i)), centre), at::mm(output, centre)).trace() / 256;
  return result;
}

}  // namespace

DOCTEST_TEST_CASE("HSIC is that of its definition, on the very masks that the model saw") {
  lumen::Tensors seen;
  const auto spy = [&](const Tensor& v) {
    if (v.size(0) > 1) seen.push_back(v.clone());  // a single row is the input, or a probe of independence
    return game(v);
  };
  // a model of many features sees no mask twice, so that what is remembered hides none; all in one pass
  const Tensor wide = at::ones({1, 60}, at::kDouble);
  const Hsic method{.bandwidth = 0.7,
                    .samples = 300,
                    .run = {.memory = std::int64_t{1} << 40, .passes = lumen::Passes::Whole, .row_bytes = 1},
                    .seed = 5};
  const auto why = method(spy, wide, Class{});
  const Tensor masks = at::cat(seen);
  DOCTEST_REQUIRE(masks.size(0) == 300);
  DOCTEST_CHECK(all_close(why.map[0], dense(masks, game(masks).select(1, 0), 0.7), 1e-9));
}

DOCTEST_TEST_CASE(
    "HSIC converges to that of the distribution, and is 0 for what the score does not depend on") {
  const Tensor x = at::ones({1, 4}, at::kDouble);
  const Tensor expected = population(0.5);
  const auto why = Hsic{.bandwidth = 0.5, .samples = 6000, .seed = 1}(game, x, Class{});
  DOCTEST_CHECK(((why.map[0] - expected).abs() <= 4.5 * why.standard_error[0]).all().item<bool>());
  DOCTEST_CHECK(all_close(why.map[0], expected, 0.005));
  DOCTEST_CHECK(expected[1].item<double>() > 0.01);
  DOCTEST_CHECK(std::abs(expected[3].item<double>()) < 1e-12);
  DOCTEST_CHECK(why.forward_passes <= 16);  // so many masks there are
}

DOCTEST_TEST_CASE("the standard errors of HSIC cover the truth as often as they should") {
  const Tensor x = at::ones({1, 4}, at::kDouble);
  const Tensor expected = population(0.5);
  Tensor inside = at::zeros({4}, at::kDouble);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto why = Hsic{.bandwidth = 0.5, .samples = 300, .seed = seed}(game, x, Class{});
    inside += ((why.map[0] - expected).abs() <= 1.96 * why.standard_error[0]).to(at::kDouble);
  }
  DOCTEST_INFO(inside);
  DOCTEST_CHECK(inside.min().item<double>() >= 180);
  DOCTEST_CHECK(inside.narrow(0, 0, 3).max().item<double>() < 200);
}

DOCTEST_TEST_CASE("groups, budgets, tolerance and several targets of HSIC") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 3);
  const Tensor groups = at::arange(64, at::kLong).reshape({1, 1, 8, 8}).div(8, "floor");
  Hsic method{.groups = {groups}, .samples = 100};
  const auto why = method(net, x, lumen::Targets{Class{.index = 1}, Class{.index = 0}});
  DOCTEST_CHECK(all_close(why[0].map[0][0].select(1, 0), why[0].map[0][0].select(1, 5), 0.0));
  method.run.memory = 1;
  DOCTEST_CHECK(all_close(method(net, x, Class{.index = 0}).map, why[1].map, 1e-9));
  DOCTEST_CHECK(
      all_close(method(net, x.narrow(0, 1, 1), Class{.index = 0}).map, why[1].map.narrow(0, 1, 1), 1e-9));
  method.tolerance = 0.004;
  const auto precise = method(net, x, Class{.index = 1});
  DOCTEST_CHECK(precise.standard_error.max().item<double>() <= 0.004);
}

DOCTEST_TEST_CASE("what HSIC cannot do is an Error") {
  const Tensor x = at::ones({1, 4}, at::kDouble);
  const auto error = [&](const Hsic<>& method) {
    return message_of([&] { (void)method(game, x, Class{}); });
  };
  DOCTEST_CHECK(holds(error({.samples = 3}), "samples is 3"));
  DOCTEST_CHECK(holds(error({.bandwidth = -1}), "bandwidth is -1"));
  DOCTEST_CHECK(holds(error({.bandwidth = std::numeric_limits<double>::infinity()}), "bandwidth is inf"));
  const auto constant = Hsic{}([](const Tensor& v) { return v.sum(1, true) * 0 + 1; }, x, Class{});
  DOCTEST_CHECK(constant.map.abs().max().item<double>() == 0);
}
