// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/mask/sobol.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
using lumen::Sobol;
using lumen::Tensor;
using lumen::target::Class;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

const Tensor coefficients = at::tensor({1.0, -2.0, 0.5, 0.0, 3.0}, at::kDouble);

/// 5 + sum of c x.
Tensor additive(const Tensor& x) { return (x * coefficients).sum(1, true) + 5; }

/// x0 x1 + x2: with uniform m the variances are 7/144 and 1/12, of which x0 and x1 take part in the first.
Tensor product(const Tensor& x) { return (x.select(1, 0) * x.select(1, 1) + x.select(1, 2)).unsqueeze(1); }

}  // namespace

DOCTEST_TEST_CASE("on an additive model the total index is the share of the squared contributions") {
  const Tensor x = at::ones({1, 5}, at::kDouble);
  const auto why = Sobol{.design = 64, .samples = 8}(additive, x, Class{});
  const Tensor expected = coefficients.square() / coefficients.square().sum();
  DOCTEST_CHECK(all_close(why.map[0], expected, 0.03));
  DOCTEST_CHECK(((why.map[0] - expected).abs() <= 4.5 * why.standard_error[0] + 1e-12).all().item<bool>());
  DOCTEST_CHECK(why.map[0][3].item<double>() == 0);
  DOCTEST_CHECK(why.score.item<double>() == doctest::Approx(7.5));
  // x' is not 0: the contribution is c (x - x')
  const auto other = Sobol{.baseline = lumen::baseline::Constant{.value = 3.0}, .design = 64, .samples = 8}(
      additive, x, Class{});
  DOCTEST_CHECK(all_close(other.map, why.map, 1e-9));
}

DOCTEST_TEST_CASE("interactions count for all that take part in them") {
  const Tensor x = at::ones({1, 3}, at::kDouble);
  const auto why = Sobol{.design = 128, .samples = 16, .seed = 3}(product, x, Class{});
  // Var = E[m0^2] E[m1^2] - 1/16 + 1/12; E[Var_0] = E[m1^2] Var(m0) = 1/36
  const double total = 1.0 / 9 - 1.0 / 16 + 1.0 / 12;
  const Tensor expected = at::tensor({1.0 / 36 / total, 1.0 / 36 / total, 1.0 / 12 / total}, at::kDouble);
  DOCTEST_CHECK(all_close(why.map[0], expected, 0.01));
  DOCTEST_CHECK(((why.map[0] - expected).abs() <= 4.5 * why.standard_error[0]).all().item<bool>());
}

DOCTEST_TEST_CASE("the standard errors of Sobol cover the truth as often as they should") {
  const Tensor x = at::ones({1, 3}, at::kDouble);
  const double total = 1.0 / 9 - 1.0 / 16 + 1.0 / 12;
  const Tensor expected = at::tensor({1.0 / 36 / total, 1.0 / 36 / total, 1.0 / 12 / total}, at::kDouble);
  double inside = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto why = Sobol{.design = 16, .samples = 24, .seed = seed}(product, x, Class{});
    // the 97.5 % point of Student's t with 23 degrees of freedom
    inside += ((why.map[0] - expected).abs() <= 2.069 * why.standard_error[0]).sum().item<double>();
  }
  DOCTEST_CAPTURE(inside / 600);
  DOCTEST_CHECK(inside / 600 > 0.90);
  DOCTEST_CHECK(inside / 600 < 0.985);
}

DOCTEST_TEST_CASE("the sequence is better than chance: a smaller spread at the same cost") {
  // quasi-random points of one design against as many designs of two points, which are all but random
  const Tensor x = at::ones({1, 3}, at::kDouble);
  Tensor together = at::zeros({3}, at::kDouble), apart = at::zeros({3}, at::kDouble);
  const double total = 1.0 / 9 - 1.0 / 16 + 1.0 / 12;
  const Tensor expected = at::tensor({1.0 / 36 / total, 1.0 / 36 / total, 1.0 / 12 / total}, at::kDouble);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    together +=
        (Sobol{.design = 64, .samples = 2, .seed = seed}(product, x, Class{}).map[0] - expected).square();
    apart +=
        (Sobol{.design = 2, .samples = 64, .seed = seed}(product, x, Class{}).map[0] - expected).square();
  }

  DOCTEST_CHECK((together * 2 < apart).all().item<bool>());
}

DOCTEST_TEST_CASE("groups, budgets, tolerance and several targets of Sobol") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 3);
  const Tensor groups = at::arange(64, at::kLong).reshape({1, 1, 8, 8}).div(16, "floor");
  Sobol method{.groups = {groups}, .design = 8, .samples = 2};
  const auto why = method(net, x, lumen::Targets{Class{.index = 1}, Class{.index = 0}});
  DOCTEST_CHECK(why[0].map.sizes() == x.sizes());
  DOCTEST_CHECK(all_close(why[0].map[0][0][0], why[0].map[0][0][1], 0.0));
  DOCTEST_CHECK(why[0].map.min().item<double>() >= 0);
  DOCTEST_CHECK(why[0].forward_passes == 2 * 8 * 6 + 1);
  method.run.memory = 1;
  DOCTEST_CHECK(all_close(method(net, x, Class{.index = 0}).map, why[1].map, 1e-9));
  DOCTEST_CHECK(
      all_close(method(net, x.narrow(0, 1, 1), Class{.index = 0}).map, why[1].map.narrow(0, 1, 1), 1e-9));
  method.tolerance = 0.05;
  const auto precise = method(net, x, Class{.index = 1});
  DOCTEST_CHECK(precise.standard_error.max().item<double>() <= 0.05);
  DOCTEST_CHECK(precise.forward_passes > why[0].forward_passes);
}

DOCTEST_TEST_CASE("what Sobol cannot do is an Error") {
  const Tensor x = at::ones({1, 5}, at::kDouble);
  const auto error = [&](const Sobol<>& method, const Tensor& input) {
    return message_of([&] { (void)method([](const Tensor& v) { return v.sum(1, true); }, input, Class{}); });
  };
  DOCTEST_CHECK(holds(error({.design = 3}, x), "design is 3"));
  DOCTEST_CHECK(holds(error({.design = 1}, x), "design is 1"));
  DOCTEST_CHECK(holds(error({.samples = 0}, x), "samples is 0"));
  DOCTEST_CHECK(holds(error({.tolerance = std::nan("")}, x), "tolerance is nan"));
  DOCTEST_CHECK(holds(error({}, at::ones({1, 11000}, at::kDouble)), "make larger groups"));
  const auto constant = Sobol{}([](const Tensor& v) { return v.sum(1, true) * 0 + 1; }, x, Class{});
  DOCTEST_CHECK(constant.map.abs().max().item<double>() == 0);
}
