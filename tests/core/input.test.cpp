// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/input.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <string>

#include <lumen/core/concepts.hpp>
#include <lumen/engine/input.hpp>

#include "support/nets.hpp"

using lumen::Error;
using lumen::Input;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::nets::random;
using Two = std::tuple<Tensor, Tensor>;

namespace {

//! [input]
static_assert(lumen::Input<lumen::Tensor>);
static_assert(lumen::Input<std::tuple<lumen::Tensor, lumen::Tensor>>);
//! [input]
static_assert(Input<std::tuple<Tensor>>);
static_assert(Input<Tensors>);
static_assert(!Input<std::tuple<>> && !Input<std::array<Tensor, 2>> && !Input<std::pair<Tensor, Tensor>>);
static_assert(!Input<std::tuple<Tensor, int>> && !Input<Tensor&> && !Input<const Tensor> && !Input<float>);

void refused(const Tensors& x, const char* why) {
  DOCTEST_CHECK_THROWS_WITH_AS(lumen::engine::check_input(x), doctest::Contains(why), Error);
}

}  // namespace

DOCTEST_TEST_CASE("parts_of and input_of are each other's inverse, and share memory") {
  const Tensor a = random({2, 3}, 1), b = random({2, 1, 4, 4}, 2);
  DOCTEST_CHECK(lumen::parts_of(a).size() == 1);
  DOCTEST_CHECK(lumen::parts_of(a)[0].is_same(a));
  DOCTEST_CHECK(lumen::input_of<Tensor>({a}).is_same(a));
  const Tensors parts = lumen::parts_of(Two{a, b});
  DOCTEST_REQUIRE(parts.size() == 2);
  DOCTEST_CHECK(parts[1].is_same(b));
  const auto [first, second] = lumen::input_of<Two>(parts);
  DOCTEST_CHECK(first.is_same(a));
  DOCTEST_CHECK(second.is_same(b));
}

DOCTEST_TEST_CASE(
    "sound inputs pass: every floating point type, strided, one-dimensional, requiring gradients") {
  using lumen::engine::check_input;
  namespace engine = lumen::engine;
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    DOCTEST_CHECK_NOTHROW(engine::check_input({at::zeros({2, 3}, type)}));
  }
  DOCTEST_CHECK_NOTHROW(engine::check_input({random({4, 3}, 1).t()}));
  DOCTEST_CHECK_NOTHROW(engine::check_input({at::zeros({1, 3}).expand({5, 3})}));
  DOCTEST_CHECK_NOTHROW(engine::check_input({at::zeros({5})}));
  DOCTEST_CHECK_NOTHROW(engine::check_input({at::zeros({5, 2}).requires_grad_(true)}));
  DOCTEST_CHECK_NOTHROW(engine::check_input({at::zeros({5, 2}), at::zeros({5, 1, 3, 3})}));
}

DOCTEST_TEST_CASE("an input that cannot be explained is refused, and named") {
  refused({Tensor()}, "the input is an undefined tensor");
  refused({at::zeros({2, 3}, at::kLong)}, "the input is of type Long, expected floating point: convert it");
  refused({at::zeros({2, 3}, at::kByte)}, "the input is of type Byte");
  refused({at::zeros({2, 3}, at::kComplexFloat)}, "expected floating point");
  refused({at::zeros({}, at::kFloat)}, "the input has shape [], expected [N, ...]");
  refused({at::zeros({0, 3})}, "the input has shape [0, 3]");
  refused({at::zeros({2, 0})}, "the input has shape [2, 0]");
  refused({at::zeros({2, 3}), at::zeros({3, 3})}, "input 1 has batch size 3 but input 0 has 2");
  refused({at::zeros({2, 3}), Tensor()}, "input 1 is an undefined tensor");
  refused({at::full({1, 1}, std::nan(""))}, "the input holds NaN or infinite values");
  refused({at::zeros({1}), at::full({1, 1}, HUGE_VAL)}, "input 1 holds NaN or infinite values");
}

DOCTEST_TEST_CASE("rows are picked from every part alike, and values of rows broadcast") {
  const Tensor a = random({3, 2}, 3), b = random({3, 1, 2, 2}, 4), index = at::tensor({2, 2, 0}, at::kLong);
  const Tensors rows = lumen::engine::select_rows({a, b}, index);
  DOCTEST_CHECK(at::equal(rows[0], at::stack({a[2], a[2], a[0]})));
  DOCTEST_CHECK(at::equal(rows[1], at::stack({b[2], b[2], b[0]})));
  const Tensor values = at::tensor({1., 2., 3.}, at::kDouble);
  const Tensor product = b * lumen::engine::per_row(values, b);
  for (std::int64_t i = 0; i < 3; ++i)
    DOCTEST_CHECK(at::equal(product[i], b[i] * static_cast<double>(i + 1)));
}

DOCTEST_TEST_CASE("a list of tensors is an input whose number of parts is known at run time") {
  const Tensors x{at::ones({2, 3}), at::full({2, 3}, 2.0)};
  DOCTEST_CHECK(lumen::parts_of(x).size() == 2);
  DOCTEST_CHECK(lumen::input_of<Tensors>(x)[1].is_same(x[1]));
  const auto product = [](const Tensors& parts) { return (parts[0] * parts[1]).sum(1, true); };
  static_assert(lumen::Model<decltype(product), Tensors>);
  DOCTEST_CHECK(lumen::forward(product, x).sizes() == at::IntArrayRef({2, 1}));
  refused({}, "the list of inputs is empty");
}
