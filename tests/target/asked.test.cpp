// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/target/asked.hpp>

#include <doctest/doctest.h>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>

#include "support/nets.hpp"

using lumen::AnyTarget;
using lumen::Tensor;
using lumen::testing::nets::random;
namespace target = lumen::target;

DOCTEST_TEST_CASE("every question goes through whoever asks, also of rows and once frozen") {
  const Tensor dense = random({3, 2, 4, 5}, 1), index = at::tensor({2, 0, 2}, at::kLong);
  std::int64_t asked = 0;
  const target::Ask twice = [&](const AnyTarget& of, const Tensor& output) {
    ++asked;
    return of(output) * 2;
  };
  const target::ClassRegion region{.channel = 1};
  const AnyTarget put = target::asked(region, twice);
  DOCTEST_CHECK(at::equal(put(dense), region(dense) * 2));
  DOCTEST_CHECK(put.row_wise());

  const Tensor other = random({3, 2, 4, 5}, 2);
  const AnyTarget frozen = put.freeze(dense);
  DOCTEST_CHECK(at::equal(frozen(other), region.freeze(dense)(other) * 2));
  DOCTEST_CHECK(!at::equal(frozen(other), put(other)));
  DOCTEST_CHECK(
      at::equal(frozen.rows(index, 3)(other.index_select(0, index)), frozen(other).index_select(0, index)));
  DOCTEST_CHECK(asked == 6);

  DOCTEST_CHECK(!target::asked(region, twice, true).row_wise());
  const auto whole = [](const Tensor& output) { return output.flatten(1).sum(1); };
  DOCTEST_CHECK(!target::asked(AnyTarget(whole), twice).row_wise());
}

DOCTEST_TEST_CASE("freezing leaves no graph and asks nothing") {
  std::int64_t asked = 0;
  const auto count = [&](const AnyTarget& of, const Tensor& output) { return ++asked, of(output); };
  struct Marked {
    Tensor value;
    Tensor operator()(const Tensor& output) const { return output.select(1, 0) * value; }
    [[nodiscard]] Marked freeze(const Tensor& output) const { return {output.select(1, 1) * 1.0}; }
  };
  const Tensor output = random({2, 2}, 3).requires_grad_(true);
  const Tensor fixed =
      target::asked(Marked{at::ones({2}, at::kDouble)}, count).freeze(output)(output.detach());
  DOCTEST_CHECK(!fixed.requires_grad());
  DOCTEST_CHECK(asked == 1);
}
