// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/relevance/deep_lift_shap.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace nets = lumen::testing::nets;
namespace rule = lumen::rule;
namespace target = lumen::target;
using lumen::DeepLift;
using lumen::DeepLiftShap;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

static_assert(lumen::Method<DeepLiftShap<>>);

DOCTEST_TEST_CASE("the mean over a set of baselines, against DeepLIFT one by one") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 1), background = nets::random({4, 1, 8, 8}, 2);
  const target::Classes question{at::tensor({2, 0, 1}, at::kLong)};
  //! [deep_lift_shap]
  const auto method = lumen::DeepLiftShap{.baseline = lumen::baseline::Samples{.values = background}};
  //! [deep_lift_shap]
  const auto why = method(net, x, question);
  Tensors maps;
  for (std::int64_t j = 0; j < 4; ++j) {
    maps.push_back(DeepLift{.baseline = baseline::Given{background.narrow(0, j, 1)}}(net, x, question).map);
  }
  const Tensor all = at::stack(maps);
  DOCTEST_CHECK(all_close(why.map, all.mean(0), 1e-12));
  DOCTEST_CHECK(all_close(why.standard_error, all.std(0) / 2.0, 1e-7));
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(why.forward_passes == 9);
  DOCTEST_CHECK(why.backward_passes == 4);
  Tensor before = at::zeros({3}, at::kDouble);
  for (std::int64_t j = 0; j < 4; ++j) before += question(net(background.narrow(0, j, 1).expand_as(x))) / 4.0;
  DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), question(net(x)) - before, 1e-12));
}

DOCTEST_TEST_CASE("budget, whole-batch targets and company change nothing") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 3);
  auto method = DeepLiftShap{.baseline = baseline::GaussianNoise{.stdev = 0.7, .seed = 5}, .samples = 3};
  const auto why = method(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(why.completeness_error.abs().max().item<double>() < 1e-12);
  method.run.memory = 1;
  const auto little = method(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(little.map, why.map, 1e-12));
  DOCTEST_CHECK(all_close(little.standard_error, why.standard_error, 1e-9));
  const auto whole = [](const Tensor& output) {
    DOCTEST_REQUIRE(output.size(0) == 3);
    return output.select(1, 1);
  };
  DOCTEST_CHECK(all_close(method(net, x, whole).map, why.map, 1e-12));
  method.run.memory = std::int64_t{1} << 40;
  DOCTEST_CHECK(all_close(method(net, x, whole).map, why.map, 1e-12));
  method.run.samples = {2};
  DOCTEST_CHECK(all_close(method(net, x.narrow(0, 2, 1), target::Class{.index = 1}).map,
                          why.map.narrow(0, 2, 1), 1e-12));
  method.run.samples = {};
  method.baseline.seed = 6;
  DOCTEST_CHECK(max_error(method(net, x, target::Class{.index = 1}).map, why.map) > 1e-4);
}

DOCTEST_TEST_CASE("several inputs: sets are paired row by row, a draw is a draw of all inputs") {
  const nets::TwoInputs net;
  const Tensor a = nets::random({2, 4}, 7), b = nets::random({2, 1, 4, 4}, 8);
  const Tensor rows_a = nets::random({3, 4}, 9), rows_b = nets::random({3, 1, 4, 4}, 10);
  const auto sets = std::tuple{baseline::Samples{rows_a}, baseline::Samples{rows_b}};
  const auto method = DeepLiftShap{.baseline = sets};
  const auto why = method(net, std::tuple{a, b}, target::Class{.index = 0});
  Tensor first = at::zeros_like(a), second = at::zeros_like(b);
  for (std::int64_t j = 0; j < 3; ++j) {
    const auto pair =
        std::tuple{baseline::Given{rows_a.narrow(0, j, 1)}, baseline::Given{rows_b.narrow(0, j, 1)}};
    const auto one = DeepLift{.baseline = pair}(net, std::tuple{a, b}, target::Class{.index = 0});
    first += std::get<0>(one.map) / 3.0;
    second += std::get<1>(one.map) / 3.0;
  }
  DOCTEST_CHECK(all_close(std::get<0>(why.map), first, 1e-12));
  DOCTEST_CHECK(all_close(std::get<1>(why.map), second, 1e-12));
  const auto list =
      method([&](const Tensors& x) { return net(x[0], x[1]); }, Tensors{a, b}, target::Class{.index = 0});
  DOCTEST_CHECK(max_error(list.map[1], std::get<1>(why.map)) == 0.0);
}

DOCTEST_TEST_CASE("mean multipliers, one draw, several targets, another rule") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 11), background = nets::random({3, 1, 8, 8}, 12);
  const auto method = DeepLiftShap<baseline::Samples, rule::RevealCancel>{.baseline = {background}};
  const lumen::Targets questions{target::Class{.index = 0}, target::Class{.index = 2}};
  const auto both = method(net, x, questions);
  for (std::size_t t = 0; t < 2; ++t) {
    DOCTEST_CHECK(both[t].completeness_error.abs().max().item<double>() < 1e-12);
    DOCTEST_CHECK(all_close(both[t].map, method(net, x, questions[t]).map, 1e-12));
  }
  const auto one = DeepLiftShap{.baseline = baseline::Zero{}, .samples = 1, .multiply_by_inputs = false};
  const auto single = one(net, x, questions[0]);
  DOCTEST_CHECK(!single.standard_error.defined());
  DOCTEST_CHECK(all_close(single.map * x, DeepLift{}(net, x, questions[0]).map, 1e-12));
  const auto zeroed = method.with_baseline(baseline::Samples{at::zeros({1, 1, 8, 8}, at::kDouble)});
  DOCTEST_CHECK(all_close(zeroed(net, x, questions[0]).map,
                          DeepLift{.rule = rule::RevealCancel{}}(net, x, questions[0]).map, 1e-12));
}

DOCTEST_TEST_CASE("wrong draws and sets are refused with a reason") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 13);
  const target::Class question{.index = 0};
  const auto asked = [&](const auto& method) { return message_of([&] { (void)method(net, x, question); }); };
  DOCTEST_CHECK(holds(asked(DeepLiftShap{.baseline = baseline::Zero{}}), "samples is 0"));
  DOCTEST_CHECK(holds(asked(DeepLiftShap{.baseline = baseline::Samples{x}, .samples = -1}), "samples is -1"));
  DOCTEST_CHECK(holds(asked(DeepLiftShap{}), "holds no rows"));
  DOCTEST_CHECK(
      holds(asked(DeepLiftShap{.baseline = baseline::Samples{at::zeros({0, 1, 8, 8})}}), "holds no rows"));
  DOCTEST_CHECK(
      holds(asked(DeepLiftShap{.baseline = baseline::Samples{at::zeros({3, 1, 8, 7})}}), "[3, 1, 8, 7]"));
  DOCTEST_CHECK(holds(asked(DeepLiftShap{.baseline = baseline::Samples{x * NAN}}), "NaN or infinite"));
  DOCTEST_CHECK(
      holds(asked(DeepLiftShap{.baseline = baseline::Samples{x}, .epsilon = -1.0}), "epsilon is -1"));
}
