// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/net/seeded.hpp>

#include <stdexcept>

#include <torch/nn/modules/linear.h>

#include <doctest/doctest.h>

using lumen::Tensor;
using lumen::net::GeneratorLoan;
using lumen::net::seeded;

DOCTEST_TEST_CASE(
    "seeded: weights depend on the seed alone, the global generator goes on as if nothing happened") {
  const auto make = [] { return torch::nn::Linear(3, 4); };
  const auto weights = [&](std::uint64_t seed) { return seeded(seed, make)->weight.detach(); };
  Tensor expected;
  {
    GeneratorLoan loan;
    loan.seed(99);
    expected = at::rand({5});
  }
  GeneratorLoan loan;
  loan.seed(99);
  const Tensor one = weights(1);
  static_cast<void>(weights(2));
  DOCTEST_CHECK(at::equal(at::rand({5}), expected));
  DOCTEST_CHECK(at::equal(one, weights(1)));
  DOCTEST_CHECK(!at::equal(one, weights(2)));
}

DOCTEST_TEST_CASE("GeneratorLoan: the state comes back after an exception too") {
  const Tensor before = at::detail::getDefaultCPUGenerator().get_state();
  const auto fails = []() -> int {
    static_cast<void>(at::rand({7}));
    throw std::runtime_error("no network");
  };
  DOCTEST_CHECK_THROWS_AS(static_cast<void>(seeded(3, fails)), std::runtime_error);
  DOCTEST_CHECK(at::equal(before, at::detail::getDefaultCPUGenerator().get_state()));
}
