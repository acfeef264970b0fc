// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/target/element.hpp>

#include <doctest/doctest.h>

#include "support/nets.hpp"

using lumen::Error;
using lumen::Target;
using lumen::Tensor;
using lumen::testing::nets::random;
namespace target = lumen::target;

namespace {

static_assert(lumen::detail::RowWise<target::Output> && lumen::detail::RowWise<target::Class>);
static_assert(lumen::detail::RowWise<target::Classes> && lumen::detail::RowWise<target::Element> &&
              lumen::detail::RowWise<target::Elements>);
static_assert(lumen::detail::RowWise<target::Pixel> && !lumen::detail::Freezable<target::Pixel>);

const Tensor scores = random({4, 3}, 1);
const Tensor dense = random({4, 3, 5, 6}, 2);

double at_index(const Tensor& tensor, std::initializer_list<std::int64_t> index) {
  Tensor one = tensor;
  for (const std::int64_t i : index) one = one[i];
  return one.item<double>();
}

/// The rows that `index` lists, asked as rows and picked from the whole.
template <Target T>
void check_rows(const T& question, const Tensor& output) {
  for (const std::vector<std::int64_t>& list :
       {std::vector<std::int64_t>{2}, {3, 0, 0, 2}, {0, 1, 2, 3, 0, 1, 2, 3}}) {
    const Tensor index = at::tensor(list, at::kLong);
    DOCTEST_CHECK(at::equal(question.rows(index)(output.index_select(0, index)),
                            question(output).index_select(0, index)));
  }
}

}  // namespace

DOCTEST_TEST_CASE("Output takes [N] and [N, 1], and refuses more") {
  const Tensor one = scores.select(1, 0);
  DOCTEST_CHECK(at::equal(target::Output{}(one), one));
  DOCTEST_CHECK(at::equal(target::Output{}(one.unsqueeze(1)), one));
  DOCTEST_CHECK(at::equal(target::Output{}(one.reshape({4, 1, 1, 1})), one));
  check_rows(target::Output{}, one);
  DOCTEST_CHECK_THROWS_WITH_AS((void)target::Output{}(scores),
                               doctest::Contains("one value a sample, the model gave [4, 3]"), Error);
}

DOCTEST_TEST_CASE("Class is one column") {
  for (std::int64_t c = 0; c < 3; ++c) {
    const Tensor picked = target::Class{.index = c}(scores);
    DOCTEST_REQUIRE(picked.sizes() == at::IntArrayRef{4});
    for (std::int64_t i = 0; i < 4; ++i) DOCTEST_CHECK(at_index(picked, {i}) == at_index(scores, {i, c}));
  }
  check_rows(target::Class{.index = 2}, scores);
  DOCTEST_CHECK_THROWS_WITH_AS(
      (void)target::Class{.index = 3}(scores),
      doctest::Contains("class 3 is out of range for an output of shape [4, 3]; expected 0 to 2"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)target::Class{.index = -1}(scores),
                               doctest::Contains("class -1 is out of range"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)target::Class{}(dense),
                               doctest::Contains("for a dense output use target::Pixel"), Error);
}

DOCTEST_TEST_CASE("Classes is each sample's own column") {
  const target::Classes own{at::tensor({2, 0, 1, 2}, at::kLong)};
  const Tensor picked = own(scores);
  const std::int64_t columns[] = {2, 0, 1, 2};
  for (std::int64_t i = 0; i < 4; ++i)
    DOCTEST_CHECK(at_index(picked, {i}) == at_index(scores, {i, columns[i]}));
  check_rows(own, scores);
  using target::Classes;
  DOCTEST_CHECK_THROWS_WITH_AS((void)Classes{at::tensor({0, 1}, at::kLong)}(scores),
                               doctest::Contains("holds 2 classes, one a sample, but the output is [4, 3]"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Classes{at::tensor({0, 1, 3, 0}, at::kLong)}(scores),
                               doctest::Contains("class 3 is out"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Classes{at::tensor({0, 1, -2, 0}, at::kLong)}(scores),
                               doctest::Contains("class -2 is out"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Classes{at::zeros({4})}(scores),
                               doctest::Contains("must be an int64 tensor [N]"), Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Classes{}(scores), doctest::Contains("must be an int64 tensor [N]"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)Classes{at::zeros({4}, at::kLong)}(dense),
                               doctest::Contains("expected [4, C]"), Error);
}

DOCTEST_TEST_CASE("Element is one element of any rank") {
  const target::Element element{{2, 4, 1}};
  const Tensor picked = element(dense);
  for (std::int64_t i = 0; i < 4; ++i) DOCTEST_CHECK(at_index(picked, {i}) == at_index(dense, {i, 2, 4, 1}));
  check_rows(element, dense);
  DOCTEST_CHECK(at::equal(target::Element{}(scores.select(1, 0)), scores.select(1, 0)));
  DOCTEST_CHECK_THROWS_WITH_AS((void)target::Element{{1}}(dense),
                               doctest::Contains("has 1 indices, an output of shape [4, 3, 5, 6] needs 3"),
                               Error);
  DOCTEST_CHECK_THROWS_WITH_AS((void)(target::Element{{2, 5, 1}}(dense)),
                               doctest::Contains("index 5 is out of range"), Error);
}

DOCTEST_TEST_CASE("Elements is each sample's own element of any rank") {
  const Tensor places = at::tensor({2, 4, 1, 0, 0, 0, 1, 3, 5, 2, 0, 2}, at::kLong).reshape({4, 3});
  const target::Elements own{places};
  const Tensor picked = own(dense);
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto at = [&](std::int64_t d) { return places[i][d].item<std::int64_t>(); };
    DOCTEST_CHECK(at_index(picked, {i}) == at_index(dense, {i, at(0), at(1), at(2)}));
  }
  check_rows(own, dense);
  const Tensor columns = at::tensor({2, 0, 1, 2}, at::kLong);
  DOCTEST_CHECK(at::equal(target::Elements{columns.unsqueeze(1)}(scores), target::Classes{columns}(scores)));
  const auto refused = [](const Tensor& index, const char* why) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)target::Elements{index}(dense), doctest::Contains(why), Error);
  };
  refused(Tensor(), "index is undefined");
  refused(places.narrow(0, 0, 3), "needs int64 [4, 3]");
  refused(places.narrow(1, 0, 2), "needs int64 [4, 3]");
  refused(places.to(at::kInt), "needs int64 [4, 3]");
  refused(places + 1, "out of range");
  refused(places - 1, "index -1 is out of range");
}

DOCTEST_TEST_CASE("Pixel is one pixel of one channel: row first, then column") {
  const target::Pixel pixel{.channel = 1, .row = 4, .column = 5};
  const Tensor picked = pixel(dense);
  for (std::int64_t i = 0; i < 4; ++i) DOCTEST_CHECK(at_index(picked, {i}) == at_index(dense, {i, 1, 4, 5}));
  check_rows(pixel, dense);
  const auto refused = [](const target::Pixel& wrong, const Tensor& output, const char* why) {
    DOCTEST_CHECK_THROWS_WITH_AS((void)wrong(output), doctest::Contains(why), Error);
  };
  refused({.channel = 3}, dense, "channel 3 is out of range");
  refused({.row = 5}, dense, "row 5 is out of range for an output of shape [4, 3, 5, 6]; expected 0 to 4");
  refused({.row = -1}, dense, "row -1 is out of range");
  refused({.column = 6}, dense, "column 6 is out of range");
  refused({}, scores, "Pixel needs a dense output [N, C, H, W], the model gave [4, 3]");
}
