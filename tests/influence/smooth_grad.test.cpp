// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/influence/smooth_grad.hpp>

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::nets::random;
namespace influence = lumen::influence;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;

DOCTEST_TEST_CASE("SmoothGrad of every pixel is that of each, with its standard error") {
  const nets::Segmentation net;
  const Tensor x = random({1, 1, 10, 12}, 3);
  std::vector<Tensor> noise;
  for (std::int64_t k = 0; k < 6; ++k) {
    at::Generator source = lumen::generator(9, 0, k);
    noise.push_back(lumen::normal_like(x, source) * (0.2 * (x.max() - x.min())));
  }
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{1} << 28}) {
    const influence::SmoothGrad method{
        .samples = 6, .stdev = 0.2, .options = {.run = {.memory = memory}}, .seed = 9};
    std::int64_t rows = 0;
    method(net, x, influence::Every{.step = 4}, {target::Softmax{target::Class{.index = 1}}},
           [&](const influence::RowChunk& chunk) {
             const Tensor dense = chunk.dense();
             for (std::int64_t b = 0; b < chunk.size(); ++b, ++rows) {
               const auto score = [&](const Tensor& at) {
                 return target::Softmax{target::Pixel{1, chunk.places[b][0].item<std::int64_t>(),
                                                      chunk.places[b][1].item<std::int64_t>()}}(net(at));
               };
               const auto expected =
                   oracle::noisy([&](const Tensor& at) { return oracle::gradient(score, at); }, x, noise);
               DOCTEST_CHECK(all_close(dense.narrow(0, b, 1), expected.mean, 1e-12));
               const double error = std::sqrt(expected.standard_error.square().mean().item<double>());
               DOCTEST_CHECK(chunk.standard_error[b].item<double>() == doctest::Approx(error).epsilon(1e-9));
             }
           });
    DOCTEST_CHECK(rows == 9);
  }
}

DOCTEST_TEST_CASE(
    "a seed repeats, another one differs; one copy has no standard error; bad options are refused") {
  const nets::Segmentation net;
  const Tensor x = random({1, 1, 6, 6}, 3);
  const auto row = [&](const influence::SmoothGrad& method) {
    Tensor found;
    method(net, x, influence::Pixels{{{2, 3}}}, {target::Class{.index = 1}},
           [&](const influence::RowChunk& chunk) {
             found = chunk.dense();
             DOCTEST_CHECK(chunk.standard_error.defined() == (method.samples > 1));
           });
    return found;
  };
  DOCTEST_CHECK(at::equal(row({.samples = 2, .seed = 4}), row({.samples = 2, .seed = 4})));
  DOCTEST_CHECK_FALSE(at::equal(row({.samples = 2, .seed = 4}), row({.samples = 2, .seed = 5})));
  DOCTEST_CHECK(at::equal(row({.samples = 1, .stdev = 0.0}), row({.samples = 1, .stdev = 0.0, .seed = 3})));
  DOCTEST_CHECK_THROWS_AS(row({.samples = 0}), lumen::Error);
  DOCTEST_CHECK_THROWS_AS(row({.stdev = -1.0}), lumen::Error);
}

DOCTEST_TEST_CASE("run.stop ends a mean over copies between copies, before a row is done") {
  std::int64_t told = 0, rows = 0;
  influence::SmoothGrad method{.samples = 8, .seed = 1};
  method.options.run.progress = [&](std::string_view, std::int64_t done, std::int64_t) {
    told += done == 0 ? 1 : 0;
  };
  method.options.run.stop = [&] { return told >= 3; };
  DOCTEST_CHECK_THROWS_AS((void)method(nets::Segmentation{}, random({1, 1, 10, 12}, 3), influence::All{},
                                       {target::Class{.index = 1}},
                                       [&](const influence::RowChunk& chunk) { rows += chunk.size(); }),
                          lumen::Stopped);
  DOCTEST_CHECK(told == 3);
  DOCTEST_CHECK(rows == 0);
}
