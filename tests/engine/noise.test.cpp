// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/noise.hpp>

#include <doctest/doctest.h>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace core = lumen::engine;
namespace nets = lumen::testing::nets;
using lumen::NoiseScale;
using lumen::Tensor;
using lumen::testing::all_close;

DOCTEST_TEST_CASE("deviations: of each sample's own range, or in the input's units") {
  const Tensor a = at::tensor({0., 4., -1., 1.}, at::kDouble).reshape({2, 1, 2});
  const Tensor b = at::tensor({3., 3.}, at::kDouble).reshape({2, 1});
  const auto relative = core::noise_deviations({a, b}, NoiseScale::OfRange, 0.5);
  DOCTEST_CHECK(at::equal(relative[0], at::tensor({2., 1.}, at::kDouble).reshape({2, 1, 1})));
  DOCTEST_CHECK(at::equal(relative[1], at::zeros({2, 1}, at::kDouble)));
  const auto absolute = core::noise_deviations({a, b}, NoiseScale::InputUnits, 0.5);
  DOCTEST_CHECK(at::equal(absolute[0], at::full({2, 1, 1}, 0.5, at::kDouble)));
  DOCTEST_CHECK(at::equal(absolute[1], at::full({2, 1}, 0.5, at::kDouble)));
}

DOCTEST_TEST_CASE("rows are draws of the samples, whichever are asked for together") {
  const std::vector<std::int64_t> numbers{4, 0, 9};
  const lumen::Tensors parts{nets::random({3, 2, 3}, 1), nets::random({3, 5}, 2)};
  const auto deviations = core::noise_deviations(parts, NoiseScale::OfRange, 0.2);
  const auto together = core::noisy_rows(parts, deviations, 7, numbers, 2, 7);
  for (std::size_t p = 0; p < parts.size(); ++p) {
    DOCTEST_REQUIRE(together[p].size(0) == 7);
    for (std::int64_t row = 2; row < 9; ++row) {
      const std::int64_t i = row % 3;
      const Tensor sample = parts[p].narrow(0, i, 1);
      const Tensor drawn =
          lumen::normal_rows(sample, lumen::mix(7, p), {numbers[static_cast<std::size_t>(i)]}, {row / 3});
      const Tensor noise = drawn * (sample.max() - sample.min()) * 0.2;
      DOCTEST_CHECK(all_close(together[p].narrow(0, row - 2, 1), sample + noise, 1e-14));
    }
  }
}

DOCTEST_TEST_CASE("rows are new tensors, also of one sample and without noise") {
  const Tensor x = nets::random({1, 4}, 3), before = x.clone();
  const auto rows = core::noisy_rows({x}, {at::zeros({1, 1}, at::kDouble)}, 0, {0}, 0, 1);
  DOCTEST_CHECK(at::equal(rows[0], x));
  rows[0].zero_();
  DOCTEST_CHECK(at::equal(x, before));
}
