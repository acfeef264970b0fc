// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/integrated_gradients.hpp>

#include <tuple>

#include <doctest/doctest.h>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/combine.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace baseline = lumen::baseline;
namespace quadrature = lumen::quadrature;
namespace target = lumen::target;
using lumen::IntegratedGradients;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<IntegratedGradients<>>);
static_assert(lumen::Method<IntegratedGradients<baseline::Uniform, quadrature::Trapezoid>>);

DOCTEST_TEST_CASE("Example") {
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 12, 12}, 1);
  namespace lm = lumen;
  //! [integrated_gradients]
  const auto method = lm::IntegratedGradients{.baseline = lm::baseline::Blur{.sigma = 4.0}, .steps = 50};
  const auto why = method(net, image, lm::target::ClassRegion{.channel = 1});
  const double missing = why.completeness_error.item<double>();  // sum of the map - (F(x) - F(blurred x))
  //! [integrated_gradients]
  DOCTEST_CHECK(std::abs(missing) < 0.05 * why.score.abs().item<double>());
  DOCTEST_CHECK(why.forward_passes == 52);
  DOCTEST_CHECK(why.backward_passes == 50);
}

DOCTEST_TEST_CASE("it equals the definition, step by step, for every rule") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 2), origin = nets::random({3, 1, 8, 8}, 3, 0.2);
  const auto check = [&](const auto& rule) {
    for (const bool multiply : {true, false}) {
      const IntegratedGradients method{
          .baseline = baseline::Given{origin}, .steps = 7, .rule = rule, .multiply_by_inputs = multiply};
      const Tensor map = method(net, x, target::Class{.index = 1}).map;
      const lumen::Quadrature q = rule(7);
      for (std::int64_t i = 0; i < 3; ++i) {
        const auto score = [&](const Tensor& one) { return net(one).select(1, 1); };
        DOCTEST_CHECK(all_close(map.narrow(0, i, 1), lumen::testing::oracle::integrated_gradients(
                                                         score, x.narrow(0, i, 1), origin.narrow(0, i, 1),
                                                         q.nodes, q.weights, multiply)));
      }
    }
  };
  check(quadrature::GaussLegendre{});
  check(quadrature::RiemannLeft{});
  check(quadrature::RiemannRight{});
  check(quadrature::RiemannMiddle{});
  check(quadrature::Trapezoid{});
  check(quadrature::CaptumTrapezoid{});
}

DOCTEST_TEST_CASE("closed forms: a linear model, an interaction, a saturating model") {
  const nets::Linear linear(5, 3);
  const Tensor x = nets::random({2, 5}, 4);
  const IntegratedGradients method{.baseline = baseline::Constant{.value = 0.5}, .steps = 1};
  DOCTEST_CHECK(all_close(method(linear, x, target::Class{.index = 2}).map, (x - 0.5) * linear.weights[2]));

  const Tensor pair = at::tensor({3.0, -2.0}, at::kDouble).unsqueeze(0);
  const auto halves = IntegratedGradients{.steps = 2}(nets::Interaction{}, pair, target::Output{});
  DOCTEST_CHECK(all_close(halves.map, at::full({1, 2}, -3.0, at::kDouble)));

  // flat beyond a sum of one: the gradient at x is zero, the integral is not
  const Tensor beyond = at::full({1, 4}, 1.0, at::kDouble);
  const auto past = IntegratedGradients{.steps = 4000, .rule = quadrature::RiemannMiddle{}}(
      nets::Saturating{}, beyond, target::Output{});
  DOCTEST_CHECK(all_close(past.map, at::full({1, 4}, 0.25, at::kDouble), 1e-9));
}

DOCTEST_TEST_CASE("chunks within the smallest budget give the same, and fewer rows in a pass") {
  const nets::Segmentation net;
  const Tensor x = nets::random({3, 1, 9, 9}, 5);
  std::int64_t most = 0;
  const auto watched = [&](const Tensor& rows) {
    most = std::max(most, rows.size(0));
    return net(rows);
  };
  const auto whole = IntegratedGradients{.steps = 11}(watched, x, target::ClassRegion{.channel = 1});
  DOCTEST_CHECK(most == 36);  // all at once: the first forward pass has shown that they fit
  most = 0;
  const auto split =
      IntegratedGradients{.steps = 11, .run = {.memory = 1}}(watched, x, target::ClassRegion{.channel = 1});
  DOCTEST_CHECK(most == 1);
  DOCTEST_CHECK(all_close(whole.map, split.map, 1e-12));
  DOCTEST_CHECK(all_close(whole.completeness_error, split.completeness_error, 1e-12));
  DOCTEST_CHECK(whole.forward_passes == split.forward_passes);
}

DOCTEST_TEST_CASE("a functor that cannot be split sees whole batches") {
  const nets::Segmentation net;
  const Tensor x = nets::random({3, 1, 9, 9}, 6), masks = (nets::random({3, 9, 9}, 7) > 0).to(at::kDouble);
  const auto functor = [&](const Tensor& output) { return (output.select(1, 1) * masks).flatten(1).sum(1); };
  const auto region = target::Region{.channel = 1, .mask = masks};
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{1} << 30}) {
    const IntegratedGradients method{.steps = 6, .run = {.memory = memory}};
    DOCTEST_CHECK(all_close(method(net, x, functor).map, method(net, x, region).map, 1e-12));
  }
}

DOCTEST_TEST_CASE("several targets share the forward passes") {
  const nets::Segmentation net;
  int rows = 0;
  const auto counted = [&](const Tensor& x) {
    rows += static_cast<int>(x.size(0));
    return net(x);
  };
  const Tensor x = nets::random({1, 1, 9, 9}, 8);
  const lumen::Targets targets{target::ClassRegion{.channel = 1},
                               target::Pixel{.channel = 0, .row = 4, .column = 4}};
  const auto both = IntegratedGradients{.steps = 10}(counted, x, targets);
  DOCTEST_CHECK(rows == 12 + 1);  // one of them alone, too
  DOCTEST_CHECK(all_close(both[0].map,
                          IntegratedGradients{.steps = 10}(net, x, target::ClassRegion{.channel = 1}).map));
  DOCTEST_CHECK(all_close(both[1].map, IntegratedGradients{.steps = 10}(net, x, targets[1]).map));
}

DOCTEST_TEST_CASE("an adaptive run goes on until the error is small enough") {
  const nets::Smooth net;
  const Tensor x = nets::random({4, 6}, 9, 2.0);
  const target::Class question{.index = 0};
  const auto coarse = IntegratedGradients{.steps = 2, .rule = quadrature::RiemannMiddle{}}(net, x, question);
  const auto fine = IntegratedGradients{.steps = 2, .rule = quadrature::RiemannMiddle{}, .tolerance = 1e-4}(
      net, x, question);
  const Tensor difference = net(x).select(1, 0) - net(at::zeros_like(x)).select(1, 0);
  DOCTEST_CHECK_FALSE(at::all(coarse.completeness_error.abs() <= difference.abs() * 1e-4).item<bool>());
  DOCTEST_CHECK(at::all(fine.completeness_error.abs() <= difference.abs() * 1e-4).item<bool>());
  DOCTEST_CHECK(fine.backward_passes > coarse.backward_passes);
  const auto stopped = IntegratedGradients{
      .steps = 2, .rule = quadrature::RiemannLeft{}, .tolerance = 1e-12, .max_steps = 16}(net, x, question);
  DOCTEST_CHECK(stopped.backward_passes == 2 + 4 + 8 + 16);
}

DOCTEST_TEST_CASE("two inputs and a tuple of baselines") {
  const nets::TwoInputs net;
  const auto x = std::tuple{nets::random({2, 4}, 10), nets::random({2, 1, 4, 4}, 11)};
  const IntegratedGradients method{
      .baseline = std::tuple{baseline::Constant{.value = 0.1}, baseline::Blur{.sigma = 1.0}}, .steps = 40};
  const auto why = method(net, x, target::Class{.index = 0});
  const auto origin =
      std::tuple{at::full({2, 4}, 0.1, at::kDouble), baseline::Blur{.sigma = 1.0}(std::get<1>(x))};
  const Tensor difference = lumen::forward(net, x).select(1, 0) - lumen::forward(net, origin).select(1, 0);
  const Tensor sum = std::get<0>(why.map).sum(1) + std::get<1>(why.map).flatten(1).sum(1);
  DOCTEST_CHECK(all_close(sum, difference, 1e-10));
  DOCTEST_CHECK(all_close(why.completeness_error, sum - difference, 1e-12));
}

DOCTEST_TEST_CASE("a random baseline depends on its seed and the sample's number alone") {
  const nets::Smooth net;
  const Tensor x = nets::random({3, 6}, 12);
  const IntegratedGradients method{.baseline = baseline::Uniform{.seed = 5}, .steps = 8};
  const Tensor together = method(net, x, target::Class{.index = 1}).map;
  auto alone = method;
  alone.run.samples = {2};
  DOCTEST_CHECK(all_close(alone(net, x.narrow(0, 2, 1), target::Class{.index = 1}).map,
                          together.narrow(0, 2, 1), 1e-12));
  auto other = method;
  other.baseline.seed = 6;
  DOCTEST_CHECK_FALSE(all_close(other(net, x, target::Class{.index = 1}).map, together, 1e-3));
}

DOCTEST_TEST_CASE("progress reaches the sink, and an exception thrown there passes through") {
  const nets::Smooth net;
  const Tensor x = nets::random({2, 6}, 13);
  std::int64_t last = 0, total = 0;
  IntegratedGradients method{.steps = 16, .run = {.memory = 2000}};
  method.run.progress = [&](std::string_view what, std::int64_t done, std::int64_t all) {
    if (what != "integrated gradients") return;
    DOCTEST_CHECK(done > last);
    last = done;
    total = all;
  };
  (void)method(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(last == 34);
  DOCTEST_CHECK(total == 34);
  struct Stop {};
  method.run.progress = [](std::string_view, std::int64_t, std::int64_t) { throw Stop{}; };
  DOCTEST_CHECK_THROWS_AS((void)method(net, x, target::Class{.index = 0}), Stop);
}

DOCTEST_TEST_CASE("bad options and baselines are errors") {
  const nets::Smooth net;
  const Tensor x = nets::random({2, 6}, 14);
  const target::Class question{.index = 0};
  const auto says = [](const char* message) { return doctest::Contains(message); };
  DOCTEST_CHECK_THROWS_WITH_AS((void)IntegratedGradients{.steps = 0}(net, x, question), says("steps is 0"),
                               lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)IntegratedGradients{.tolerance = -1.0}(net, x, question),
                               says("tolerance -1"), lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS(
      (void)(IntegratedGradients{.steps = 1, .rule = quadrature::Trapezoid{}}(net, x, question)),
      says("needs 2 or more"), lumen::Error);
  const auto wrong = [](const Tensor& v) { return v.sum(1); };
  DOCTEST_CHECK_THROWS_WITH_AS((void)IntegratedGradients{.baseline = wrong}(net, x, question),
                               says("the baseline has shape"), lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)IntegratedGradients{.run = {.memory = 0}}(net, x, question),
                               says("memory budget"), lumen::Error);
  IntegratedGradients misnumbered{};
  misnumbered.run.samples = {1, 2, 3};
  DOCTEST_CHECK_THROWS_WITH_AS((void)misnumbered(net, x, question), says("run.samples numbers 3"),
                               lumen::Error);
}
