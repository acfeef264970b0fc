// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/moments.hpp>

#include <doctest/doctest.h>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::engine::Moments;
using lumen::engine::samples_of;
using lumen::testing::all_close;

DOCTEST_TEST_CASE("moments over draws, whatever chunks the rows come in, one sample or several") {
  for (const std::int64_t n : {1, 3}) {
    const std::int64_t draws = 7;
    const Tensor rows = nets::random({draws * n, 2, 4}, 1) + 5.0;
    const Tensor of_samples = rows.unflatten(0, {draws, n});
    for (const std::int64_t chunk : {1, 2, 5, 100}) {
      Moments moments(n);
      for (std::int64_t first = 0; first < draws * n; first += chunk) {
        const std::int64_t count = std::min(chunk, draws * n - first);
        moments.add(first, samples_of(first, count, n), rows.narrow(0, first, count));
      }
      DOCTEST_CHECK(all_close(moments.mean(), of_samples.mean(0), 1e-13));
      DOCTEST_CHECK(all_close(moments.variance(), of_samples.var(0, false), 1e-13));
      DOCTEST_CHECK(all_close(moments.mean_square(), of_samples.square().mean(0), 1e-12));
      DOCTEST_CHECK(all_close(moments.standard_error(), (of_samples.var(0, true) / 7.0).sqrt(), 1e-12));
    }
  }
}

DOCTEST_TEST_CASE("small spreads of large values keep their digits, equal values have none") {
  const Tensor away = nets::random({50, 4}, 2) * 1e-3;
  Moments moments(1);
  moments.add(0, samples_of(0, 50, 1), (away + 1e6).to(at::kFloat));
  const Tensor seen = (away + 1e6).to(at::kFloat).to(at::kDouble);
  DOCTEST_CHECK((moments.variance().to(at::kDouble) - seen.var(0, false)).abs().max().item<double>() < 1e-9);
  Moments equal(2);
  equal.add(0, samples_of(0, 6, 2), nets::random({2, 3}, 3).repeat({3, 1}));
  DOCTEST_CHECK(equal.variance().abs().max().item<double>() == 0.0);
}

DOCTEST_TEST_CASE("one draw has no standard error, none has no mean; types are the values'") {
  Moments moments(1);
  DOCTEST_CHECK_FALSE(moments.mean().defined());
  moments.add(0, samples_of(0, 1, 1), at::ones({1, 3}));
  DOCTEST_CHECK_FALSE(moments.standard_error().defined());
  DOCTEST_CHECK((moments.mean().scalar_type() == at::kFloat));
  DOCTEST_CHECK((moments.wide_mean().scalar_type() == at::kDouble));
}
