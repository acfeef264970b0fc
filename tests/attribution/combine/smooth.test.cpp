// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/combine/smooth.hpp>

#include <vector>

#include <doctest/doctest.h>

#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/region.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::IntegratedGradients;
using lumen::NoiseScale;
using lumen::Saliency;
using lumen::Smooth;
using lumen::Tensor;
using lumen::testing::all_close;

static_assert(lumen::Method<Smooth<>>);
static_assert(lumen::Method<Smooth<Smooth<IntegratedGradients<>>>>);

namespace {

std::vector<Tensor> noise_of(const Tensor& sample, std::int64_t number, std::int64_t draws, double stdev,
                             std::uint64_t seed) {
  std::vector<Tensor> noise;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    noise.push_back(lumen::normal_rows(sample, lumen::mix(seed, 0), {number}, {draw}) * stdev);
  }
  return noise;
}

}  // namespace

DOCTEST_TEST_CASE("Example") {
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 12, 12}, 1);
  namespace lm = lumen;
  //! [smooth]
  const auto smooth = lm::Smooth{.method = lm::IntegratedGradients{.steps = 32}, .samples = 16, .seed = 7};
  const auto why = smooth(net, image, lm::target::ClassRegion{.channel = 1});  // SmoothGrad
  const auto all =
      smooth.moments(net, image, lm::target::ClassRegion{.channel = 1});  // and its two relatives,
  const Tensor squared = all.square.map, variance = all.variance.map;     // from the same noise
  //! [smooth]
  DOCTEST_CHECK(all_close(why.map, all.mean.map));
  DOCTEST_CHECK(all_close(squared, all.mean.map.square() + variance, 1e-12));
}

DOCTEST_TEST_CASE("it equals the three statistics over its noise, taken one draw at a time") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 2);
  const Smooth method{.method = Saliency{.absolute = false},
                      .samples = 9,
                      .stdev = 0.2,
                      .scale = NoiseScale::InputUnits,
                      .seed = 5};
  const auto moments = method.moments(net, x, target::Class{.index = 1});
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor one = x.narrow(0, i, 1);
    const auto score = [&](const Tensor& v) { return net(v).select(1, 1); };
    const auto map = [&](const Tensor& v) { return lumen::testing::oracle::gradient(score, v); };
    const auto expected = lumen::testing::oracle::noisy(map, one, noise_of(one, i, 9, 0.2, 5));
    DOCTEST_CHECK(all_close(moments.mean.map.narrow(0, i, 1), expected.mean));
    DOCTEST_CHECK(all_close(moments.square.map.narrow(0, i, 1), expected.mean_square));
    DOCTEST_CHECK(all_close(moments.variance.map.narrow(0, i, 1), expected.variance));
    DOCTEST_CHECK(all_close(moments.mean.standard_error.narrow(0, i, 1), expected.standard_error));
  }
  DOCTEST_CHECK(moments.variance.map.min().item<double>() >= 0);
  DOCTEST_CHECK(moments.mean.backward_passes == 9);
  DOCTEST_CHECK(moments.mean.forward_passes == 10);
  auto square = method;
  square.moment = lumen::Moment::Square;
  DOCTEST_CHECK(all_close(square(net, x, target::Class{.index = 1}).map, moments.square.map));
}

DOCTEST_TEST_CASE("noise as a fraction of each sample's own range") {
  const nets::Smooth net;
  Tensor x = nets::random({2, 6}, 3);
  x[1] *= 10;
  const auto relative = Smooth{.samples = 4, .stdev = 0.1}(net, x, target::Class{});
  for (std::int64_t i = 0; i < 2; ++i) {
    const Tensor one = x.narrow(0, i, 1);
    Smooth own{
        .samples = 4, .stdev = 0.1 * (one.max() - one.min()).item<double>(), .scale = NoiseScale::InputUnits};
    own.run.samples = {i};
    DOCTEST_CHECK(all_close(relative.map.narrow(0, i, 1), own(net, one, target::Class{}).map));
  }
}

DOCTEST_TEST_CASE("without noise it is the method, with no spread") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 4);
  const auto still = Smooth{.method = IntegratedGradients{.steps = 8}, .samples = 3, .stdev = 0.0};
  const auto moments = still.moments(net, x, target::Class{.index = 1});
  const auto plain = IntegratedGradients{.steps = 8}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(moments.mean.map, plain.map, 1e-12));
  DOCTEST_CHECK(all_close(moments.mean.completeness_error, plain.completeness_error, 1e-12));
  DOCTEST_CHECK(moments.variance.map.abs().max().item<double>() < 1e-20);
}

DOCTEST_TEST_CASE("a region stays the one predicted on the input without noise") {
  const nets::Segmentation net;
  const Tensor x = nets::random({2, 1, 8, 8}, 5, 0.1);
  const Smooth method{
      .method = Saliency{.absolute = false}, .samples = 6, .stdev = 1.0, .scale = NoiseScale::InputUnits};
  const auto frozen = target::ClassRegion{.channel = 1}.freeze(net(x));
  DOCTEST_CHECK(all_close(method(net, x, target::ClassRegion{.channel = 1}).map, method(net, x, frozen).map));
}

DOCTEST_TEST_CASE("batches, chunks and stacking do not change it, for random methods too") {
  const nets::Segmentation net;
  const Tensor x = nets::random({3, 1, 6, 6}, 6);
  const target::ClassRegion question{.channel = 1};
  const auto check = [&](const auto& method) {
    const auto whole = method(net, x, question);
    auto tight = method;
    tight.run.memory = 1;
    const auto split = tight(net, x, question);
    auto second = method;
    second.run.samples = {1};
    const auto alone = second(net, x.narrow(0, 1, 1), question);
    DOCTEST_CHECK(all_close(whole.map, split.map, 1e-10));
    DOCTEST_CHECK(all_close(whole.standard_error, split.standard_error, 1e-8));
    DOCTEST_CHECK(all_close(whole.map.narrow(0, 1, 1), alone.map, 1e-10));
  };
  check(Smooth{.samples = 7, .seed = 1});
  check(Smooth{.method = IntegratedGradients{.baseline = lumen::baseline::Uniform{.seed = 8}, .steps = 3},
               .samples = 5});
  check(Smooth{.method = Smooth{.samples = 3, .seed = 2}, .samples = 4, .seed = 3});
}

DOCTEST_TEST_CASE("two inputs, and a functor that cannot be split") {
  const nets::TwoInputs net;
  const auto x = std::tuple{nets::random({2, 4}, 7), nets::random({2, 1, 4, 4}, 8)};
  const auto functor = [](const Tensor& output) {
    return output.select(1, 0) * at::tensor({1.0, 2.0}, at::kDouble);
  };
  const Smooth method{.samples = 5, .stdev = 0.1};
  const auto weighted = method(net, x, functor);
  const auto plain = method(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(all_close(std::get<1>(weighted.map)[0], std::get<1>(plain.map)[0]));
  DOCTEST_CHECK(all_close(std::get<1>(weighted.map)[1], std::get<1>(plain.map)[1] * 2.0));
  DOCTEST_CHECK(std::get<0>(weighted.map).sizes() == std::get<0>(x).sizes());
}

DOCTEST_TEST_CASE("each input has noise of its own") {
  const auto weighted = [](const Tensor& a, const Tensor& b) { return a.sum(1) + b.square().sum(1); };
  const std::tuple x{nets::random({2, 3}, 8), nets::random({2, 4}, 9)};
  const auto at = [&](double stdev, std::vector<double> stdevs, NoiseScale scale = NoiseScale::InputUnits) {
    const Smooth method{.method = Saliency{.absolute = false},
                        .samples = 6,
                        .stdev = stdev,
                        .stdevs = std::move(stdevs),
                        .scale = scale};
    return std::get<1>(method(weighted, x, target::Output{}).map);
  };
  // the gradient of the second is its own noisy values, doubled
  DOCTEST_CHECK(all_close(at(0.7, {0.7, 0.0}), 2 * std::get<1>(x), 1e-12));
  DOCTEST_CHECK(all_close(at(0.0, {0.0, 0.7}), at(0.7, {}), 1e-12));
  DOCTEST_CHECK(all_close(at(0.0, {0.3, 0.7}, NoiseScale::OfRange), at(0.7, {}, NoiseScale::OfRange), 1e-12));
  DOCTEST_CHECK_FALSE(all_close(at(0.7, {}), at(0.35, {}), 1e-3));
  // held inputs have none
  const auto held = [](const Tensor& a, const Tensor&, const Tensor& c) { return (a * c).sum(1); };
  const std::tuple three{nets::random({2, 3}, 8), lumen::held(nets::random({2, 1}, 9)),
                         nets::random({2, 3}, 10)};
  const Smooth method{.samples = 2, .stdevs = {0.1, 0.2}};
  DOCTEST_CHECK(std::get<2>(method(held, three, target::Output{}).map).sizes() == at::IntArrayRef({2, 3}));
  DOCTEST_CHECK_THROWS_WITH_AS((void)Smooth{.stdevs = {0.1}}(weighted, x, target::Output{}),
                               doctest::Contains("1 standard deviations (stdevs) were given for 2 inputs"),
                               lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)(Smooth{.stdevs = {0.1, -2.0}}(weighted, x, target::Output{})),
                               doctest::Contains("stdev is -2"), lumen::Error);
}

DOCTEST_TEST_CASE("bad options are errors") {
  const nets::Smooth net;
  DOCTEST_CHECK_THROWS_WITH_AS((void)Smooth{.samples = 0}(net, nets::random({1, 6}, 9), target::Class{}),
                               doctest::Contains("samples is 0"), lumen::Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Smooth{.stdev = -1.0}(net, nets::random({1, 6}, 9), target::Class{}),
                               doctest::Contains("stdev is -1"), lumen::Error);
}
