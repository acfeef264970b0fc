// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/target/slice.hpp>

#include <doctest/doctest.h>

#include <lumen/target/any.hpp>

#include "support/message.hpp"

namespace target = lumen::target;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("a slice is the sum over a box, whole where nothing is said") {
  const Tensor output = at::arange(2 * 3 * 4, at::kDouble).reshape({2, 3, 4});
  DOCTEST_CHECK(target::Slice{}(output).equal(output.sum({1, 2})));
  DOCTEST_CHECK(target::Slice{{{1, 2}}}(output).equal(output.select(1, 1).sum(1)));
  const Tensor expected = output.select(1, 2).select(1, 1) + output.select(1, 2).select(1, 3);
  DOCTEST_CHECK(target::Slice{{{2}, {.from = 1, .to = 4, .step = 2}}}(output).equal(expected));
  DOCTEST_CHECK(target::Slice{{}}(output.select(2, 0).select(1, 0)).equal(output.select(2, 0).select(1, 0)));
  DOCTEST_CHECK(lumen::AnyTarget(target::Slice{}).row_wise());
}

DOCTEST_TEST_CASE("a slice that is not there is refused") {
  const Tensor output = at::zeros({2, 3});
  const auto message = [&](const target::Slice& slice) { return message_of([&] { (void)slice(output); }); };
  DOCTEST_CHECK(holds(message({{{0, 4}}}), "from 0 to 4 step 1 is no range of dimension 1"));
  DOCTEST_CHECK(holds(message({{{2, 2}}}), "is no range"));
  DOCTEST_CHECK(holds(message({{{-1, 2}}}), "is no range"));
  DOCTEST_CHECK(holds(message({{{.from = 0, .to = 2, .step = 0}}}), "is no range"));
  DOCTEST_CHECK(holds(message({{{}, {}}}), "2 ranges, an output of shape [2, 3] takes at most 1"));
}
