// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/segment/cells.hpp>

#include <limits>

#include <doctest/doctest.h>

#include <lumen/perturb/segment/grid.hpp>

#include "support/message.hpp"

namespace perturb = lumen::perturb;
using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;

DOCTEST_TEST_CASE(
    "as many cells whatever the size, of nearly equal sides; each place by itself where there are fewer") {
  const Tensor image = perturb::Cells{.count = 3}(at::zeros({2, 3, 10, 7}));
  DOCTEST_CHECK(image.sizes() == at::IntArrayRef({1, 1, 10, 7}));
  DOCTEST_CHECK(image.max().item<std::int64_t>() == 8);
  DOCTEST_CHECK(image[0][0][4][2].item<std::int64_t>() == 3);
  const Tensor sizes = at::bincount(image.reshape({-1}));
  DOCTEST_CHECK(sizes.min().item<std::int64_t>() == 6);
  DOCTEST_CHECK(sizes.max().item<std::int64_t>() == 12);
  DOCTEST_CHECK(perturb::Cells{.count = 9}(at::zeros({1, 1, 2, 3})).max().item<std::int64_t>() == 5);
  const Tensor row = perturb::Cells{.count = 2}(at::zeros({2, 10}));
  DOCTEST_CHECK(row.sizes() == at::IntArrayRef({1, 10}));
  DOCTEST_CHECK(row.max().item<std::int64_t>() == 3);
  DOCTEST_CHECK(perturb::Cells{}(at::zeros({2, 10})).equal(at::arange(10, at::kLong).unsqueeze(0)));
  DOCTEST_CHECK(holds(message_of([&] { (void)perturb::Cells{.count = 0}(image); }), "count is 0"));
}

DOCTEST_TEST_CASE("more cells, or larger ones, than any image has places") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const Tensor image = at::zeros({2, 3, 4, 5}), row = at::zeros({2, 10});
  for (const std::int64_t count : {most, most / 2, std::int64_t{1} << 32}) {
    DOCTEST_CAPTURE(count);
    DOCTEST_CHECK(
        perturb::Cells{.count = count}(image).equal(at::arange(20, at::kLong).reshape({1, 1, 4, 5})));
    DOCTEST_CHECK(perturb::Cells{.count = count}(row).equal(at::arange(10, at::kLong).unsqueeze(0)));
    DOCTEST_CHECK(perturb::Grid{.side = count}(image).equal(at::zeros({1, 1, 4, 5}, at::kLong)));
    DOCTEST_CHECK(perturb::Grid{.side = count}(row).equal(at::zeros({1, 10}, at::kLong)));
  }
}
