// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/blur_integrated_gradients.hpp>

#include <doctest/doctest.h>

#include <lumen/engine/method.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::BlurIntegratedGradients;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<BlurIntegratedGradients<>>);

namespace {

Tensor blurred(const Tensor& x, double sigma, std::int64_t radius) {
  const auto rows = lumen::gaussian_matrix(x.size(2), sigma, radius).blur;
  const auto columns = lumen::gaussian_matrix(x.size(3), sigma, radius).blur;
  return at::matmul(at::matmul(rows, x), columns.t());
}

}  // namespace

DOCTEST_TEST_CASE("it equals the definition, with the path's derivative by central differences") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 1);
  const BlurIntegratedGradients method{.sigma = 3.0, .steps = 6};
  const auto why = method(net, x, target::Class{.index = 1});
  const lumen::Quadrature q = lumen::quadrature::GaussLegendre{}(6);
  for (std::int64_t i = 0; i < 2; ++i) {
    const Tensor one = x.narrow(0, i, 1);
    Tensor total = at::zeros_like(one);
    for (std::size_t k = 0; k < q.nodes.size(); ++k) {
      const double sigma = 3.0 * (1.0 - q.nodes[k]), h = 1e-5;
      const Tensor slope = (blurred(one, sigma + h, 12) - blurred(one, sigma - h, 12)) / (2.0 * h);
      const auto score = [&](const Tensor& v) { return net(v).select(1, 1); };
      total +=
          lumen::testing::oracle::gradient(score, blurred(one, sigma, 12)) * slope * (-3.0 * q.weights[k]);
    }
    DOCTEST_CHECK(all_close(why.map.narrow(0, i, 1), total, 1e-7));
  }
  DOCTEST_CHECK(why.forward_passes == 8);
  DOCTEST_CHECK(why.backward_passes == 6);
}

DOCTEST_TEST_CASE("completeness on a smooth dense model") {
  const Tensor weight = nets::weight({3, 2, 3, 3}, 2), head = nets::weight({2, 3, 1, 1}, 3);
  const auto net = [&](const Tensor& v) {
    return at::conv2d(at::tanh(at::conv2d(v, weight, {}, 1, 1)), head);
  };
  const Tensor x = nets::random({2, 2, 10, 7}, 4);
  const target::Region question{.channel = 1, .mask = at::ones({10, 7}, at::kBool)};
  const auto why = BlurIntegratedGradients{.sigma = 4.0, .steps = 200}(net, x, question);
  const Tensor difference = question(net(x)) - question(net(blurred(x, 4.0, 16)));
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), difference, 1e-6));
  DOCTEST_CHECK(all_close(why.completeness_error, why.map.flatten(1).sum(1) - difference, 1e-12));
}

DOCTEST_TEST_CASE("chunks and batches do not change it") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 5);
  const target::Class question{.index = 0};
  const auto whole = BlurIntegratedGradients{.sigma = 2.0, .steps = 5}(net, x, question);
  const auto split =
      BlurIntegratedGradients{.sigma = 2.0, .steps = 5, .run = {.memory = 1}}(net, x, question);
  const auto alone = BlurIntegratedGradients{.sigma = 2.0, .steps = 5}(net, x.narrow(0, 1, 1), question);
  DOCTEST_CHECK(all_close(whole.map, split.map, 1e-12));
  DOCTEST_CHECK(all_close(whole.map.narrow(0, 1, 1), alone.map, 1e-12));
}

DOCTEST_TEST_CASE("bad options and shapes are errors") {
  const nets::Smooth flat;
  DOCTEST_CHECK_THROWS_WITH_AS(
      (void)BlurIntegratedGradients{}(flat, nets::random({2, 6}, 6), target::Class{}),
      doctest::Contains("spatial dimensions"), lumen::Error);
  const nets::ConvNet net;
  DOCTEST_CHECK_THROWS_WITH_AS(
      (void)BlurIntegratedGradients{.sigma = 0.0}(net, nets::random({1, 1, 8, 8}, 6), target::Class{}),
      doctest::Contains("sigma is 0"), lumen::Error);
}
