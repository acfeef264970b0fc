// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/expected_gradients.hpp>

#include <doctest/doctest.h>

#include <lumen/engine/method.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace baseline = lumen::baseline;
namespace target = lumen::target;
using lumen::ExpectedGradients;
using lumen::GradientShap;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<ExpectedGradients<>>);
static_assert(lumen::Method<GradientShap<baseline::Samples>>);

namespace {

/// The mean over draws, one at a time, of `sample`, with the random numbers that the library promises: keyed
/// by (seed, sample, draw).
struct Drawn {
  Tensor mean, standard_error;
  double baseline_score = 0.0;
};
template <class Score, class B>
Drawn draw_by_draw(const Score& score, const Tensor& x, const B& from, std::int64_t number,
                   std::int64_t draws, double stdev, std::uint64_t seed) {
  std::vector<Tensor> maps;
  Drawn result;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const double t = lumen::uniform(lumen::mix(seed, 0), number, draw);
    const std::uint64_t noise = lumen::mix(lumen::mix(seed, 1), 0);  // of the first part of the input
    const Tensor here = x + lumen::normal_rows(x, noise, {number}, {draw}) * stdev;
    at::Generator which = lumen::generator(lumen::mix(from.seed, 0), number, draw);
    const Tensor origin = from(here, which);
    maps.push_back((here - origin) * lumen::testing::oracle::gradient(score, origin + t * (here - origin)));
    result.baseline_score += score(origin).item().toDouble() / static_cast<double>(draws);
  }
  const Tensor all = at::stack(maps);
  result.mean = all.mean(0);
  result.standard_error =
      all.std(at::OptionalIntArrayRef({0}), /*unbiased=*/true) / std::sqrt(static_cast<double>(draws));
  return result;
}

}  // namespace

DOCTEST_TEST_CASE("it equals the mean over its draws, taken one at a time") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 1);
  const baseline::Samples set{.values = nets::random({5, 1, 8, 8}, 2), .seed = 9};
  const auto shap =
      GradientShap{
          .baseline = set, .samples = 6, .stdev = 0.3, .scale = lumen::NoiseScale::InputUnits, .seed = 4}(
          net, x, target::Class{.index = 1});
  const auto plain =
      ExpectedGradients{.baseline = set, .samples = 6, .seed = 4}(net, x, target::Class{.index = 1});
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto score = [&](const Tensor& one) { return net(one).select(1, 1); };
    const Tensor one = x.narrow(0, i, 1);
    const Drawn noisy = draw_by_draw(score, one, set, i, 6, 0.3, 4),
                quiet = draw_by_draw(score, one, set, i, 6, 0.0, 4);
    DOCTEST_CHECK(all_close(shap.map.narrow(0, i, 1), noisy.mean, 1e-12));
    DOCTEST_CHECK(all_close(shap.standard_error.narrow(0, i, 1), noisy.standard_error, 1e-9));
    DOCTEST_CHECK(all_close(plain.map.narrow(0, i, 1), quiet.mean, 1e-12));
    const double missing =
        quiet.mean.sum().item<double>() - (score(one).item<double>() - quiet.baseline_score);
    DOCTEST_CHECK(plain.completeness_error[i].item<double>() == doctest::Approx(missing).epsilon(1e-9));
  }
  DOCTEST_CHECK(plain.forward_passes == 13);
  DOCTEST_CHECK(plain.backward_passes == 6);
}

DOCTEST_TEST_CASE("on a linear model every draw is exact") {
  const nets::Linear net(5, 3);
  const Tensor x = nets::random({2, 5}, 3);
  const auto why = ExpectedGradients{.baseline = baseline::Constant{.value = 1.0}, .samples = 3}(
      net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(why.map, (x - 1.0) * net.weights[0]));
  DOCTEST_CHECK(all_close(why.standard_error, at::zeros_like(x), 1e-8));
  DOCTEST_CHECK(all_close(why.completeness_error, at::zeros({2}, at::kDouble)));
  DOCTEST_CHECK(why.forward_passes == 5);
  const auto gradient = GradientShap{.multiply_by_inputs = false}(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(gradient.map, net.weights[0].expand({2, 5})));
}

DOCTEST_TEST_CASE("the standard error says how far the mean may be off") {
  const nets::Smooth net;
  const Tensor x = nets::random({1, 6}, 4);
  const target::Class question{.index = 2};
  const auto many =
      ExpectedGradients{.baseline = baseline::Uniform{}, .samples = 20000, .seed = 1}(net, x, question);
  double squares = 0.0;
  const int runs = 40;
  for (int run = 0; run < runs; ++run) {
    const auto few =
        ExpectedGradients{.baseline = baseline::Uniform{.seed = 50u + static_cast<unsigned>(run)},
                          .samples = 100,
                          .seed = 100u + static_cast<unsigned>(run)}(net, x, question);
    squares += ((few.map - many.map) / few.standard_error).square().mean().item<double>() / runs;
  }
  DOCTEST_CHECK(squares == doctest::Approx(1.0).epsilon(0.35));  // chi-squared of 240 correlated values
}

DOCTEST_TEST_CASE("batches, chunks and the sample's number") {
  const nets::Segmentation net;
  const Tensor x = nets::random({3, 1, 6, 6}, 5);
  const target::ClassRegion question{.channel = 1};
  const GradientShap method{
      .baseline = baseline::GaussianNoise{.stdev = 0.5, .seed = 2}, .samples = 7, .stdev = 0.1, .seed = 3};
  const auto whole = method(net, x, question);
  auto tight = method;
  tight.run.memory = 1;
  const auto split = tight(net, x, question);
  auto third = method;
  third.run.samples = {2};
  const auto alone = third(net, x.narrow(0, 2, 1), question);
  DOCTEST_CHECK(all_close(whole.map, split.map, 1e-12));
  DOCTEST_CHECK(all_close(whole.standard_error, split.standard_error, 1e-9));
  DOCTEST_CHECK(all_close(whole.completeness_error, split.completeness_error, 1e-10));
  DOCTEST_CHECK(all_close(whole.map.narrow(0, 2, 1), alone.map, 1e-12));
}

DOCTEST_TEST_CASE("the noise of GradientShap is each input's own") {
  const auto sum = [](const Tensor& a, const Tensor& b) { return a.sum(1) + b.sum(1); };
  const std::tuple x{nets::random({2, 3}, 21), nets::random({2, 4}, 22)};
  const auto map = [&](double stdev, std::vector<double> stdevs) {
    return GradientShap{.stdev = stdev, .stdevs = std::move(stdevs)}(sum, x, target::Output{}).map;
  };
  const auto own = map(0.0, {0.0, 0.4});
  DOCTEST_CHECK(all_close(std::get<0>(own), std::get<0>(x), 1e-12));
  DOCTEST_CHECK(all_close(std::get<1>(own), std::get<1>(map(0.4, {})), 1e-12));
  DOCTEST_CHECK_FALSE(all_close(std::get<1>(own), std::get<1>(x), 1e-3));
}

DOCTEST_TEST_CASE("one draw has no standard error; bad options are errors") {
  const nets::Smooth net;
  const Tensor x = nets::random({2, 6}, 6);
  DOCTEST_CHECK_FALSE(GradientShap{.samples = 1}(net, x, target::Class{}).standard_error.defined());
  DOCTEST_CHECK_FALSE(
      GradientShap{.check_completeness = false}(net, x, target::Class{}).completeness_error.defined());
  DOCTEST_CHECK_THROWS_WITH_AS((void)GradientShap{.samples = 0}(net, x, target::Class{}),
                               doctest::Contains("samples is 0"), lumen::Error);
  const ExpectedGradients misfit{.baseline = baseline::Samples{.values = nets::random({3, 5}, 1)}};
  DOCTEST_CHECK_THROWS_WITH_AS((void)misfit(net, x, target::Class{}),
                               doctest::Contains("baseline::Samples holds [3, 5]"), lumen::Error);
}
