// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/surrogate/lime.hpp>

#include <doctest/doctest.h>

#include <lumen/baseline/random.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace surrogate = lumen::surrogate;
namespace target = lumen::target;
using lumen::Lime;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("of a linear model it finds the coefficients, whatever is drawn and however it counts") {
  const nets::Linear net(8);
  const Tensor x = nets::random({2, 8}, 951), absent = nets::random({2, 8}, 952);
  const Tensor expected = (x - absent) * net.weights[1];
  const auto check = [&](const auto& similarity, const auto& sampler) {
    const Lime method{.baseline = baseline::Given{absent},
                      .samples = 60,
                      .similarity = similarity,
                      .sampler = sampler,
                      .regression = surrogate::Ordinary{}};
    const lm::Attribution<Tensor> why = method(net, x, target::Class{1});
    DOCTEST_CHECK(all_close(why.map, expected, 1e-9));
    DOCTEST_CHECK(why.standard_error.max().item<double>() < 1e-9);
    DOCTEST_CHECK(!why.completeness_error.defined());
  };
  check(surrogate::CosineKernel{}, surrogate::Bernoulli{});
  check(surrogate::EuclideanKernel{.width = 3.0}, surrogate::Bernoulli{.probability = 0.3});
  check(surrogate::PresenceKernel{}, surrogate::Pairs{});
  check(surrogate::Uniform{}, surrogate::Bernoulli{});
  check([](const surrogate::Neighbours& near) { return near.present.select(1, 0) + 1; },
        surrogate::Bernoulli{});
}

DOCTEST_TEST_CASE(
    "it is the regression of the same draws, with distances measured on the inputs themselves") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 953), absent = nets::random({2, 1, 8, 8}, 954);
  const Tensor each = at::arange(64, at::kLong).reshape({1, 1, 8, 8});
  const Tensor masks = at::cat({each.div(8, "floor") * 3 - 4, each.remainder(8) * 3 - 4});
  const Lime method{.baseline = baseline::Given{absent},
                    .groups = {masks},
                    .samples = 70,
                    .similarity = surrogate::CosineKernel{.width = 0.7},
                    .seed = 5};
  const auto why = method(net, x, lm::Targets{target::Class{0}, target::Class{2}});
  const Tensor draws = surrogate::Bernoulli{}(8, 5, 0, 70);
  const Tensor z = draws.to(at::kDouble);
  for (std::int64_t s = 0; s < 2; ++s) {
    const Tensor place = masks[s].reshape({-1}).add(4).div(3, "floor");
    const Tensor there = draws.index_select(1, place).reshape({70, 1, 8, 8});
    const Tensor inputs = at::where(there, x[s], absent[s]);
    const Tensor cosine = at::cosine_similarity(inputs.flatten(1), x[s].flatten().unsqueeze(0), 1);
    const Tensor w = ((1 - cosine).square() / (-2 * 0.49)).exp();
    const Tensor y = net(inputs).select(1, 2);
    // with a column of ones for the intercept, which is not penalised
    const Tensor wide = at::cat({z, at::ones({70, 1}, at::kDouble)}, 1);
    Tensor penalty = at::eye(9, at::kDouble);
    penalty[8][8] = 0;
    const Tensor a = at::linalg_solve(at::matmul(wide.t() * w, wide) + penalty, at::matmul(wide.t() * w, y));
    DOCTEST_CHECK(all_close(why[1].map[s].flatten(), a.index_select(0, place), 1e-9));
  }
  Lime small = method;
  small.run.memory = 1;
  small.groups = {masks.narrow(0, 1, 1)};
  small.baseline = baseline::Given{absent.narrow(0, 1, 1)};
  DOCTEST_CHECK(all_close(small(net, x.narrow(0, 1, 1), target::Class{2}).map[0], why[1].map[1], 1e-10));
}

DOCTEST_TEST_CASE("the lasso keeps what is above its threshold and meets the conditions of its optimum") {
  const Tensor z = surrogate::Bernoulli{}(6, 1, 0, 300).to(at::kDouble),
               w = nets::random({300}, 957).abs() + 0.1;
  const Tensor truth = at::tensor({3.0, -2.0, 0.0, 0.001, 0.5, 0.0}, at::kDouble);
  const Tensor y = at::mv(z, truth) + 7;
  const Tensor a = surrogate::Lasso{.alpha = 0.05}(z, y, w);
  const Tensor share = w / w.sum(), centre = at::matmul(share, z);
  const Tensor left = y - at::mv(z, a) - share.dot(y - at::mv(z, a));
  const Tensor pull = at::matmul((z - centre).t() * share, left);
  for (std::int64_t i = 0; i < 6; ++i) {
    const double value = a[i].item<double>(), force = pull[i].item<double>();
    if (value == 0)
      DOCTEST_CHECK(std::abs(force) <= 0.05 + 1e-9);
    else
      DOCTEST_CHECK(force == doctest::Approx(std::copysign(0.05, value)).epsilon(1e-6));
  }
  DOCTEST_CHECK(a[3].item<double>() == 0.0);
  DOCTEST_CHECK(all_close(surrogate::Lasso{.alpha = 0.0}(z, y, w), truth, 1e-8));
  DOCTEST_CHECK(all_close(surrogate::Ordinary{}(z, y, w), truth, 1e-10));
  DOCTEST_CHECK(max_error(surrogate::Ridge{}(z, y, w), truth) > 1e-3);
}

DOCTEST_TEST_CASE("reported errors are those of 200 seeds; a tolerance is kept") {
  const nets::Smooth net;
  const Tensor x = nets::random({1, 6}, 955) * 2;
  const auto with = [&](std::int64_t samples, std::uint64_t seed) {
    return Lime{.samples = samples, .regression = surrogate::Ordinary{}, .seed = seed}(net, x,
                                                                                       target::Class{0});
  };
  const Tensor limit = with(60'000, 1).map;  // 64 different passes
  Tensor inside = at::zeros({6}, at::kDouble), spread = inside.clone(), told = inside.clone();
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto why = with(160, seed);
    const Tensor away = (why.map - limit)[0].abs();
    inside += away.le(why.standard_error[0] * 2.09).to(at::kDouble) / 200;  // 19 degrees of freedom
    spread += away.square() / 200;
    told += why.standard_error[0].square() / 200;
  }
  DOCTEST_MESSAGE("inside ", inside.mean().item<double>(), ", told / spread ",
                  (told.sum() / spread.sum()).item<double>());
  DOCTEST_CHECK(inside.min().item<double>() >= 0.88);
  DOCTEST_CHECK(inside.mean().item<double>() >= 0.92);
  DOCTEST_CHECK((told.sum() / spread.sum()).item<double>() == doctest::Approx(1.0).epsilon(0.35));

  Lime method{.samples = 100, .regression = surrogate::Ordinary{}};
  method.tolerance = 0.5 * method(net, x, target::Class{0}).standard_error.max().item<double>();
  DOCTEST_CHECK(method(net, x, target::Class{0}).standard_error.max().item<double>() <= method.tolerance);
}

DOCTEST_TEST_CASE("the parts of the page are options") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 958);
  const Tensor segments = at::arange(64, at::kLong).reshape({1, 1, 8, 8}).div(8, "floor");
  //! [lime]
  const lm::Lime method{.groups = {segments},
                        .samples = 400,
                        .similarity = lm::surrogate::CosineKernel{.width = 0.5},
                        .regression = lm::surrogate::Lasso{.alpha = 0.01}};
  const auto why = method(net, image, lm::target::Class{.index = 1});  // coefficients and standard errors
  //! [lime]
  DOCTEST_CHECK(why.map.sizes() == image.sizes());
  DOCTEST_CHECK(why.standard_error.max().item<double>() > 0);
}

DOCTEST_TEST_CASE("parts that give what they should not are refused") {
  const nets::Linear net;
  const Tensor x = nets::random({1, 5}, 956);
  const auto message = [&](const auto& method) {
    return message_of([&] { (void)method(net, x, target::Class{0}); });
  };
  const auto none = [](const surrogate::Neighbours& near) { return at::zeros_like(near.cosine); };
  const auto few = [](const surrogate::Neighbours& near) { return near.cosine.narrow(0, 0, 1); };
  const auto ids = [](std::int64_t m, std::uint64_t, std::int64_t, std::int64_t count) {
    return at::zeros({count, m}, at::kLong);
  };
  DOCTEST_CHECK(holds(message(Lime{.similarity = none}), "some above 0"));
  DOCTEST_CHECK(holds(message(Lime{.similarity = few}), "one weight a neighbour"));
  DOCTEST_CHECK(holds(message(Lime{.sampler = ids}), "expected bool"));
  DOCTEST_CHECK(holds(message(Lime{.samples = 4, .regression = surrogate::Ordinary{}}), "do not determine"));
  DOCTEST_CHECK(holds(message(Lime{.similarity = surrogate::CosineKernel{.width = 0.0}}), "width is 0"));
  DOCTEST_CHECK(holds(message(Lime{.sampler = surrogate::Bernoulli{.probability = 1.0}}), "less than 1"));
  DOCTEST_CHECK(holds(message(Lime{.regression = surrogate::Ridge{.alpha = 0.0}}), "alpha is 0"));
  DOCTEST_CHECK(holds(message(Lime{.samples = 0}), "samples is 0"));
}
