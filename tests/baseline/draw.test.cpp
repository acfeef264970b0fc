// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/baseline/draw.hpp>

#include <doctest/doctest.h>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>

#include "support/nets.hpp"

using lumen::Error;
using lumen::Run;
using lumen::Tensor;
using lumen::Tensors;
using lumen::detail::baselines;
using lumen::detail::Draws;
using lumen::detail::is_random;
using lumen::testing::nets::random;
namespace baseline = lumen::baseline;
using baseline::Constant;
using baseline::GaussianNoise;
using baseline::Uniform;
using baseline::Zero;

static_assert(is_random<Uniform>() && !is_random<Zero>());
static_assert(is_random<std::tuple<Zero, Uniform>>() && !is_random<std::tuple<Zero, Zero>>());

namespace {

const Tensor x = random({3, 2, 4}, 1);

}  // namespace

//! [keyed]
DOCTEST_TEST_CASE("a draw depends on the seed, the sample's number and the draw's, not on the batch") {
  const GaussianNoise noise{.seed = 4};
  const Tensor together = baselines(noise, {x}, Draws{{10, 11, 12}, {0, 0, 5}})[0];
  for (std::int64_t i = 0; i < 3; ++i) {
    const Tensor alone = baselines(noise, {x.narrow(0, i, 1)}, Draws{{10 + i}, {i == 2 ? 5 : 0}})[0];
    DOCTEST_CHECK(at::equal(alone, together.narrow(0, i, 1)));
  }
}
//! [keyed]

DOCTEST_TEST_CASE("other samples, draws, seeds and parts draw otherwise") {
  const auto uniform = [](std::uint64_t seed, std::int64_t sample, std::int64_t draw, std::size_t parts = 1) {
    const Tensor one = at::zeros({1, 4}, at::kDouble);
    return baselines(Uniform{.seed = seed}, Tensors(parts, one), Draws{{sample}, {draw}});
  };
  DOCTEST_CHECK(at::equal(uniform(1, 2, 3)[0], uniform(1, 2, 3)[0]));
  DOCTEST_CHECK_FALSE(at::equal(uniform(1, 2, 3)[0], uniform(0, 2, 3)[0]));
  DOCTEST_CHECK_FALSE(at::equal(uniform(1, 2, 3)[0], uniform(1, 3, 3)[0]));
  DOCTEST_CHECK_FALSE(at::equal(uniform(1, 2, 3)[0], uniform(1, 2, 4)[0]));
  const Tensors two = uniform(1, 2, 3, 2);
  DOCTEST_CHECK_FALSE(at::equal(two[0], two[1]));
}

DOCTEST_TEST_CASE("several inputs take one baseline for all, or one each") {
  const Tensor image = random({3, 1, 2, 2}, 2);
  const Draws draws{{0, 1, 2}, {0, 0, 0}};
  const Tensors all = baselines(Constant{.value = 2.0}, {x, image}, draws);
  DOCTEST_CHECK(at::equal(all[0], at::full_like(x, 2.0)));
  DOCTEST_CHECK(at::equal(all[1], at::full_like(image, 2.0)));
  const Tensors each = baselines(std::tuple{Zero{}, Constant{.value = 2.0}}, {x, image}, draws);
  DOCTEST_CHECK(at::equal(each[0], at::zeros_like(x)));
  DOCTEST_CHECK(at::equal(each[1], at::full_like(image, 2.0)));
  DOCTEST_CHECK_THROWS_WITH_AS((void)baselines(std::tuple{Zero{}}, {x, image}, draws),
                               doctest::Contains("1 baselines were given for 2 inputs; give one each"),
                               Error);
}

DOCTEST_TEST_CASE("a baseline takes the input's type, and carries no gradient") {
  const auto shifted = [](const Tensor& in) { return (in + 1).to(at::kFloat); };
  const Tensor leaf = x.clone().requires_grad_(true);
  const Tensor got = baselines(shifted, {leaf}, Draws{{0, 1, 2}, {0, 0, 0}})[0];
  DOCTEST_CHECK((got.scalar_type() == at::kDouble));
  DOCTEST_CHECK_FALSE(got.requires_grad());
}

DOCTEST_TEST_CASE("baselines of another shape, or that are not finite, are refused") {
  const Draws draws{{0, 1, 2}, {0, 0, 0}};
  const auto flat = [](const Tensor& in) { return in.flatten(1); };
  const auto none = [](const Tensor&) { return Tensor(); };
  const auto infinite = [](const Tensor& in) { return in / 0.0; };
  DOCTEST_CHECK_THROWS_WITH_AS(
      (void)baselines(flat, {x}, draws),
      doctest::Contains("the baseline has shape [3, 8], expected the input's [3, 2, 4]"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)baselines(none, {x}, draws),
                               doctest::Contains("the baseline has shape none"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)baselines(infinite, {x}, draws),
                               doctest::Contains("the baseline holds NaN or infinite values"), Error);
}

DOCTEST_TEST_CASE("samples are numbered by position, or as the run says") {
  using lumen::detail::sample_numbers;
  DOCTEST_CHECK(sample_numbers(Run{}, 3) == std::vector<std::int64_t>{0, 1, 2});
  DOCTEST_CHECK(sample_numbers(Run{.samples = {7, 7, 1}}, 3) == std::vector<std::int64_t>{7, 7, 1});
  DOCTEST_CHECK_THROWS_WITH_AS((void)sample_numbers(Run{.samples = {7}}, 3),
                               doctest::Contains("run.samples numbers 1 samples, the batch has 3"), Error);
  const Draws first = lumen::detail::first_draws(Run{.samples = {5, 6}}, 2);
  DOCTEST_CHECK(first.sample == std::vector<std::int64_t>{5, 6});
  DOCTEST_CHECK(first.draw == std::vector<std::int64_t>{0, 0});
}
