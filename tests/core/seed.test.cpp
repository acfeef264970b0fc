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

//! [rows]
DOCTEST_TEST_CASE("rows drawn together are those drawn one by one") {
  const std::vector<std::int64_t> samples{3, 3, -1, 0}, draws{0, 2, 0, 5};
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
    DOCTEST_CAPTURE(at::toString(type));
    const Tensor like = at::zeros({2, 3, 3, 5}, type);  // an odd number of numbers a row
    for (const Tensor& form : {like, like.contiguous(at::MemoryFormat::ChannelsLast)}) {
      const Tensor rows = lumen::normal_rows(form, 9, samples, draws);
      DOCTEST_CHECK(rows.sizes().vec() == std::vector<std::int64_t>{4, 3, 3, 5});
      DOCTEST_CHECK((rows.scalar_type() == type));
      for (std::size_t r = 0; r < samples.size(); ++r) {
        const Tensor one = lumen::normal_rows(at::zeros({1, 3, 3, 5}, type), 9, {samples[r]}, {draws[r]});
        DOCTEST_CHECK(at::equal(rows.narrow(0, static_cast<std::int64_t>(r), 1), one));
      }
    }
  }
}
//! [rows]

DOCTEST_TEST_CASE(
    "rows of normal numbers are Box and Muller's of the words of SplitMix64, number by number") {
  const std::uint64_t key = lumen::key_of(9, 3, 2);
  const Tensor row = lumen::normal_rows(at::zeros({1, 7}, at::kDouble), 9, {3}, {2});
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::uint64_t word = lumen::mix(key, i);
    const double u = (static_cast<double>(word >> 32) + 0.5) / 4294967296.0;
    const double angle = static_cast<double>(word & 0xffffffffULL) / 4294967296.0 * 2.0 * std::numbers::pi;
    const double radius = std::sqrt(-2.0 * std::log(u));
    const auto place = static_cast<std::int64_t>(i);
    DOCTEST_CHECK(row[0][place].item<double>() == doctest::Approx(radius * std::cos(angle)).epsilon(1e-12));
    if (i < 3) {
      DOCTEST_CHECK(row[0][place + 4].item<double>() ==
                    doctest::Approx(radius * std::sin(angle)).epsilon(1e-12));
    }
  }
  const Tensor narrow = lumen::normal_rows(at::zeros({1, 7}), 9, {3}, {2});
  DOCTEST_CHECK((narrow - row).abs().max().item<double>() < 1e-4);  // 24 bits of each of the same numbers
}

DOCTEST_TEST_CASE(
    "rows of normal numbers are normal: moments, tails, no correlation along a row or between draws") {
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    std::vector<std::int64_t> samples(200, 1), draws;
    for (std::int64_t i = 0; i < 200; ++i) draws.push_back(i);
    const Tensor z = lumen::normal_rows(at::zeros({1, 5000}, type), 5, samples, draws).to(at::kDouble);
    DOCTEST_CHECK(std::abs(z.mean().item<double>()) < 0.005);
    DOCTEST_CHECK(std::abs(z.var().item<double>() - 1.0) < 0.008);
    DOCTEST_CHECK(std::abs(z.pow(3).mean().item<double>()) < 0.02);
    DOCTEST_CHECK(std::abs(z.pow(4).mean().item<double>() - 3.0) < 0.06);
    DOCTEST_CHECK(std::abs((z.abs() > 3).to(at::kDouble).mean().item<double>() - 0.0026998) < 0.0003);
    const auto correlation = [](const Tensor& a, const Tensor& b) { return (a * b).mean().item<double>(); };
    DOCTEST_CHECK(std::abs(correlation(z.narrow(1, 1, 4999), z.narrow(1, 0, 4999))) < 0.005);
    DOCTEST_CHECK(std::abs(correlation(z.narrow(1, 0, 2500), z.narrow(1, 2500, 2500))) < 0.006);
    DOCTEST_CHECK(std::abs(correlation(z.narrow(0, 1, 199), z.narrow(0, 0, 199))) < 0.005);
  }
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
