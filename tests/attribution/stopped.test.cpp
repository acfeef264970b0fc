// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/mask/hsic.hpp>
#include <lumen/attribution/mask/rise.hpp>
#include <lumen/attribution/mask/sobol.hpp>
#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/attribution/shapley/owen_values.hpp>
#include <lumen/attribution/shapley/shapley_sampling.hpp>
#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/attribution/surrogate/lime.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace lm = lumen;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::target::Class;
using lumen::testing::all_close;

namespace {

/// The same, one row a pass, stopped after so many passes.
template <class Method>
Method stopped_after(Method method, std::int64_t passes) {
  method.run.memory = 1;
  method.run.stop = [passes, asked = std::make_shared<std::int64_t>(0)] { return ++*asked >= passes; };
  return method;
}

/// How many draws give this map; 0: no number does.
template <class Method, class Net>
std::int64_t draws_of(Method method, const Net& net, const Tensor& x, const Tensor& map, std::int64_t from) {
  const std::int64_t most = method.samples;
  for (method.samples = from; method.samples <= most; ++method.samples) {
    if (all_close(method(net, x, Class{0}).map, map, 1e-10)) return method.samples;
  }
  return 0;
}

/// What a stopped method of draws gives: the map of as many draws as were complete, marked.
template <class Method>
void check_stopped(const Method& method, std::int64_t passes, std::int64_t expected, std::int64_t from = 1) {
  const nets::Smooth net(24);  // so many features that draws hardly have a coalition in common
  const Tensor x = nets::random({1, 24}, 71);
  const auto part = stopped_after(method, passes)(net, x, Class{0});
  DOCTEST_CHECK(part.done > 0.0);
  DOCTEST_CHECK(part.done < 1.0);
  DOCTEST_REQUIRE(part.known.defined());
  DOCTEST_CHECK(!part.known.any().template item<bool>());
  DOCTEST_CHECK(draws_of(method, net, x, part.map, from) == expected);
  const auto whole = method(net, x, Class{0});
  DOCTEST_CHECK(whole.done == 1.0);
  DOCTEST_CHECK(!whole.known.defined());
}

}  // namespace

DOCTEST_TEST_CASE("a stopped method of draws gives the map of the draws that are complete") {
  // of the game's own passes each but the last is followed by the question, F(x') among the first
  check_stopped(lm::ShapleySampling{.samples = 12}, 200, 4);  // 46 coalitions a draw of 24 features
  check_stopped(lm::OwenValues{.samples = 12}, 150, 4);       // of which orders on a tree have some in common
  check_stopped(lm::Hsic{.samples = 64}, 20, 20, 4);
  check_stopped(lm::Lime{.samples = 64}, 50, 50, 40);
  check_stopped(lm::Sobol{.design = 4, .samples = 6}, 270, 2);  // 104 points a draw
}

DOCTEST_TEST_CASE("a stopped RISE has looked at all samples with as many masks") {
  const nets::Smooth net(6);
  const Tensor x = nets::random({3, 6}, 72);
  const lm::Rise method{.samples = 40, .grid = 3};
  const auto part = stopped_after(method, 3 * 10 + 4)(net, x, Class{0});
  const std::int64_t draws = draws_of(method, net, x, part.map, 1);
  DOCTEST_CHECK(draws > 5);
  DOCTEST_CHECK(draws < 12);
  DOCTEST_CHECK(part.done == doctest::Approx(static_cast<double>(draws) / 40));
  DOCTEST_CHECK(part.forward_passes == draws + 2);
  DOCTEST_CHECK(!part.known.any().item<bool>());
  DOCTEST_CHECK(part.standard_error.defined());

  // with a tolerance, one sample after the other: those that were done are final
  lm::Rise close = method;
  close.tolerance = 0.5;
  const auto one_by_one = stopped_after(close, 60)(net, x, Class{0});
  DOCTEST_CHECK(one_by_one.done < 1.0);
  DOCTEST_CHECK(one_by_one.known[0].all().item<bool>());
  DOCTEST_CHECK(!one_by_one.known[2].any().item<bool>());
  DOCTEST_CHECK(one_by_one.map[2].abs().max().item<double>() == 0.0);
  DOCTEST_CHECK(all_close(one_by_one.map[0], close(net, x, Class{0}).map[0], 1e-10));
}

DOCTEST_TEST_CASE("a stopped KernelSHAP keeps its constraint, and says what it does not know") {
  const nets::Smooth net(9);
  const Tensor x = nets::random({1, 9}, 73);
  const lm::KernelShap method{.samples = 400};
  const auto exact = lm::ShapleyValues{}(net, x, Class{0});
  const auto part = stopped_after(method, 250)(net, x, Class{0});
  DOCTEST_CHECK(part.done > 0.6);  // coalitions that are drawn twice count, too
  DOCTEST_CHECK(part.done < 0.8);
  DOCTEST_CHECK(!part.known.any().item<bool>());
  DOCTEST_CHECK(part.completeness_error.abs().max().item<double>() < 1e-10);
  DOCTEST_REQUIRE(part.standard_error.defined());
  DOCTEST_CHECK(((part.map - exact.map).abs() <= 5 * part.standard_error + 1e-12).all().item<bool>());
  // too early for any estimate
  const auto nothing = stopped_after(method, 6)(net, x, Class{0});
  DOCTEST_CHECK(nothing.done < 0.05);
  DOCTEST_CHECK(nothing.map.abs().max().item<double>() == 0.0);
  DOCTEST_CHECK(!nothing.known.any().item<bool>());
}

DOCTEST_TEST_CASE("of exact values a stopped sample has none, and those that were done are final") {
  const nets::Smooth net(5);
  Tensor x = nets::random({2, 5}, 74);
  x[1][4] = 0;  // another game than the first sample's: one after the other
  const lm::ShapleyValues method{};
  const auto whole = method(net, x, Class{0});
  const auto part = stopped_after(method, 34)(net, x, Class{0});
  DOCTEST_CHECK(part.done < 1.0);
  const Tensor known = part.known.all(1);
  DOCTEST_CHECK(known.sum().item<std::int64_t>() == 1);
  const std::int64_t done = known[0].item<bool>() ? 0 : 1;
  DOCTEST_CHECK(all_close(part.map[done], whole.map[done], 1e-12));
  DOCTEST_CHECK(part.map[1 - done].abs().max().item<double>() == 0.0);
}

DOCTEST_TEST_CASE("methods of draws tell their progress as one piece of work, to its end") {
  const nets::Smooth net(6);
  const Tensor x = nets::random({2, 6}, 75);
  const auto check = [&](auto method) {
    std::vector<std::pair<std::int64_t, std::int64_t>> told;
    method.run.memory = 4096;
    method.run.progress = [&](std::string_view what, std::int64_t done, std::int64_t total) {
      if (what == "coalitions") told.emplace_back(done, total);
    };
    (void)method(net, x, Class{0});
    DOCTEST_REQUIRE(told.size() > 2);
    for (std::size_t i = 1; i < told.size(); ++i) {
      DOCTEST_CHECK(told[i].first >= told[i - 1].first);
      DOCTEST_CHECK(told[i].first <= told[i].second);
      DOCTEST_CHECK(told[i].second == told[0].second);
    }
    DOCTEST_CHECK(told.back().first == told.back().second);
  };
  check(lm::ShapleyValues{});
  check(lm::ShapleySampling{.samples = 12});
  check(lm::OwenValues{.samples = 12});
  check(lm::KernelShap{.samples = 40});
  check(lm::Lime{.samples = 64});
  check(lm::Hsic{.samples = 64});
  check(lm::Sobol{.design = 4, .samples = 6});
}
