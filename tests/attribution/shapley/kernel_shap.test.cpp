// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/shapley/kernel_shap.hpp>

#include <doctest/doctest.h>

#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/games.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace games = lumen::testing::games;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::KernelShap;
using lumen::ShapleyValues;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("with all coalitions it gives the Shapley values, of odd and even numbers of features") {
  for (const std::int64_t m : {1, 2, 3, 6, 7}) {
    const nets::Smooth net(m);
    const Tensor x = nets::random({2, m}, 941), absent = nets::random({2, m}, 942);
    const auto exact = ShapleyValues{.baseline = baseline::Given{absent}}(
        net, x, lm::Targets{target::Class{0}, target::Class{2}});
    const KernelShap method{.baseline = baseline::Given{absent},
                            .samples = std::max<std::int64_t>((1 << m) - 2, 1)};
    const auto why = method(net, x, lm::Targets{target::Class{0}, target::Class{2}});
    for (std::size_t t = 0; t < 2; ++t) {
      DOCTEST_CHECK(all_close(why[t].map, exact[t].map, 1e-10));
      DOCTEST_CHECK(why[t].standard_error.abs().max().item<double>() == 0.0);
      DOCTEST_CHECK(why[t].completeness_error.abs().max().item<double>() < 1e-12);
    }
    DOCTEST_CHECK(why[0].forward_passes == 1 << m);
    if (m == 7) {
      const auto one_less =
          KernelShap{.baseline = baseline::Given{absent}, .samples = 125}(net, x, target::Class{0});
      DOCTEST_CHECK(max_error(one_less.map, exact[0].map) > 1e-9);
    }
  }
}

DOCTEST_TEST_CASE("the weighted regression of the same coalitions, solved another way") {
  const nets::Smooth net(9);
  const Tensor x = nets::random({1, 9}, 943);
  const auto why = KernelShap{.samples = 60, .seed = 3}(net, x, target::Class{1});
  std::vector<double> weights;
  const lm::detail::CoalitionPlan plan(9, 60);
  const Tensor all = plan.enumerated(weights);
  DOCTEST_CHECK(all.size(0) == 18);  // the sizes 1 and 8
  DOCTEST_CHECK(plan.random_pairs() == 21);
  const Tensor z = at::cat({all, plan.random(3, 0, 21)}).to(at::kDouble);
  weights.insert(weights.end(), 42, plan.rest() / 42);
  const Tensor w = at::tensor(weights, at::kDouble);
  const Tensor none = net(at::zeros_like(x)).select(1, 1), v = net(x * z).select(1, 1) - none;
  const Tensor change = net(x).select(1, 1) - none;
  // Lagrange's conditions as one system
  const Tensor system = at::zeros({10, 10}, at::kDouble), right = at::zeros({10}, at::kDouble);
  system.narrow(0, 0, 9).narrow(1, 0, 9).copy_(at::matmul(z.t() * w, z));
  system.narrow(0, 0, 9).narrow(1, 9, 1).fill_(1);
  system.narrow(0, 9, 1).narrow(1, 0, 9).fill_(1);
  right.narrow(0, 0, 9).copy_(at::matmul(z.t() * w, v));
  right[9].copy_(change[0]);
  DOCTEST_CHECK(all_close(why.map[0], at::linalg_solve(system, right).narrow(0, 0, 9), 1e-10));
  // the weights of all coalitions together are those of all sizes: sum over k of (m - 1) / (k (m - k))
  double mass = 0;
  for (int k = 1; k < 9; ++k) mass += 8.0 / (k * (9 - k));
  DOCTEST_CHECK(w.sum().item<double>() == doctest::Approx(mass).epsilon(1e-12));
}

DOCTEST_TEST_CASE("the values lie within the reported errors, which are those of 200 seeds") {
  const nets::Smooth net(10);
  const auto game = [&](const Tensor& p) { return net(p).select(1, 0) + games::gloves(p); };
  const Tensor x = games::everybody(10);
  const Tensor exact = ShapleyValues{}(game, x, target::Output{}).map;
  for (const std::int64_t samples : {140, 400}) {
    Tensor inside = at::zeros({10}, at::kDouble), spread = inside.clone(), told = inside.clone();
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const auto why = KernelShap{.samples = samples, .seed = seed}(game, x, target::Output{});
      const Tensor away = (why.map - exact)[0].abs();
      inside += away.le(why.standard_error[0] * 1.96).to(at::kDouble) / 200;
      spread += away.square() / 200;
      told += why.standard_error[0].square() / 200;
    }
    DOCTEST_MESSAGE(samples, " samples: inside ", inside.mean().item<double>(), ", told / spread ",
                    (told.sum() / spread.sum()).item<double>());
    DOCTEST_CHECK(inside.min().item<double>() >= 0.88);
    DOCTEST_CHECK(inside.mean().item<double>() >= 0.92);
    DOCTEST_CHECK((told.sum() / spread.sum()).item<double>() == doctest::Approx(1.0).epsilon(0.3));
  }
}

DOCTEST_TEST_CASE(
    "draws do not depend on company or chunks; a tolerance is kept, by all coalitions if need be") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 944);
  const Tensor blocks = at::arange(64, at::kLong).reshape({1, 1, 8, 8}).div(6, "floor");
  KernelShap method{.groups = {blocks}, .samples = 100, .seed = 4};
  const auto why = method(net, x, lm::Targets{target::Class{0}, target::Class{1}});
  KernelShap small = method;
  small.run.memory = 1;
  const auto again = small(net, x.narrow(0, 1, 1), target::Class{1});
  DOCTEST_CHECK(all_close(again.map[0], why[1].map[1], 1e-10));
  DOCTEST_CHECK(all_close(again.standard_error[0], why[1].standard_error[1], 1e-10));
  DOCTEST_CHECK(why[0].forward_passes <= 102);

  const Tensor exact = ShapleyValues{.groups = {blocks}}(net, x, target::Class{0}).map;
  method.tolerance = 0.5 * why[0].standard_error.max().item<double>();
  const auto close = method(net, x, target::Class{0});
  DOCTEST_CHECK(close.standard_error.max().item<double>() <= method.tolerance);
  DOCTEST_CHECK((close.map - exact).abs().max().item<double>() <= 5 * method.tolerance);
  method.tolerance = 1e-12;
  const auto all = method(net, x, target::Class{0});
  DOCTEST_CHECK(all_close(all.map, exact, 1e-10));
  DOCTEST_CHECK(all.forward_passes == 2048);
}

DOCTEST_TEST_CASE("too few coalitions and options that make no sense are refused") {
  const nets::Linear net(50);
  const Tensor x = nets::random({1, 50}, 945);
  const auto message = [&](const KernelShap<>& method) {
    return message_of([&] { (void)method(net, x, target::Class{0}); });
  };
  DOCTEST_CHECK(holds(message({.samples = 25}), "do not determine the values of 50 features"));
  DOCTEST_CHECK(holds(message({.samples = 0}), "samples is 0"));
  DOCTEST_CHECK(holds(message({.tolerance = -1.0}), "tolerance"));
  // of an additive model any coalitions that determine the values give them
  DOCTEST_CHECK(
      all_close(KernelShap{.samples = 120}(net, x, target::Class{0}).map, x * net.weights[0], 1e-10));
}
