// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/shapley/shapley_values.hpp>

#include <doctest/doctest.h>

#include <lumen/attribution/place/at_layer.hpp>
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
using lumen::ShapleyValues;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

DOCTEST_TEST_CASE("the definition over all orders, in any chunks, for several targets") {
  const nets::Smooth net;
  const Tensor x = nets::random({2, 6}, 921), absent = nets::random({2, 6}, 922);
  for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{5'000}, std::int64_t{1} << 30}) {
    ShapleyValues method{.baseline = baseline::Given{absent}};
    method.run.memory = bytes;
    const auto why = method(net, x, lm::Targets{target::Class{0}, target::Class{2}});
    for (std::int64_t s = 0; s < 2; ++s) {
      for (const std::int64_t c : {0, 2}) {
        const auto score = [&](const Tensor& at) { return net(at)[0][c]; };
        const Tensor expected = games::shapley(score, x.narrow(0, s, 1), absent.narrow(0, s, 1));
        DOCTEST_CHECK(all_close(why[c == 0 ? 0 : 1].map[s], expected, 1e-12));
      }
    }
    DOCTEST_CHECK(why[0].completeness_error.abs().max().item<double>() < 1e-12);
    DOCTEST_CHECK(why[0].forward_passes == 64);
  }
}

DOCTEST_TEST_CASE("a model that returns the worth of a coalition is a game") {
  //! [game]
  // player 0 has a left glove, players 1 and 2 have a right one each; a pair is worth 1
  const auto gloves = [](const Tensor& there) { return there.select(1, 0) * there.narrow(1, 1, 2).amax(1); };
  const Tensor everybody = at::ones({1, 3}, at::kDouble);
  const auto worth = lm::ShapleyValues{}(gloves, everybody, lm::target::Output{}).map;  // 2/3, 1/6, 1/6
  //! [game]
  DOCTEST_CHECK(all_close(worth[0], at::tensor({4.0, 1.0, 1.0}, at::kDouble) / 6, 1e-14));
}

DOCTEST_TEST_CASE("axioms on games with known values") {
  const auto values = [](const auto& game, const Tensor& x) {
    return ShapleyValues{}(game, x, target::Output{}).map[0];
  };
  const Tensor gloves = at::tensor({4.0, 1.0, 1.0}, at::kDouble) / 6;
  DOCTEST_CHECK(all_close(values(games::gloves, games::everybody(3)), gloves, 1e-14));
  // the one of weight 4 decides unless it comes first; the three others are alike; the last does nothing
  const games::Majority vote{at::tensor({4.0, 2.0, 1.0, 1.0, 0.0}, at::kDouble)};
  const Tensor votes = values(vote, games::everybody(5));
  DOCTEST_CHECK(all_close(votes, at::tensor({9.0, 1.0, 1.0, 1.0, 0.0}, at::kDouble) / 12, 1e-14));
  // linearity
  const auto both = [&](const Tensor& p) { return games::gloves(p) * 2.0 - vote(p); };
  const Tensor expected = 2 * at::cat({gloves, at::zeros({2}, at::kDouble)}) - votes;
  DOCTEST_CHECK(all_close(values(both, games::everybody(5)), expected, 1e-14));
}

DOCTEST_TEST_CASE("a feature as x' makes it costs nothing, for each sample by itself") {
  const nets::Smooth net(12);
  Tensor x = nets::random({2, 12}, 923);
  x[0].narrow(0, 4, 8).zero_();
  x[1].narrow(0, 0, 7).zero_();
  std::int64_t rows = 0;
  const auto counting = [&](const Tensor& at) {
    rows += at.size(0);
    return net(at);
  };
  const auto why = ShapleyValues{.max_features = 5}(counting, x, target::Class{1});
  DOCTEST_CHECK(rows == 16 + 32 + 1);  // one of them alone, too
  DOCTEST_CHECK(why.forward_passes == 32);
  for (std::int64_t s = 0; s < 2; ++s) {
    const auto alone = ShapleyValues{}(net, x.narrow(0, s, 1), target::Class{1});
    DOCTEST_CHECK(all_close(alone.map[0], why.map[s], 1e-13));
  }
  const auto part = [&](const Tensor& at) { return net(at::constant_pad_nd(at, {0, 8}))[0][1]; };
  DOCTEST_CHECK(all_close(
      why.map[0].narrow(0, 0, 4),
      games::shapley(part, x.narrow(0, 0, 1).narrow(1, 0, 4), at::zeros({1, 4}, at::kDouble)), 1e-12));
  DOCTEST_CHECK(why.map[0].narrow(0, 4, 8).abs().max().item<double>() == 0.0);
  const auto nothing = ShapleyValues{}(net, at::zeros_like(x), target::Class{1});
  DOCTEST_CHECK(nothing.map.abs().max().item<double>() == 0.0);
  DOCTEST_CHECK(nothing.forward_passes == 1);
}

DOCTEST_TEST_CASE("groups span inputs and differ between samples; at layers; whole-batch targets") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({2, 4}, 924), nets::random({2, 1, 4, 4}, 925)};
  const Tensor left = at::tensor({0, 7, 7, 2, 2, 0, 0, 7}, at::kLong).reshape({2, 4});
  const ShapleyValues method{.groups = {left, at::tensor(7, at::kLong).squeeze()}};
  const auto why = method(net, x, target::Class{0});
  const auto& [a, b] = x;
  for (std::int64_t s = 0; s < 2; ++s) {
    const auto score = [&, s](const Tensor& p) {  // p [1, 3]: of the groups 0, 2, 7
      const Tensor place = at::searchsorted(at::tensor({0, 2, 7}, at::kLong), left[s]);
      return net(a.narrow(0, s, 1) * p[0].index_select(0, place), b.narrow(0, s, 1) * p[0][2])[0][0];
    };
    const Tensor of_groups = games::shapley(score, games::everybody(3), at::zeros({1, 3}, at::kDouble));
    const Tensor place = at::searchsorted(at::tensor({0, 2, 7}, at::kLong), left[s]);
    DOCTEST_CHECK(all_close(std::get<0>(why.map)[s], of_groups.index_select(0, place), 1e-12));
    DOCTEST_CHECK(all_close(std::get<1>(why.map)[s], of_groups[2].expand({1, 4, 4}), 1e-12));
  }
  const auto whole = [](const Tensor& output) { return output.select(1, 0); };
  DOCTEST_CHECK(all_close(std::get<0>(method(net, x, whole).map), std::get<0>(why.map), 1e-12));

  const nets::ConvNet conv;
  const Tensor image = nets::random({2, 1, 8, 8}, 926);
  const auto at_layer =
      lm::AtLayer{.method = ShapleyValues{.groups = {at::arange(6, at::kLong).reshape({1, 6, 1, 1})}},
                  .layer = lm::layer::of(conv.conv2),
                  .baseline_of = lm::BaselineOf::Layer}(conv, image, target::Class{2});
  const Tensor first = at::max_pool2d(at::relu(at::conv2d(image, conv.conv1, conv.bias1, 1, 1)), 2);
  const Tensor h = at::conv2d(first, conv.conv2, conv.bias2, 1, 1);
  for (std::int64_t s = 0; s < 2; ++s) {
    const auto score = [&, s](const Tensor& p) {
      const Tensor pooled = at::avg_pool2d(at::relu(h.narrow(0, s, 1) * p.reshape({1, 6, 1, 1})), 2);
      return at::linear(at::relu(at::linear(pooled.flatten(1), conv.fc1)), conv.fc2)[0][2];
    };
    const Tensor expected = games::shapley(score, games::everybody(6), at::zeros({1, 6}, at::kDouble));
    DOCTEST_CHECK(all_close(at_layer.map[s], expected.reshape({6, 1, 1}).expand({6, 4, 4}), 1e-12));
  }
}

DOCTEST_TEST_CASE("too many features, bad groups and scores that are not finite are refused") {
  const nets::Linear net(20);
  const Tensor x = nets::random({1, 20}, 927);
  const auto message = [&](const ShapleyValues<>& method) {
    return message_of([&] { (void)method(net, x, target::Class{0}); });
  };
  DOCTEST_CHECK(holds(message({}), "20 features take 2^20"));
  DOCTEST_CHECK(holds(message({}), "KernelShap"));
  DOCTEST_CHECK(holds(message({.max_features = 30}), "expected 1 to 24"));
  DOCTEST_CHECK(holds(message({.groups = {at::zeros({1, 19}, at::kLong)}}), "mask of groups"));
  const auto bad = [](const Tensor& at) { return at.sum(1).reciprocal(); };
  DOCTEST_CHECK(holds(message_of([&] { (void)ShapleyValues{}(bad, x.narrow(1, 0, 3), target::Output{}); }),
                      "NaN or infinite"));
}
