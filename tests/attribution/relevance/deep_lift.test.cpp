// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/relevance/deep_lift.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"
#include "support/zoo.hpp"

namespace baseline = lumen::baseline;
namespace nets = lumen::testing::nets;
namespace rule = lumen::rule;
namespace target = lumen::target;
using lumen::DeepLift;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

static_assert(lumen::Method<DeepLift<>>);
static_assert(lumen::Method<DeepLift<baseline::GaussianNoise, rule::RevealCancel>>);
static_assert(!rule::DeepLiftRule<int>);

namespace {

double relative(const lumen::Attribution<>& why, const Tensor& before) {
  return (why.completeness_error / (why.score - before)).abs().max().item<double>();
}

std::vector<Tensor> copies_of(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> copies;
  for (const Tensor& each : tensors) copies.push_back(each.detach().clone());
  return copies;
}

}  // namespace

DOCTEST_TEST_CASE("every network of the zoo is explained to rounding, by both rules") {
  for (const lumen::testing::ZooNet& net : lumen::testing::zoo()) {
    DOCTEST_CAPTURE(net.name);
    const Tensor x = net.images(2);
    const baseline::Given other{net.images(2, 7)};
    const target::Class question{.index = 3};
    const std::vector<Tensor> before = copies_of(net.parameters);
    const Tensor origin_score = question(net.forward(other.value)).detach();
    const auto rescaled = DeepLift{.baseline = other}(net, x, question);
    DOCTEST_CHECK(relative(rescaled, origin_score) < 1e-9);
    DOCTEST_CHECK(all_close(rescaled.score, question(net.forward(x)).detach(), 1e-9));
    const auto revealed = DeepLift{.baseline = other, .rule = rule::RevealCancel{}}(net, x, question);
    DOCTEST_CHECK(relative(revealed, origin_score) < 1e-9);
    DOCTEST_CHECK(max_error(rescaled.map, revealed.map) > 1e-6);
    const auto log_odds = DeepLift{}(net, x, target::LogOdds{.target = question});
    DOCTEST_CHECK(log_odds.completeness_error.abs().max().item<double>() < 1e-9);
    for (std::size_t i = 0; i < before.size(); ++i) {
      DOCTEST_CHECK(net.parameters[i].equal(before[i]));
      DOCTEST_CHECK(!net.parameters[i].grad().defined());
    }
  }
}

DOCTEST_TEST_CASE("DeepLIFT from a blurred image, as the documentation shows it") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 1);
  //! [deep_lift]
  const auto method = lumen::DeepLift{.baseline = lumen::baseline::Blur{.sigma = 2.0}};
  const auto why = method(net, image, lumen::target::Class{.index = 1});
  const double missing = why.completeness_error.abs().max().item<double>();  // rounding
  //! [deep_lift]
  DOCTEST_CHECK(missing < 1e-13);
  //! [reveal_cancel]
  const auto revealing = lumen::DeepLift{.rule = lumen::rule::RevealCancel{}};
  //! [reveal_cancel]
  DOCTEST_CHECK(max_error(revealing(net, image, target::Class{.index = 1}).map, why.map) > 1e-4);
  //! [own_rule]
  const auto rule = [](const lumen::rule::Record& record) -> lumen::rule::DeepLiftChoice {
    if (record.kind != "diff") return lumen::rule::Rescale{}(record);
    return lumen::rule::DeepLiftBackward();  // linear: its own gradient is exact
  };
  const auto mine = lumen::DeepLift<lumen::baseline::Zero, decltype(rule)>{.rule = rule};
  //! [own_rule]
  const auto steps = [&](const Tensor& x) { return net(at::diff(at::constant_pad_nd(x, {1, 0}), 1, 3)); };
  DOCTEST_CHECK(mine(steps, image, target::Class{.index = 0}).completeness_error.abs().max().item<double>() <
                1e-12);
}

DOCTEST_TEST_CASE("a linear model: weight times difference; multipliers are the weights") {
  const nets::Linear net;
  const Tensor x = nets::random({3, 5}, 2);
  const auto method = DeepLift{.baseline = baseline::Constant{.value = 0.4}};
  const auto why = method(net, x, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(why.map, (x - 0.4) * net.weights[2], 1e-12));
  DOCTEST_CHECK(why.forward_passes == 2);
  DOCTEST_CHECK(why.backward_passes == 1);
  auto bare = method;
  bare.multiply_by_inputs = false;
  const auto multipliers = bare(net, x, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(multipliers.map, net.weights[2].expand({3, 5}).contiguous(), 1e-12));
  DOCTEST_CHECK(all_close(multipliers.completeness_error, why.completeness_error, 0.0));
}

DOCTEST_TEST_CASE("a saturated model: the gradient vanishes, DeepLIFT does not") {
  const Tensor x = at::tensor({1.5, 0.5}, at::kDouble).reshape({1, 2});
  const auto why = DeepLift{}(nets::Saturating{}, x, target::Output{});
  DOCTEST_CHECK(all_close(why.map, at::tensor({0.75, 0.25}, at::kDouble).reshape({1, 2}), 1e-12));
}

DOCTEST_TEST_CASE("samples do not influence each other, in any chunks, for whole and row-wise targets") {
  const nets::ConvNet net;
  const Tensor x = nets::random({5, 1, 8, 8}, 3), other = nets::random({5, 1, 8, 8}, 4);
  const Tensor own = at::tensor({2, 0, 1, 1, 2}, at::kLong);
  const auto method = DeepLift{.baseline = baseline::Given{other}};
  const auto together = method(net, x, target::Classes{own});
  auto small = method;
  small.run.memory = 1;
  std::int64_t largest = 0;
  const auto watched = [&](const Tensor& at) {
    largest = std::max(largest, at.size(0));
    return net(at);
  };
  const auto piecewise = small(watched, x, target::Classes{own});
  DOCTEST_CHECK(largest == 1);
  DOCTEST_CHECK(all_close(piecewise.map, together.map, 1e-12));
  DOCTEST_CHECK(all_close(piecewise.completeness_error, together.completeness_error, 1e-12));
  for (std::int64_t row = 0; row < 5; ++row) {
    const auto alone = DeepLift{.baseline = baseline::Given{other.narrow(0, row, 1)}}(
        net, x.narrow(0, row, 1), target::Classes{own.narrow(0, row, 1)});
    DOCTEST_CHECK(all_close(alone.map, together.map.narrow(0, row, 1), 1e-12));
  }
  const auto whole = [&](const Tensor& output) {
    DOCTEST_REQUIRE(output.size(0) == 5);
    return output.gather(1, own.unsqueeze(1)).squeeze(1);
  };
  DOCTEST_CHECK(all_close(small(net, x, whole).map, together.map, 1e-12));
  DOCTEST_CHECK(!message_of([&] { (void)small(net, x, target::Classes{own.narrow(0, 0, 3)}); }).empty());
}

DOCTEST_TEST_CASE("several targets share the passes; a region is that of the prediction on x") {
  const nets::Segmentation net;
  const Tensor x = nets::random({2, 1, 7, 6}, 5);
  int calls = 0;
  const auto counted = [&](const Tensor& at) {
    ++calls;
    return net(at);
  };
  const lumen::Targets questions{target::ClassRegion{.channel = 1},
                                 target::Pixel{.channel = 0, .row = 2, .column = 3}};
  (void)DeepLift{}(counted, x, questions[1]);
  const int calls_for_one = std::exchange(calls, 0);
  const auto both = DeepLift{}(counted, x, questions);
  DOCTEST_CHECK(calls == calls_for_one);
  DOCTEST_CHECK(all_close(both[0].map,
                          DeepLift{}(net, x, target::ClassRegion{.channel = 1}.freeze(net(x))).map, 1e-12));
  DOCTEST_CHECK(all_close(both[1].map, DeepLift{}(net, x, questions[1]).map, 1e-12));
  for (const auto& each : both) DOCTEST_CHECK(each.completeness_error.abs().max().item<double>() < 1e-12);
}

DOCTEST_TEST_CASE("several inputs, as a tuple or as a list, with a baseline each") {
  const nets::TwoInputs net;
  const Tensor a = nets::random({3, 4}, 6), b = nets::random({3, 1, 4, 4}, 7);
  const auto baselines = std::tuple{baseline::Constant{.value = 0.2}, baseline::Blur{.sigma = 1.0}};
  const auto method = DeepLift{.baseline = baselines};
  const auto pair = method(net, std::tuple{a, b}, target::Class{.index = 1});
  DOCTEST_CHECK(pair.completeness_error.abs().max().item<double>() < 1e-12);
  const auto of_list = [&](const Tensors& x) { return net(x[0], x[1]); };
  const auto list = method(of_list, Tensors{a, b}, target::Class{.index = 1});
  DOCTEST_CHECK(max_error(list.map[0], std::get<0>(pair.map)) == 0.0);
  DOCTEST_CHECK(max_error(list.map[1], std::get<1>(pair.map)) == 0.0);
  const auto same = DeepLift{}.with_baseline(baselines)(net, std::tuple{a, b}, target::Class{.index = 1});
  DOCTEST_CHECK(max_error(std::get<0>(same.map), std::get<0>(pair.map)) == 0.0);
}

DOCTEST_TEST_CASE("a random baseline is drawn once for each sample, by its seed") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 8);
  auto method = DeepLift{.baseline = baseline::GaussianNoise{.stdev = 0.5, .seed = 3}};
  const auto first = method(net, x, target::Class{.index = 0});
  DOCTEST_CHECK(first.completeness_error.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(max_error(first.map, method(net, x, target::Class{.index = 0}).map) == 0.0);
  method.run.samples = {1};
  DOCTEST_CHECK(all_close(method(net, x.narrow(0, 1, 1), target::Class{.index = 0}).map,
                          first.map.narrow(0, 1, 1), 1e-12));
  method.run.samples = {};
  method.baseline.seed = 4;
  DOCTEST_CHECK(max_error(first.map, method(net, x, target::Class{.index = 0}).map) > 1e-3);
}

DOCTEST_TEST_CASE("float32 to its precision") {
  const lumen::testing::ZooNet& net = lumen::testing::zoo().front();
  const Tensor x = net.images(2);
  const nets::ConvNet small;
  nets::ConvNet single = small;
  for (Tensor* weight :
       {&single.conv1, &single.bias1, &single.conv2, &single.bias2, &single.fc1, &single.fc2}) {
    *weight = weight->to(at::kFloat);
  }
  const Tensor image = nets::random({2, 1, 8, 8}, 9);
  const auto wide = DeepLift{}(small, image, target::Class{.index = 1});
  const auto narrow = DeepLift{}(single, image.to(at::kFloat), target::Class{.index = 1});
  DOCTEST_CHECK((narrow.map.scalar_type() == at::kFloat));
  DOCTEST_CHECK(all_close(narrow.map.to(at::kDouble), wide.map, 1e-4));
  DOCTEST_CHECK(narrow.completeness_error.abs().max().item<double>() < 1e-5);
}

DOCTEST_TEST_CASE("after an exception in the middle of either pass all is as before") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 10), copy = x.clone();
  int calls = 0, fail_at = 0;
  const auto fragile = [&](const Tensor& at) {
    const Tensor y = at::relu(at);
    if (++calls == fail_at) throw std::runtime_error("the model broke");
    return net(y);
  };
  const Tensor expected = DeepLift{}(fragile, x, target::Class{.index = 1}).map;
  for (fail_at = 1; fail_at <= 2; ++fail_at) {
    calls = 0;
    DOCTEST_CHECK_THROWS_WITH_AS((void)DeepLift{}(fragile, x, target::Class{.index = 1}), "the model broke",
                                 std::runtime_error);
    DOCTEST_CHECK(lumen::trace::detail::listeners().empty());
    DOCTEST_CHECK(at::GradMode::is_enabled());
    DOCTEST_CHECK(x.equal(copy));
  }
  fail_at = 0;
  DOCTEST_CHECK(max_error(DeepLift{}(fragile, x, target::Class{.index = 1}).map, expected) == 0.0);
}

DOCTEST_TEST_CASE("two threads with different rules on one model do not disturb each other") {
  const lumen::testing::ZooNet& net = lumen::testing::zoo().front();
  const Tensor x = net.images(1);
  const target::Class question{.index = 2};
  const DeepLift<> rescale;
  const DeepLift<baseline::Zero, rule::RevealCancel> reveal;
  const Tensor first = rescale(net, x, question).map, second = reveal(net, x, question).map;
  DOCTEST_REQUIRE(max_error(first, second) > 1e-6);
  Tensor first_too, second_too;
  std::thread one([&] {
    for (int i = 0; i < 3; ++i) first_too = rescale(net, x, question).map;
  });
  std::thread two([&] {
    for (int i = 0; i < 3; ++i) second_too = reveal(net, x, question).map;
  });
  one.join();
  two.join();
  DOCTEST_CHECK(all_close(first, first_too, 1e-12));
  DOCTEST_CHECK(all_close(second, second_too, 1e-12));
}

DOCTEST_TEST_CASE("bad input and options are refused with a reason") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 11);
  const target::Class question{.index = 0};
  DOCTEST_CHECK(
      holds(message_of([&] { (void)DeepLift{.epsilon = -1.0}(net, x, question); }), "epsilon is -1"));
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)DeepLift{.baseline = baseline::Given{at::zeros({3, 1, 8, 8})}}(net, x,
                                                                                             question);
                      }),
                      "baseline::Given"));
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)DeepLift{.baseline = baseline::Constant{.value = INFINITY}}(net, x, question);
                      }),
                      "NaN or infinite"));
  DOCTEST_CHECK(holds(message_of([&] { (void)DeepLift{}(net, x * NAN, question); }), "NaN"));
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)DeepLift{}([](const Tensor& at) { return at::cumprod(at.flatten(1), 1); }, x,
                                         question);
                      }),
                      "no rule for cumprod 0"));
}
