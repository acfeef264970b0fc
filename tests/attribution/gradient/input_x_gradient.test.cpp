// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/gradient/input_x_gradient.hpp>

#include <tuple>

#include <doctest/doctest.h>

#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::InputXGradient;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<InputXGradient>);

DOCTEST_TEST_CASE("on a linear model it is weight times input") {
  const nets::Linear net(5, 3);
  const Tensor x = nets::random({4, 5}, 1);
  const auto why = InputXGradient{}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(why.map, x * net.weights[1]));
  DOCTEST_CHECK(why.forward_passes == 1);
}

DOCTEST_TEST_CASE("without biases it sums to the score") {
  const nets::BiasFree net;
  const Tensor x = nets::random({4, 6}, 2);
  const auto why = InputXGradient{}(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(why.map.sum(1), why.score));
}

DOCTEST_TEST_CASE("two inputs: each part has its own map") {
  const nets::TwoInputs net;
  const Tensor a = nets::random({3, 4}, 3), b = nets::random({3, 1, 4, 4}, 4);
  const auto why = InputXGradient{}(net, std::tuple{a, b}, target::Class{.index = 1});
  const auto& [of_a, of_b] = why.map;
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor ai = a.narrow(0, i, 1), bi = b.narrow(0, i, 1);
    const auto in_a = [&](const Tensor& v) { return net(v, bi).select(1, 1); };
    const auto in_b = [&](const Tensor& v) { return net(ai, v).select(1, 1); };
    DOCTEST_CHECK(all_close(of_a.narrow(0, i, 1), ai * lumen::testing::oracle::gradient(in_a, ai)));
    DOCTEST_CHECK(all_close(of_b.narrow(0, i, 1), bi * lumen::testing::oracle::gradient(in_b, bi)));
  }
}
