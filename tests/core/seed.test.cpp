// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/seed.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <set>

using lumen::Tensor;

static_assert(lumen::mix(1, 2) == lumen::mix(1, 2), "a constant expression");
static_assert(lumen::mix(1, 2) != lumen::mix(2, 1));
static_assert(lumen::mix(0, 0) == 0xe220a8397b1dcdafULL, "the first value of SplitMix64 from state 0");

namespace {

Tensor draw(std::uint64_t seed, std::int64_t sample, std::int64_t number) {
  at::Generator source = lumen::generator(seed, sample, number);
  return lumen::normal_like(at::zeros({4}, at::kDouble), source);
}

}  // namespace

//! [keyed]
DOCTEST_TEST_CASE("a draw is a function of seed, sample and draw") {
  DOCTEST_CHECK(at::equal(draw(7, 3, 2), draw(7, 3, 2)));
  DOCTEST_CHECK_FALSE(at::equal(draw(7, 3, 2), draw(8, 3, 2)));
  DOCTEST_CHECK_FALSE(at::equal(draw(7, 3, 2), draw(7, 4, 2)));
  DOCTEST_CHECK_FALSE(at::equal(draw(7, 3, 2), draw(7, 3, 1)));
}
//! [keyed]

DOCTEST_TEST_CASE("keys do not collide: neighbours, swapped numbers, extreme ones") {
  std::set<double> seen;
  std::size_t draws = 0;
  for (const std::uint64_t seed :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    for (std::int64_t sample = -1; sample < 12; ++sample) {
      for (std::int64_t number = 0; number < 12; ++number, ++draws) {
        seen.insert(draw(seed, sample, number)[0].item<double>());
      }
    }
  }
  DOCTEST_CHECK(seen.size() == draws);
}

DOCTEST_TEST_CASE("the global generator is not touched") {
  const Tensor before = at::detail::getDefaultCPUGenerator().get_state();
  (void)draw(1, 2, 3);
  at::Generator source = lumen::generator(1, 2, 3);
  (void)lumen::uniform_like(at::zeros({100}), source);
  DOCTEST_CHECK(at::equal(before, at::detail::getDefaultCPUGenerator().get_state()));
}

DOCTEST_TEST_CASE("normal numbers have mean 0 and variance 1, over one draw and over many") {
  at::Generator source = lumen::generator(5, 0, 0);
  const Tensor one = lumen::normal_like(at::zeros({100000}, at::kDouble), source);
  DOCTEST_CHECK(std::abs(one.mean().item<double>()) < 0.015);
  DOCTEST_CHECK(std::abs(one.var().item<double>() - 1.0) < 0.02);
  DOCTEST_CHECK(std::abs(one.pow(4).mean().item<double>() - 3.0) < 0.15);
  std::vector<Tensor> firsts;
  for (std::int64_t number = 0; number < 4000; ++number) firsts.push_back(draw(5, 1, number));
  const Tensor many = at::stack(firsts);
  DOCTEST_CHECK(many.mean(0).abs().max().item<double>() < 0.07);
  DOCTEST_CHECK((many.var(0) - 1.0).abs().max().item<double>() < 0.1);
  const Tensor lagged = (many.slice(0, 1) * many.slice(0, 0, -1)).mean(0);
  DOCTEST_CHECK(lagged.abs().max().item<double>() < 0.07);
}

DOCTEST_TEST_CASE("uniform numbers fill [0, 1)") {
  at::Generator source = lumen::generator(6, 0, 0);
  const Tensor u = lumen::uniform_like(at::zeros({100000}, at::kDouble), source);
  DOCTEST_CHECK(u.min().item<double>() >= 0.0);
  DOCTEST_CHECK(u.max().item<double>() < 1.0);
  DOCTEST_CHECK(std::abs(u.mean().item<double>() - 0.5) < 0.005);
  DOCTEST_CHECK(std::abs(u.var().item<double>() - 1.0 / 12.0) < 0.002);
  at::Generator again = lumen::generator(6, 0, 0);
  for (std::int64_t i = 0; i < 100; ++i) DOCTEST_CHECK(lumen::uniform(again) == u[i].item<double>());
}

DOCTEST_TEST_CASE("a uniform number of each key, without a generator") {
  double sum = 0.0, square = 0.0;
  for (std::int64_t draw = 0; draw < 100000; ++draw) {
    const double u = lumen::uniform(3, 1, draw);
    DOCTEST_REQUIRE((u >= 0.0 && u < 1.0));
    sum += u;
    square += u * u;
  }
  DOCTEST_CHECK(std::abs(sum / 1e5 - 0.5) < 0.005);
  DOCTEST_CHECK(std::abs(square / 1e5 - 1.0 / 3.0) < 0.005);
  DOCTEST_CHECK(lumen::uniform(3, 1, 7) != lumen::uniform(4, 1, 7));
}

DOCTEST_TEST_CASE("numbers have the shape and type of what they are like") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    DOCTEST_CAPTURE(at::toString(type));
    at::Generator source = lumen::generator(1, 0, 0);
    const Tensor like = at::zeros({1, 2, 3}, type);
    for (const Tensor& drawn : {lumen::normal_like(like, source), lumen::uniform_like(like, source)}) {
      DOCTEST_CHECK(drawn.sizes() == like.sizes());
      DOCTEST_CHECK((drawn.scalar_type() == type));
      DOCTEST_CHECK_FALSE(drawn.requires_grad());
    }
  }
}
