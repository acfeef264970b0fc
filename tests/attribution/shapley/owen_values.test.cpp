// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/shapley/owen_values.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/games.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace games = lumen::testing::games;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace perturb = lumen::perturb;
namespace target = lumen::target;
using lumen::OwenValues;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

/// The definition: the mean over all orders that the tree allows.
template <class Score>
Tensor owen(const Score& score, const perturb::Partition& tree, const Tensor& x) {
  using Orders = std::vector<std::vector<std::int64_t>>;
  const std::function<Orders(std::int64_t)> orders_of = [&](std::int64_t node) -> Orders {
    if (node < tree.count) return {{node}};
    Orders all;
    const auto [a, b] = tree.merges[static_cast<std::size_t>(node - tree.count)];
    for (const auto& first : orders_of(a)) {
      for (const auto& second : orders_of(b)) {
        all.push_back(first);
        all.back().insert(all.back().end(), second.begin(), second.end());
        all.push_back(second);
        all.back().insert(all.back().end(), first.begin(), first.end());
      }
    }
    return all;
  };
  const Orders orders = orders_of(2 * tree.count - 2);
  const Tensor sum = at::zeros({tree.count}, at::kDouble);
  for (const auto& order : orders) {
    Tensor at = at::zeros_like(x);
    double before = score(at).template item<double>();
    for (const std::int64_t player : order) {
      at.select(1, player).copy_(x.select(1, player));
      const double after = score(at).template item<double>();
      sum[player] += after - before;
      before = after;
    }
  }
  return sum / static_cast<double>(orders.size());
}

}  // namespace

DOCTEST_TEST_CASE("the mean over all orders that the tree allows; sums, and nothing for what does nothing") {
  const nets::Smooth net(5);
  const Tensor x = nets::random({2, 5}, 961);
  const perturb::Partition tree{5, {{{4, 0}, {1, 2}, {5, 3}, {6, 7}}}};
  const auto why = OwenValues{.tree = tree}(net, x, lm::Targets{target::Class{0}, target::Class{1}});
  for (std::int64_t s = 0; s < 2; ++s) {
    const auto score = [&](const Tensor& at) { return net(at)[0][1]; };
    DOCTEST_CHECK(all_close(why[1].map[s], owen(score, tree, x.narrow(0, s, 1)), 1e-12));
  }
  DOCTEST_CHECK(why[0].completeness_error.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(!why[0].standard_error.defined());
  const Tensor shapley = lm::ShapleyValues{}(net, x, target::Class{1}).map;
  DOCTEST_CHECK(max_error(why[1].map, shapley) > 1e-4);
  // of two features all orders are allowed
  const nets::Smooth two(2);
  const Tensor pair = nets::random({1, 2}, 962);
  DOCTEST_CHECK(all_close(OwenValues{}(two, pair, target::Class{0}).map,
                          lm::ShapleyValues{}(two, pair, target::Class{0}).map, 1e-13));
}

DOCTEST_TEST_CASE("features as x' makes them leave the tree, for each sample by itself") {
  const nets::Smooth net(6);
  Tensor x = nets::random({2, 6}, 963);
  x[0][1] = 0;
  x[0][5] = 0;
  const auto why = OwenValues{}(net, x, target::Class{1});
  const auto score = [&](const Tensor& at) { return net(at)[0][1]; };
  const perturb::Partition tree = perturb::balanced(perturb::Groups({}, {x}), 1);
  for (std::int64_t s = 0; s < 2; ++s)
    DOCTEST_CHECK(all_close(why.map[s], owen(score, tree, x.narrow(0, s, 1)), 1e-12));
  DOCTEST_CHECK(why.map[0][1].item<double>() == 0.0);
}

DOCTEST_TEST_CASE("sampled orders agree with the exact values within their errors, over 200 seeds") {
  const nets::Smooth net(7);
  const Tensor x = nets::random({1, 7}, 964);
  const Tensor exact = OwenValues{}(net, x, target::Class{0}).map;
  double inside = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto why = OwenValues{.samples = 20, .seed = seed}(net, x, target::Class{0});
    inside +=
        (why.map - exact).abs().le(why.standard_error * 2.09 + 1e-12).to(at::kDouble).mean().item<double>() /
        200;
  }
  DOCTEST_CHECK(inside >= 0.92);
}

DOCTEST_TEST_CASE("the balanced tree halves along the longest side, and parts first") {
  const Tensor image = at::zeros({1, 1, 4, 8}, at::kDouble), other = at::zeros({1, 2}, at::kDouble);
  const Tensor row = at::arange(4, at::kLong).reshape({1, 1, 4, 1}).div(2, "floor"),
               column = at::arange(8, at::kLong).reshape({1, 1, 1, 8}).div(2, "floor");
  const Tensor cells = row * 4 + column;  // 2 x 4
  const perturb::Groups groups({cells, at::tensor({8, 9}, at::kLong).reshape({1, 2})}, {image, other});
  const perturb::Partition tree = perturb::balanced(groups, 2);
  tree.check(10);
  const auto leaves = lm::detail::leaves_of(tree);
  const auto holds_node = [&](std::vector<std::int64_t> some) {
    return std::any_of(leaves.begin(), leaves.end(), [&](auto each) {
      std::sort(each.begin(), each.end());
      return each == some;
    });
  };
  DOCTEST_CHECK(holds_node({8, 9}));
  DOCTEST_CHECK(holds_node({0, 1, 2, 3, 4, 5, 6, 7}));
  const perturb::Groups alone({cells}, {image});
  const auto own = lm::detail::leaves_of(perturb::balanced(alone, 1));
  const auto has = [&](std::vector<std::int64_t> some) {
    return std::any_of(own.begin(), own.end(), [&](auto each) {
      std::sort(each.begin(), each.end());
      return each == some;
    });
  };
  DOCTEST_CHECK(has({0, 1, 4, 5}));
  DOCTEST_CHECK(has({2, 3, 6, 7}));
  DOCTEST_CHECK(lm::detail::contexts_of(perturb::balanced(alone, 1)) == 64);
}

DOCTEST_TEST_CASE("trees that are none and too many features are refused") {
  const nets::Linear net(200);
  const Tensor x = nets::random({1, 200}, 965);
  const auto message = [&](const OwenValues<>& method) {
    return message_of([&] { (void)method(net, x, target::Class{0}); });
  };
  DOCTEST_CHECK(holds(message({}), "200 features on this tree could take"));
  DOCTEST_CHECK(holds(message({.tree = {3, {{{0, 1}, {2, 3}}}}}), "no tree over 200 regions"));
  DOCTEST_CHECK(holds(message({.samples = -1}), "samples is -1"));
  DOCTEST_CHECK(holds(message({.tolerance = 0.1}), "samples is 0"));
  const nets::Linear three(3);
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)OwenValues{.tree = {3, {{{0, 1}, {1, 2}}}}}(three, x.narrow(1, 0, 3),
                                                                          target::Class{0});
                      }),
                      "no tree"));
  DOCTEST_CHECK(all_close(OwenValues{.samples = 2}(net, x, target::Class{0}).map, x * net.weights[0], 1e-10));
}
