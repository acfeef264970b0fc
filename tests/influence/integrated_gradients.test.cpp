// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/integrated_gradients.hpp>

#include <doctest/doctest.h>

#include <lumen/baseline/blur.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

using lumen::Targets;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::nets::random;
namespace influence = lumen::influence;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;

DOCTEST_TEST_CASE(
    "integrated gradients of every pixel are those of each, complete, however little memory there is") {
  const nets::Segmentation net;
  const Tensor x = random({1, 1, 10, 12}, 3);
  const lumen::baseline::Blur blur{.sigma = 2.0};
  const Tensor origin = blur(x);
  const lumen::Quadrature q = lumen::quadrature::GaussLegendre{}(7);
  for (const influence::Way way : {influence::Way::Rows, influence::Way::Whole}) {
    for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{1} << 28}) {
      std::int64_t rows = 0;
      const influence::IntegratedGradients method{
          .baseline = blur, .steps = 7, .options = {.run = {.memory = memory}, .way = way}};
      const auto report = method(
          net, x, influence::Every{.step = 3}, {target::Softmax{target::Class{.index = 1}}},
          [&](const influence::RowChunk& chunk) {
            const Tensor dense = chunk.dense();
            for (std::int64_t b = 0; b < chunk.size(); ++b, ++rows) {
              const auto score = [&](const Tensor& at) {
                return target::Softmax{target::Pixel{1, chunk.places[b][0].item<std::int64_t>(),
                                                     chunk.places[b][1].item<std::int64_t>()}}(net(at));
              };
              const Tensor expected = oracle::integrated_gradients(score, x, origin, q.nodes, q.weights);
              DOCTEST_CHECK(all_close(dense.narrow(0, b, 1), expected, 1e-12));
              const double difference = (score(x) - score(origin)).item<double>();
              DOCTEST_CHECK(chunk.completeness_error[b].item<double>() ==
                            doctest::Approx(expected.sum().item<double>() - difference).epsilon(1e-9));
              DOCTEST_CHECK(std::abs(chunk.completeness_error[b].item<double>()) < 0.05);
            }
          });
      DOCTEST_CHECK(rows == 16);
      DOCTEST_CHECK(report.way == way);
    }
  }
}

DOCTEST_TEST_CASE("the averaged gradient without the factor, and bad options") {
  const nets::Segmentation net;
  const Tensor x = random({1, 1, 6, 6}, 3);
  const influence::Pixels one{{{2, 3}}};
  Tensor with, without;
  const auto into = [](Tensor& place) {
    return [&place](const influence::RowChunk& chunk) { place = chunk.dense(); };
  };
  influence::IntegratedGradients method{.steps = 3};
  method(net, x, one, {target::Class{.index = 1}}, into(with));
  method.multiply_by_inputs = false;
  method(net, x, one, {target::Class{.index = 1}}, into(without));
  DOCTEST_CHECK(all_close(without * x, with, 1e-13));
  method.steps = 0;
  DOCTEST_CHECK_THROWS_AS(method(net, x, one, {target::Class{.index = 1}}, into(with)), lumen::Error);
}

DOCTEST_TEST_CASE("by how much each pixel's integrated gradients miss") {
  const nets::Segmentation net;
  const Tensor image = random({1, 1, 6, 6}, 3);
  //! [integrated]
  const lumen::AnyTarget vessel = lumen::target::Softmax{lumen::target::Class{.index = 1}};
  const lumen::influence::IntegratedGradients method{.baseline = lumen::baseline::Blur{.sigma = 4.0},
                                                     .steps = 32};
  const Tensor missed = at::zeros({6 * 6}, at::kDouble);
  method(net, image, lumen::influence::All{}, {vessel}, [&](const lumen::influence::RowChunk& chunk) {
    missed.index_copy_(0, chunk.index,
                       chunk.completeness_error);  // chunk.values: the attributions in their windows
  });
  //! [integrated]
  DOCTEST_CHECK(missed.ne(0).any().item<bool>());
  DOCTEST_CHECK(missed.abs().max().item<double>() < 0.05);
}
