// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/core/tensor.hpp>

#include <doctest/doctest.h>

#include <type_traits>

static_assert(std::is_same_v<lumen::Tensor, at::Tensor>, "not a type of its own");

DOCTEST_TEST_CASE("the door gives operators and their derivatives") {
  const lumen::Tensor x = at::full({2}, 3.0, at::kDouble).requires_grad_(true);
  const auto gradient = torch::autograd::grad({(x * x).sum()}, {x});
  DOCTEST_CHECK(at::equal(gradient.front(), at::full({2}, 6.0, at::kDouble)));
}
