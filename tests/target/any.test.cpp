// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/target/any.hpp>

#include <doctest/doctest.h>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/nets.hpp"

using lumen::AnyTarget;
using lumen::Error;
using lumen::Tensor;
using lumen::testing::nets::random;
namespace target = lumen::target;

namespace {

static_assert(lumen::Target<AnyTarget> && lumen::TargetOrTargets<lumen::Targets>);
static_assert(lumen::TargetOrTargets<target::Class> && !lumen::TargetOrTargets<int>);
static_assert(!lumen::TargetOrTargets<std::vector<target::Class>>);
static_assert(std::is_convertible_v<target::Pixel, AnyTarget> && !std::is_convertible_v<int, AnyTarget>);
static_assert(std::is_nothrow_move_constructible_v<AnyTarget> || std::is_copy_constructible_v<AnyTarget>);

const Tensor dense = random({3, 2, 4, 5}, 1);
const Tensor flat = random({3, 4}, 2);
const Tensor index = at::tensor({2, 0, 0, 1}, at::kLong);

template <class T>
void check_same(const T& question, const Tensor& output, bool row_wise, bool freezable) {
  const AnyTarget any = question;
  DOCTEST_CHECK(at::equal(any(output), question(output)));
  DOCTEST_CHECK(any.row_wise() == row_wise);
  DOCTEST_CHECK(any.freezable() == freezable);
  if (row_wise && !freezable) {
    DOCTEST_CHECK(at::equal(any.rows(index, 3)(output.index_select(0, index)),
                            question(output).index_select(0, index)));
  }
}

Tensor of_batch(const Tensor& output) { return output.select(1, 0) - output.select(1, 0).mean(); }

}  // namespace

DOCTEST_TEST_CASE("every target keeps its answer and its abilities") {
  check_same(target::Output{}, flat.select(1, 0), true, false);
  check_same(target::Class{.index = 3}, flat, true, false);
  check_same(target::Classes{at::tensor({1, 3, 0}, at::kLong)}, flat, true, false);
  check_same(target::Element{{1, 2, 3}}, dense, true, false);
  check_same(target::Elements{at::tensor({1, 2, 3, 0, 0, 1, 1, 3, 0}, at::kLong).reshape({3, 3})}, dense,
             true, false);
  check_same(target::Pixel{.channel = 1, .row = 3, .column = 4}, dense, true, false);
  check_same(target::Region{.mask = random({3, 4, 5}, 3) > 0}, dense, true, false);
  check_same(target::ClassRegion{.channel = 1}, dense, true, true);
  check_same(target::Softmax{target::ClassRegion{}}, dense, true, true);
  check_same(target::Margin{target::Class{.index = 1}, &of_batch}, flat, false, false);
  check_same(&of_batch, flat, false, false);
}

DOCTEST_TEST_CASE("freezing fixes what depends on the output, and leaves the rest alone") {
  const Tensor after = random({3, 2, 4, 5}, 4);
  const AnyTarget region = target::ClassRegion{.channel = 1};
  DOCTEST_CHECK(
      at::equal(region.freeze(dense)(after), target::ClassRegion{.channel = 1}.freeze(dense)(after)));
  DOCTEST_CHECK_FALSE(at::equal(region.freeze(dense)(after), region(after)));
  DOCTEST_CHECK_FALSE(region.freeze(dense).freezable());
  const AnyTarget pixel = target::Pixel{.row = 1};
  DOCTEST_CHECK(at::equal(pixel.freeze(dense)(after), pixel(after)));
}

DOCTEST_TEST_CASE("a functor of the whole batch is asked of each run of N rows") {
  const AnyTarget any = &of_batch;
  const Tensor a = random({3, 4}, 5), b = random({3, 4}, 6);
  const AnyTarget stacked = any.rows(at::arange(6).remainder(3), 3);
  DOCTEST_CHECK(at::equal(stacked(at::cat({a, b})), at::cat({of_batch(a), of_batch(b)})));
  DOCTEST_CHECK_FALSE(at::allclose(stacked(at::cat({a, b})), of_batch(at::cat({a, b}))));
  DOCTEST_CHECK(at::equal(any.rows(at::arange(3), 3)(a), of_batch(a)));
  // and rows of rows: two batches of three, twice
  const AnyTarget twice = stacked.rows(at::arange(12).remainder(6), 6);
  DOCTEST_CHECK(
      at::equal(twice(at::cat({a, b, b, a})), at::cat({of_batch(a), of_batch(b), of_batch(b), of_batch(a)})));
}

DOCTEST_TEST_CASE("anything but one score a sample is refused, by rows too") {
  const auto refused = [](const AnyTarget& wrong, const char* why) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)wrong(flat), doctest::Contains(why), Error);
    DOCTEST_CHECK_THROWS_WITH_AS((void)wrong.rows(at::arange(3), 3)(flat), doctest::Contains(why), Error);
    DOCTEST_CHECK_THROWS_WITH_AS((void)wrong.rows(at::arange(6).remainder(3), 3)(flat.repeat({2, 1})),
                                 doctest::Contains("expected one score for each of the"), Error);
  };
  refused([](const Tensor& output) { return output; },
          "the target gave [3, 4], expected one score for each of the 3 samples: [3]");
  refused([](const Tensor& output) { return output.sum(); }, "the target gave [], expected one score");
  refused([](const Tensor& output) { return output.sum(0); }, "the target gave [4], expected one score");
  refused([](const Tensor&) { return Tensor(); }, "the target gave an undefined tensor");
}

DOCTEST_TEST_CASE("copies are independent of the target they were made from") {
  target::Class question{.index = 0};
  const AnyTarget any = question;
  question.index = 2;
  const AnyTarget copy = any;  // NOLINT(performance-unnecessary-copy-initialization)
  DOCTEST_CHECK(at::equal(copy(flat), flat.select(1, 0)));
}
