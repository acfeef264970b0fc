// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/normal.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include <doctest/doctest.h>

using lumen::Tensor;

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

DOCTEST_TEST_CASE("blocks of numbers in float32 are those of the library's functions in float64") {
  lumen::detail::NormalBlock block{};
  const std::int32_t last = (1 << 24) - 1;
  std::int32_t at = 0;
  for (std::int32_t round = 0; round < 4000; ++round) {
    for (int i = 0; i < lumen::detail::NormalBlock::size; ++i) {
      // the ends, the middles of the circle's quarters and what lies around them, and a scatter over all
      const std::int32_t edge = ((at / 8) % 9) * (1 << 21) + at % 8 - 4;
      block.high[i] = round < 20
                          ? std::clamp(edge, 0, last)
                          : static_cast<std::int32_t>((static_cast<std::uint32_t>(at) * 2654435761U) >> 8);
      block.low[i] = round < 20
                         ? std::clamp(edge, 0, last)
                         : static_cast<std::int32_t>((static_cast<std::uint32_t>(at) * 40503U * 77777U) >> 8);
      ++at;
    }
    block();
    for (int i = 0; i < lumen::detail::NormalBlock::size; ++i) {
      const double u = (static_cast<float>(block.high[i]) + 0.5F) / 16777216.0;
      const double angle = block.low[i] / 16777216.0 * 2.0 * std::numbers::pi;
      const double radius = std::sqrt(-2.0 * std::log(u));
      DOCTEST_REQUIRE(std::abs(block.cosines[i] - radius * std::cos(angle)) <= 3e-6);
      DOCTEST_REQUIRE(std::abs(block.sines[i] - radius * std::sin(angle)) <= 3e-6);
    }
  }
}
