// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/baseline/combine.hpp>

#include <doctest/doctest.h>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Error;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::nets::random;
using namespace lumen::baseline;

namespace {

using Fixed = Then<Blur, Constant>;
using Drawn = Then<Blur, GaussianNoise>;
static_assert(lumen::detail::FixedBaseline<Fixed> && !lumen::detail::RandomBaseline<Fixed>);
static_assert(lumen::detail::RandomBaseline<Drawn> && !lumen::detail::FixedBaseline<Drawn>);
static_assert(lumen::detail::RandomBaseline<Mix<Uniform, Zero>> &&
              lumen::detail::FixedBaseline<Mix<Zero, Blur>>);
static_assert(lumen::Baseline<Then<Mix<Zero, Uniform>, Blur>>);

const Tensor x = random({1, 2, 6, 6}, 1);

template <class B>
Tensor drawn(const B& from, std::int64_t draw = 0) {
  at::Generator source = lumen::generator(from.seed, 0, draw);
  return from(x, source);
}

}  // namespace

//! [combine]
DOCTEST_TEST_CASE("baselines combine: one after the other, or mixed") {
  const auto twice = Blur{.sigma = 1.0} | Blur{.sigma = 2.0};
  DOCTEST_CHECK(all_close(twice(x), Blur{.sigma = 2.0}(Blur{.sigma = 1.0}(x)), 1e-14));

  const Mix grey{.first = ChannelMean{}, .second = Constant{.value = 1.0}, .weight = 0.25};
  DOCTEST_CHECK(all_close(grey(x), 0.25 * ChannelMean{}(x) + 0.75, 1e-14));
}
//! [combine]

DOCTEST_TEST_CASE("the order matters") {
  DOCTEST_CHECK(at::equal((Blur{} | Constant{.value = 3.0})(x), at::full_like(x, 3.0)));
  DOCTEST_CHECK(all_close((Constant{.value = 3.0} | Blur{})(x), at::full_like(x, 3.0), 1e-13));
  const auto noise_last = Zero{} | GaussianNoise{.stdev = 1.0};
  const auto noise_first = GaussianNoise{.stdev = 1.0} | Zero{};
  DOCTEST_CHECK(drawn(noise_last).abs().max().item<double>() > 0.5);
  DOCTEST_CHECK(at::equal(drawn(noise_first), at::zeros_like(x)));
}

DOCTEST_TEST_CASE("random as soon as one of the two is, with a seed from both") {
  const auto noisy = Blur{.sigma = 2.0} | GaussianNoise{.stdev = 0.1, .seed = 5};
  DOCTEST_CHECK(at::equal(drawn(noisy), drawn(noisy)));
  DOCTEST_CHECK_FALSE(at::equal(drawn(noisy), drawn(noisy, 1)));
  const auto other = Blur{.sigma = 2.0} | GaussianNoise{.stdev = 0.1, .seed = 6};
  DOCTEST_CHECK(noisy.seed != other.seed);
  DOCTEST_CHECK((drawn(noisy) - Blur{.sigma = 2.0}(x)).std().item<double>() ==
                doctest::Approx(0.1).epsilon(0.3));
}

DOCTEST_TEST_CASE("two random ones draw apart, from one generator") {
  const Mix both{.first = Uniform{}, .second = Uniform{}, .weight = 0.5};
  const auto mean = drawn(both);
  at::Generator source = lumen::generator(both.seed, 0, 0);
  const Tensor first = Uniform{}(x, source), second = Uniform{}(x, source);
  DOCTEST_CHECK_FALSE(at::equal(first, second));
  DOCTEST_CHECK(all_close(mean, (first + second) / 2, 1e-15));
}

DOCTEST_TEST_CASE("a weight outside [0, 1] is refused") {
  for (const double weight : {-0.1, 1.1, std::nan("")}) {
    const Mix<Zero, Blur> fixed{.weight = weight};
    const Mix<Zero, Uniform> random_one{.weight = weight};
    DOCTEST_CHECK_THROWS_WITH_AS((void)fixed(x), doctest::Contains("is outside [0, 1]"), Error);
    DOCTEST_CHECK_THROWS_WITH_AS((void)drawn(random_one), doctest::Contains("is outside [0, 1]"), Error);
  }
}
