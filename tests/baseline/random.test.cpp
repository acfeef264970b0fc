// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/baseline/random.hpp>

#include <doctest/doctest.h>

#include <set>

#include <lumen/core/concepts.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Error;
using lumen::Tensor;
using lumen::testing::nets::random;
namespace baseline = lumen::baseline;

static_assert(lumen::detail::RandomBaseline<baseline::Uniform> &&
              !lumen::detail::FixedBaseline<baseline::Uniform>);
static_assert(lumen::Baseline<baseline::GaussianNoise> && lumen::Baseline<baseline::Samples>);

namespace {

const Tensor wide = at::full({1, 1, 300, 300}, 2.0, at::kDouble);

template <class B>
Tensor drawn(const B& from, const Tensor& sample, std::int64_t draw = 0) {
  at::Generator source = lumen::generator(from.seed, 0, draw);
  return from(sample, source);
}

}  // namespace

DOCTEST_TEST_CASE("uniform values fill their range evenly, whatever the input") {
  const Tensor u = drawn(baseline::Uniform{.low = -1.0, .high = 3.0}, wide);
  DOCTEST_CHECK(u.sizes() == wide.sizes());
  DOCTEST_CHECK(u.min().item<double>() >= -1.0);
  DOCTEST_CHECK(u.max().item<double>() <= 3.0);
  DOCTEST_CHECK(std::abs(u.mean().item<double>() - 1.0) < 0.02);
  DOCTEST_CHECK(std::abs(u.var().item<double>() - 16.0 / 12.0) < 0.02);
  DOCTEST_CHECK(drawn(baseline::Uniform{.low = 0.5, .high = 0.5}, wide).eq(0.5).all().item<bool>());
}

DOCTEST_TEST_CASE("Gaussian noise is added to the input") {
  const Tensor noisy = drawn(baseline::GaussianNoise{.stdev = 0.5}, wide);
  DOCTEST_CHECK(std::abs(noisy.mean().item<double>() - 2.0) < 0.01);
  DOCTEST_CHECK(std::abs(noisy.std().item<double>() - 0.5) < 0.01);
  DOCTEST_CHECK(at::equal(drawn(baseline::GaussianNoise{.stdev = 0.0}, wide), wide));
}

DOCTEST_TEST_CASE("samples are rows of the set, and all of them turn up, each as often") {
  const Tensor set = random({5, 2, 3}, 1), sample = random({1, 2, 3}, 2);
  std::vector<int> count(5, 0);
  for (std::int64_t draw = 0; draw < 500; ++draw) {
    const Tensor one = drawn(baseline::Samples{.values = set}, sample, draw);
    DOCTEST_REQUIRE(one.sizes() == sample.sizes());
    int matches = 0;
    for (std::int64_t b = 0; b < 5; ++b) {
      if (!at::equal(one[0], set[b])) continue;
      ++count[static_cast<std::size_t>(b)];
      ++matches;
    }
    DOCTEST_REQUIRE(matches == 1);
  }
  for (const int times : count) DOCTEST_CHECK((times > 60 && times < 140));
  DOCTEST_CHECK(
      (drawn(baseline::Samples{.values = set.to(at::kFloat)}, sample).scalar_type() == at::kDouble));
}

DOCTEST_TEST_CASE("the generator decides") {
  for (std::int64_t draw = 0; draw < 3; ++draw) {
    const baseline::GaussianNoise noise{.seed = 9};
    DOCTEST_CHECK(at::equal(drawn(noise, wide, draw), drawn(noise, wide, draw)));
    DOCTEST_CHECK_FALSE(at::equal(drawn(noise, wide, draw), drawn(noise, wide, draw + 1)));
  }
}

DOCTEST_TEST_CASE("options and sets that make no sense are refused") {
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(baseline::Uniform{.low = 2.0, .high = 1.0}, wide),
                               doctest::Contains("low 2 is above high 1"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(baseline::Uniform{.low = std::nan("")}, wide),
                               doctest::Contains("low nan"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(baseline::GaussianNoise{.stdev = -1.0}, wide),
                               doctest::Contains("stdev is -1"), Error);
  const Tensor sample = random({1, 2, 3}, 2);
  using baseline::Samples;
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(Samples{.values = random({5, 3, 2}, 1)}, sample),
                               doctest::Contains("holds [5, 3, 2], expected [B, ...]"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(Samples{.values = random({2, 3}, 1)}, sample),
                               doctest::Contains("holds [2, 3]"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(Samples{.values = at::zeros({0, 2, 3})}, sample),
                               doctest::Contains("holds [0, 2, 3]"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(Samples{}, sample), doctest::Contains("holds an undefined tensor"),
                               Error);
}
