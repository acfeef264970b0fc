// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/shapley/shapley_sampling.hpp>

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
using lumen::ShapleySampling;
using lumen::ShapleyValues;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("the values lie within the reported errors, which are those of 200 seeds") {
  const nets::Smooth net(8);
  const auto game = [&](const Tensor& p) { return net(p).select(1, 0) + games::gloves(p); };
  const Tensor x = games::everybody(8);
  const Tensor exact = ShapleyValues{}(game, x, target::Output{}).map;
  for (const bool antithetic : {false, true}) {
    Tensor inside = at::zeros({8}, at::kDouble), spread = at::zeros({8}, at::kDouble), told = spread.clone();
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const auto why =
          ShapleySampling{.samples = 40, .antithetic = antithetic, .seed = seed}(game, x, target::Output{});
      const Tensor away = (why.map - exact)[0].abs();
      inside += away.le(why.standard_error[0] * 1.96 + 1e-12).to(at::kDouble) / 200;
      spread += away.square() / 200;
      told += why.standard_error[0].square() / 200;
      DOCTEST_CHECK(why.completeness_error.abs().item<double>() < 1e-12);
    }
    // of 200 seeds 95 % are expected inside, give or take 1.5 %
    DOCTEST_CHECK(inside.min().item<double>() >= 0.88);
    DOCTEST_CHECK(inside.mean().item<double>() >= 0.92);
    DOCTEST_CHECK((told / spread).sub(1).abs().max().item<double>() < 0.4);
  }
}

DOCTEST_TEST_CASE("a draw depends on seed and number alone, not on company, chunks or the number of draws") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 931);
  const Tensor blocks = at::arange(64, at::kLong).reshape({1, 1, 8, 8}).div(8, "floor");
  const ShapleySampling method{.groups = {blocks}, .samples = 6, .seed = 4};
  const auto why = method(net, x, lm::Targets{target::Class{0}, target::Class{1}});
  ShapleySampling small = method;
  small.run.memory = 1;
  const auto again = small(net, x.narrow(0, 1, 1), target::Class{1});
  DOCTEST_CHECK(all_close(again.map[0], why[1].map[1], 1e-12));
  DOCTEST_CHECK(all_close(again.standard_error[0], why[1].standard_error[1], 1e-12));
  // the model is asked once for what orders have in common: their ends
  std::int64_t rows = 0;
  const auto counting = [&](const Tensor& at) {
    rows += at.size(0);
    return net(at);
  };
  const auto counted = method(counting, x, target::Class{0});
  DOCTEST_CHECK(rows == 3 * counted.forward_passes + 1);  // one of them alone, too
  DOCTEST_CHECK(rows <= 3 * (6 * 2 * 7 + 2) + 1);
  ShapleySampling other = method;
  other.seed = 5;
  DOCTEST_CHECK(max_error(other(net, x, target::Class{0}).map, why[0].map) > 1e-6);
}

DOCTEST_TEST_CASE("an order by itself is what each adds to those before") {
  const nets::Smooth net;
  const Tensor x = nets::random({1, 6}, 932), absent = nets::random({1, 6}, 933);
  const ShapleySampling method{
      .baseline = baseline::Given{absent}, .samples = 1, .antithetic = false, .seed = 9};
  const auto why = method(net, x, target::Class{1});
  Tensor at = absent.clone();
  double before = net(at)[0][1].item<double>();
  for (const std::int64_t player : lm::detail::KeyedStream(9, 0).shuffled(6, 6)) {
    at.select(1, player).copy_(x.select(1, player));
    const double after = net(at)[0][1].item<double>();
    DOCTEST_CHECK(why.map[0][player].item<double>() == doctest::Approx(after - before).epsilon(1e-12));
    before = after;
  }
  DOCTEST_CHECK(!why.standard_error.defined());
  // all orders of two players are one draw with its reverse
  const auto two =
      ShapleySampling{.samples = 2}(net, at::constant_pad_nd(x.narrow(1, 0, 2), {0, 4}), target::Class{1});
  const auto exact = ShapleyValues{}(net, at::constant_pad_nd(x.narrow(1, 0, 2), {0, 4}), target::Class{1});
  DOCTEST_CHECK(all_close(two.map, exact.map, 1e-13));
  DOCTEST_CHECK(two.standard_error.abs().max().item<double>() < 1e-15);
}

DOCTEST_TEST_CASE("with a tolerance each sample takes as many draws as it needs") {
  const nets::Smooth net(8);
  Tensor x = nets::random({3, 8}, 934);
  x[0] *= 0.05;
  ShapleySampling method{.samples = 4, .antithetic = false, .tolerance = 0.01, .seed = 1};
  const auto why = method(net, x, target::Class{0});
  DOCTEST_CHECK(why.standard_error.max().item<double>() <= 0.01);
  const Tensor exact = ShapleyValues{}(net, x, target::Class{0}).map;
  DOCTEST_CHECK((why.map - exact).abs().max().item<double>() <= 0.05);
  for (std::int64_t s = 0; s < 3; ++s) {
    const auto alone = method(net, x.narrow(0, s, 1), target::Class{0});
    DOCTEST_CHECK(all_close(alone.map[0], why.map[s], 1e-12));
  }
  const auto cheap = method(net, x.narrow(0, 0, 1), target::Class{0}),
             dear = method(net, x.narrow(0, 1, 1), target::Class{0});
  DOCTEST_CHECK(cheap.forward_passes < dear.forward_passes);
  method.max_samples = 5;
  DOCTEST_CHECK(method(net, x, target::Class{0}).standard_error.max().item<double>() > 0.01);
}

DOCTEST_TEST_CASE("options that make no sense are refused") {
  const nets::Linear net;
  const Tensor x = nets::random({1, 5}, 935);
  const auto message = [&](const ShapleySampling<>& method) {
    return message_of([&] { (void)method(net, x, target::Class{0}); });
  };
  DOCTEST_CHECK(holds(message({.samples = 0}), "samples is 0"));
  DOCTEST_CHECK(holds(message({.tolerance = -1.0}), "tolerance"));
  DOCTEST_CHECK(holds(message({.samples = 10, .tolerance = 0.1, .max_samples = 9}), "max_samples 9"));
  const nets::Linear wide(5000);
  DOCTEST_CHECK(holds(
      message_of([&] { (void)ShapleySampling{}(wide, nets::random({1, 5000}, 936), target::Class{0}); }),
      "larger groups"));
}
