// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/baseline/inpaint.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include <lumen/baseline/random.hpp>
#include <lumen/core/concepts.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

/// The linear equations of one plane and one region, written down and solved densely.
Tensor solved(const Tensor& plane, const Tensor& labels, std::int64_t label) {
  const std::int64_t rows = plane.size(0), columns = plane.size(1), size = rows * columns;
  const Tensor values = plane.reshape({size}), inside = labels.reshape({size}).eq(label);
  Tensor left = at::eye(size, at::kDouble), right = values.clone();
  for (std::int64_t i = 0; i < size; ++i) {
    if (!inside[i].item<bool>()) continue;
    std::vector<std::int64_t> next;
    if (i % columns > 0) next.push_back(i - 1);
    if (i % columns < columns - 1) next.push_back(i + 1);
    if (i >= columns) next.push_back(i - columns);
    if (i + columns < size) next.push_back(i + columns);
    right[i] = 0.0;
    for (const std::int64_t j : next) left[i][j] -= 1.0 / static_cast<double>(next.size());
  }
  return at::matmul(at::inverse(left), right.unsqueeze(1)).reshape({rows, columns});
}

}  // namespace

static_assert(lumen::Baseline<decltype(baseline::Inpaint{[](const Tensor& x) { return x; }})>);

DOCTEST_TEST_CASE("each region solves its own equations, in every sample and channel") {
  const Tensor x = nets::random({2, 2, 7, 9}, 800);
  const Tensor labels = (nets::random({2, 1, 7, 9}, 801) * 1.2).round().to(at::kLong);
  const Tensor filled = baseline::harmonic_filling(x, labels);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t c = 0; c < 2; ++c)
      for (std::int64_t l = labels.min().item<std::int64_t>(); l <= labels.max().item<std::int64_t>(); ++l) {
        const Tensor inside = labels[n][0].eq(l);
        const Tensor expected = solved(x[n][c], labels[n][0], l);
        DOCTEST_CHECK(all_close(filled[n][c].masked_select(inside), expected.masked_select(inside), 1e-7));
      }
  DOCTEST_CHECK(max_error(baseline::harmonic_filling(x.narrow(0, 1, 1), labels.narrow(0, 1, 1)),
                          filled.narrow(0, 1, 1)) < 1e-7);
}

DOCTEST_TEST_CASE("a plane is continued exactly, a maximum stays at the rim, one region is the mean") {
  const Tensor slope = at::arange(40, at::kDouble).reshape({1, 1, 1, 40}).expand({1, 1, 30, 40}) +
                       at::arange(30, at::kDouble).reshape({1, 1, 30, 1}) * 2;
  Tensor labels = at::arange(1200, at::kLong).reshape({1, 1, 30, 40});
  labels.narrow(2, 5, 20).narrow(3, 8, 25).fill_(-1);
  const Tensor inside = labels.eq(-1);
  DOCTEST_CHECK(
      all_close(baseline::harmonic_filling(slope.masked_fill(inside, 99), labels).masked_select(inside),
                slope.masked_select(inside), 1e-5));
  const Tensor x = nets::random({1, 1, 30, 40}, 802);
  const Tensor filled = baseline::harmonic_filling(x, labels).masked_select(inside);
  DOCTEST_CHECK((filled.max() < x.max()).item<bool>());
  DOCTEST_CHECK((filled.min() > x.min()).item<bool>());
  const Tensor same = at::zeros({1, 1, 1, 1}, at::kLong).expand({1, 1, 30, 40});
  DOCTEST_CHECK(all_close(baseline::harmonic_filling(x, same), x.mean().expand_as(x), 1e-12));
  DOCTEST_CHECK((baseline::Inpaint{[&](const Tensor&) { return labels; }}(x.to(at::kFloat)).scalar_type() ==
                 at::kFloat));
}

DOCTEST_TEST_CASE("a large region converges") {
  const Tensor x = nets::random({1, 1, 128, 128}, 803);
  const Tensor rows = at::arange(128).reshape({1, 1, 128, 1}),
               columns = at::arange(128).reshape({1, 1, 1, 128});
  const Tensor labels = rows.lt(100).logical_and(columns.gt(3)).to(at::kLong);
  const Tensor u = baseline::harmonic_filling(x, labels);
  // the mean of the neighbours, far inside
  const Tensor middle = u.narrow(2, 1, 97).narrow(3, 6, 120);
  const Tensor around = (u.narrow(2, 0, 97).narrow(3, 6, 120) + u.narrow(2, 2, 97).narrow(3, 6, 120) +
                         u.narrow(2, 1, 97).narrow(3, 5, 120) + u.narrow(2, 1, 97).narrow(3, 7, 120)) /
                        4;
  DOCTEST_CHECK(all_close(middle, around, 1e-6));
}

DOCTEST_TEST_CASE("labels that do not fit are refused") {
  const Tensor x = nets::random({2, 1, 6, 6}, 804);
  const auto said = [&](const Tensor& labels) {
    return message_of([&] { (void)baseline::harmonic_filling(x, labels); });
  };
  DOCTEST_CHECK(holds(said({}), "undefined"));
  DOCTEST_CHECK(holds(said(at::zeros({2, 1, 6, 6})), "Float"));
  DOCTEST_CHECK(holds(said(at::zeros({1, 1, 6, 5}, at::kLong)), "[1, 1, 6, 5]"));
}

DOCTEST_TEST_CASE("permuted pixels keep their channels together, and are another order for each draw") {
  const Tensor first = at::arange(35, at::kDouble).reshape({1, 1, 5, 7}),
               x = at::cat({first, first * 10 + 1}, 1);
  at::Generator a = lumen::generator(1, 0, 0), b = lumen::generator(1, 0, 0), c = lumen::generator(1, 0, 1);
  const baseline::Permuted permuted{};
  const Tensor y = permuted(x, a);
  DOCTEST_CHECK((y.sizes() == x.sizes()));
  DOCTEST_CHECK(all_close(y.select(1, 1), y.select(1, 0) * 10 + 1, 0.0));
  DOCTEST_CHECK(std::get<0>(y.select(1, 0).reshape({-1}).sort()).equal(first.reshape({-1})));
  DOCTEST_CHECK(y.equal(permuted(x, b)));
  DOCTEST_CHECK(!y.equal(permuted(x, c)));
  DOCTEST_CHECK(!y.equal(x));
  at::Generator d = lumen::generator(2, 0, 0);
  const Tensor row = permuted(first.reshape({1, 35}), d);
  DOCTEST_CHECK(std::get<0>(row.sort(1)).equal(first.reshape({1, 35})));
}
