// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/baseline/constant.hpp>

#include <doctest/doctest.h>

#include <lumen/core/concepts.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

using lumen::Error;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::nets::random;
namespace baseline = lumen::baseline;

static_assert(lumen::Baseline<baseline::Zero> && lumen::Baseline<baseline::Constant>);
static_assert(lumen::Baseline<baseline::ChannelMean> && lumen::Baseline<baseline::Given>);
static_assert(!lumen::detail::RandomBaseline<baseline::Given>);

namespace {

const Tensor x = random({4, 3, 5, 6}, 1);

}  // namespace

DOCTEST_TEST_CASE("zero and constant, of the input's shape and type") {
  DOCTEST_CHECK(at::equal(baseline::Zero{}(x), at::zeros({4, 3, 5, 6}, at::kDouble)));
  DOCTEST_CHECK(at::equal(baseline::Constant{.value = 0.25}(x), at::full({4, 3, 5, 6}, 0.25, at::kDouble)));
  const Tensor half = x.to(at::kHalf);
  DOCTEST_CHECK((baseline::Constant{.value = 0.25}(half).scalar_type() == at::kHalf));
}

DOCTEST_TEST_CASE("the channel mean is each sample's and each channel's own") {
  for (const Tensor& input : {x, x.transpose(2, 3), x.select(3, 0), x.to(at::kFloat)}) {
    const Tensor mean = baseline::ChannelMean{}(input);
    DOCTEST_REQUIRE(mean.sizes() == input.sizes());
    DOCTEST_CHECK((mean.scalar_type() == input.scalar_type()));
    for (std::int64_t n = 0; n < 4; ++n) {
      for (std::int64_t c = 0; c < 3; ++c) {
        DOCTEST_CHECK(all_close(mean[n][c], at::full_like(input[n][c], input[n][c].mean().item()), 1e-6));
      }
    }
  }
  DOCTEST_CHECK_THROWS_WITH_AS((void)baseline::ChannelMean{}(random({4, 3}, 2)),
                               doctest::Contains("spatial dimensions, got [4, 3]"), Error);
}

DOCTEST_TEST_CASE("a given tensor is used as it is, for every sample, or for copies of the batch") {
  const Tensor whole = random({4, 3, 5, 6}, 3), one = random({1, 3, 5, 6}, 4);
  DOCTEST_CHECK(at::equal(baseline::Given{whole}(x), whole));
  DOCTEST_CHECK(at::equal(baseline::Given{one}(x), one.expand_as(x)));
  DOCTEST_CHECK(at::equal(baseline::Given{whole}(x.repeat({3, 1, 1, 1})), at::cat({whole, whole, whole})));
  DOCTEST_CHECK((baseline::Given{whole.to(at::kFloat)}(x).scalar_type() == at::kDouble));
}

DOCTEST_TEST_CASE(
    "a given tensor broadcasts as tensors do: a value a channel, a row, a number, without the batch") {
  const Tensor channels = random({3, 1, 1}, 5), row = random({6}, 6), sample = random({3, 5, 6}, 7);
  for (const Tensor& value :
       {channels, row, sample, random({1, 3, 1, 1}, 8), random({4, 1, 1, 1}, 9), random({}, 10)}) {
    DOCTEST_CAPTURE(value.sizes());
    DOCTEST_CHECK(at::equal(baseline::Given{value}(x), value.expand_as(x)));
  }
  const Tensor flat = random({4, 3}, 11), means = random({3}, 12);
  DOCTEST_CHECK(at::equal(baseline::Given{means}(flat), means.expand_as(flat)));
  DOCTEST_CHECK(at::equal(baseline::Given{means}(flat.narrow(0, 0, 1)), means.unsqueeze(0)));
  const Tensor two = random({2, 1}, 13);  // of a batch of two, handed in as two copies
  DOCTEST_CHECK(at::equal(baseline::Given{two}(flat), two.repeat({2, 1}).expand_as(flat)));
}

DOCTEST_TEST_CASE("a given tensor that does not fit is refused") {
  const auto refused = [](const Tensor& value, const char* why) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)baseline::Given{value}(x), doctest::Contains(why), Error);
  };
  refused(random({4, 3, 6, 5}, 1),
          "baseline::Given is [4, 3, 6, 5], expected what broadcasts to the input's shape [4, 3, 5, 6]");
  refused(random({3, 3, 5, 6}, 1), "baseline::Given is [3, 3, 5, 6], expected");
  refused(random({8, 3, 5, 6}, 1), "baseline::Given is [8, 3, 5, 6], expected");
  refused(random({3}, 1), "baseline::Given is [3], expected");
  refused(random({2, 5, 6}, 1), "baseline::Given is [2, 5, 6], expected");
  refused(random({1, 4, 3, 5, 6}, 1), "baseline::Given is [1, 4, 3, 5, 6], expected");
  refused(at::zeros({0, 3, 5, 6}), "baseline::Given is [0, 3, 5, 6], expected");
  refused(Tensor(), "baseline::Given is undefined, expected");
}
