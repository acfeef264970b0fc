// SPDX-License-Identifier: BSD-3-Clause
// Which regions go together: each once, no more than may, and hardly dearer than each by itself.
#include <lumen/perturb/detail/grouping.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/perturb/windows.hpp>
#include <lumen/target/element.hpp>

#include "support/nets.hpp"

namespace lm = lumen;
namespace perturb = lumen::perturb;
using lumen::Box;
using lumen::Tensor;
using lumen::Tensors;
using perturb::detail::Grouping;
using perturb::detail::Layout;
using perturb::detail::Network;
using perturb::detail::Reach;

namespace {

const Tensor first = lm::testing::nets::weight({64, 1, 3, 3}, 1),
             next = lm::testing::nets::weight({64, 64, 3, 3}, 2);

/// Five 3 x 3 convolutions: a window reaches five places further on each side, fewer at a border.
Tensor deep(const Tensor& x) {
  Tensor y = at::relu(at::conv2d(x, first, {}, 1, 1));
  for (int i = 0; i < 4; ++i) y = at::relu(at::conv2d(y, next, {}, 1, 1));
  return y.mean({2, 3});
}

/// The regions of an input of 40 x 40 and all that they reach.
struct Scene {
  Tensor x = lm::testing::nets::random({1, 1, 40, 40}, 3);
  lm::engine::Function function = [](const Tensors& given) { return deep(given.front()); };
  Tensors parts{x};
  perturb::Recorded recorded = perturb::at_input(function, parts)();
  Network network{recorded, lm::whole({1, 64})};
  perturb::Windows windows{{{4, 4}}, {{2, 2}}, parts};
  std::vector<Reach> reaches;

  Scene() {
    for (std::int64_t i = 0; i < windows.count(); ++i)
      reaches.push_back(perturb::detail::reach_of(network, recorded.from, {windows.box(0, i)}));
  }
  /// What all regions cost when they go together so, in units of the network's.
  [[nodiscard]] double cost(const std::vector<Grouping::List>& lists) const {
    double total = 0.0;
    for (const Grouping::List& list : lists) {
      std::vector<Reach> some;
      for (const std::size_t i : list) some.push_back(reaches[i]);
      total += Layout(network, recorded.from, some, {}).cost() * static_cast<double>(list.size());
    }
    return total;
  }
  /// Lists of so many, in order.
  [[nodiscard]] std::vector<Grouping::List> in_order(std::size_t many) const {
    std::vector<Grouping::List> lists;
    for (std::size_t i = 0; i < reaches.size(); ++i) {
      if (i % many == 0) lists.emplace_back();
      lists.back().push_back(i);
    }
    return lists;
  }
};

}  // namespace

DOCTEST_TEST_CASE("each region goes once, with no more than may go together") {
  const Scene scene;
  for (const std::size_t most : {1UL, 7UL, 32UL, 1000UL}) {
    DOCTEST_CAPTURE(most);
    const auto lists = Grouping(scene.network, scene.reaches).chunks(most);
    std::vector<std::size_t> all;
    for (const Grouping::List& list : lists) {
      DOCTEST_CHECK_FALSE(list.empty());
      DOCTEST_CHECK(list.size() <= most);
      all.insert(all.end(), list.begin(), list.end());
    }
    std::sort(all.begin(), all.end());
    DOCTEST_REQUIRE(all.size() == scene.reaches.size());
    for (std::size_t i = 0; i < all.size(); ++i) DOCTEST_CHECK(all[i] == i);
  }
  DOCTEST_CHECK(Grouping(scene.network, {}).chunks(8).empty());
  const auto one = Grouping(scene.network, {scene.reaches.front()}).chunks(8);
  DOCTEST_CHECK(one == std::vector<Grouping::List>{{0}});
}

DOCTEST_TEST_CASE(
    "regions at a border go by themselves: hardly dearer than one by one, cheaper than in order") {
  const Scene scene;
  const double alone = scene.cost(scene.in_order(1)), order = scene.cost(scene.in_order(32)),
               found = scene.cost(Grouping(scene.network, scene.reaches).chunks(32));
  DOCTEST_CAPTURE(order / alone);
  DOCTEST_CAPTURE(found / alone);
  DOCTEST_CHECK(found >= alone * (1 - 1e-12));
  DOCTEST_CHECK(order > 1.08 * alone);  // else this shows nothing
  DOCTEST_CHECK(found < 1.06 * alone);
}

DOCTEST_TEST_CASE("a method's answer counts what its chunks cost") {
  const Scene scene;
  lm::Occlusion<> method{.window = {{4, 4}}, .stride = {{2, 2}}};
  method.run.passes = lm::Passes::Incremental;
  const auto why = method([](const Tensor& x) { return deep(x); }, scene.x, lm::target::Class{.index = 5});
  DOCTEST_REQUIRE(why.execution.incremental);
  const double alone = scene.cost(scene.in_order(1)) / scene.network.full_cost();
  DOCTEST_CHECK(why.execution.full_passes >= alone * (1 - 1e-9));
  DOCTEST_CHECK(why.execution.full_passes < 1.06 * alone);
  DOCTEST_CHECK(why.execution.full_passes < scene.cost(scene.in_order(32)) / scene.network.full_cost());
}
