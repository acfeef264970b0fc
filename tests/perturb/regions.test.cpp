// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/perturb/regions.hpp>

#include <limits>

#include <doctest/doctest.h>

#include <lumen/perturb/groups.hpp>
#include <lumen/perturb/partition.hpp>
#include <lumen/perturb/windows.hpp>

#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
using lumen::Box;
using lumen::Tensor;
using lumen::Tensors;

static_assert(perturb::Regions<perturb::Groups>);
static_assert(perturb::Regions<perturb::Windows>);
static_assert(!perturb::Regions<Tensor>);

namespace {

/// The smallest box of what `where` says, place by place.
template <perturb::Regions R>
void check(const R& regions, const Tensors& x) {
  const std::int64_t n = x.front().size(0);
  for (std::int64_t i = 0; i < regions.count(); ++i) {
    for (std::size_t part = 0; part < x.size(); ++part) {
      const Tensor which = at::full({n}, i, at::kLong);
      const Tensor places = regions.where(part, which, at::arange(n, at::kLong)).expand_as(x[part]).nonzero();
      Box expected(static_cast<std::size_t>(x[part].dim() - 1));
      for (std::int64_t p = 0; p < places.size(0); ++p) {
        for (std::size_t d = 0; d < expected.size(); ++d) {
          const auto at = places[p][static_cast<std::int64_t>(d) + 1].item<std::int64_t>();
          expected[d] = lumen::hull(expected[d], {at, at + 1});
        }
      }
      DOCTEST_CAPTURE(part);
      DOCTEST_CAPTURE(i);
      DOCTEST_CHECK((regions.box(part, i) == expected));
      std::int64_t volume = n;
      for (const lumen::Interval& each : expected) volume *= each.size();
      if (!lumen::empty(expected)) DOCTEST_CHECK(regions.solid(part, i) == (places.size(0) == volume));
    }
  }
}

}  // namespace

DOCTEST_TEST_CASE(
    "the box of a window is the smallest that holds it, at borders too, and empty in other parts") {
  const Tensors x{nets::random({2, 2, 7, 5}, 1), nets::random({2, 9}, 2)};
  check(perturb::Windows({{3, 2}, {4}}, {{2, 2}, {3}}, x), x);
  check(perturb::Windows({{1, 7, 5}, {9}}, {}, x), x);
}

DOCTEST_TEST_CASE("the box of a group is the smallest that holds it in all samples") {
  const Tensors x{nets::random({2, 2, 7, 5}, 3), nets::random({2, 6}, 4)};
  check(perturb::Groups({}, x), x);
  const Tensor scattered = at::arange(35, at::kLong).reshape({1, 1, 7, 5}).remainder(11) * 3 - 4;
  const Tensor blocks = at::arange(7, at::kLong).reshape({1, 1, 7, 1}).div(3, "floor");
  const Tensor words = at::tensor({-4, -4, 0, 90, 2, 2}, at::kLong).reshape({1, 6});
  check(perturb::Groups({scattered, words}, x), x);
  check(perturb::Groups({blocks, words}, x), x);
  check(perturb::Groups({at::cat({blocks, blocks.flip(2) * 2}), words}, x), x);  // each sample its own
  check(perturb::Groups({at::scalar_tensor(1, at::kLong), words}, x), x);
}

DOCTEST_TEST_CASE("a partition of more regions than there can be is refused before anything is made for it") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t count : {most, most / 2 + 1, std::int64_t{1} << 50, std::int64_t{0},
                                   std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    DOCTEST_CAPTURE(count);
    const perturb::Partition tree{.count = count, .merges = {{0, 1}}};
    for (const std::int64_t regions : {std::int64_t{2}, count}) {
      DOCTEST_CHECK(
          lumen::testing::holds(lumen::testing::message_of([&] { tree.check(regions); }), "is no tree"));
    }
  }
  perturb::Partition{.count = 2, .merges = {{0, 1}}}.check(2);
  perturb::Partition{.count = 1, .merges = {}}.check(1);
}
