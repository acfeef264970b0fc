// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/ablation/feature_ablation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace baseline = lumen::baseline;
namespace layer = lumen::layer;
namespace lm = lumen;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::FeatureAblation;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;

namespace {

/// The definition, one sample and one group at a time.
template <class Score>
Tensor ablated(const Score& score, const Tensor& x, const Tensor& absent, const Tensor& mask) {
  Tensor map = at::zeros_like(x);
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const Tensor mine = x.narrow(0, i, 1),
                 groups = mask.narrow(0, mask.size(0) > 1 ? i : 0, 1).expand_as(mine);
    for (std::int64_t g = groups.min().item<std::int64_t>(); g <= groups.max().item<std::int64_t>(); ++g) {
      const Tensor gone = groups == g;
      const double change =
          (score(mine, i) - score(at::where(gone, absent.narrow(0, i, 1), mine), i)).template item<double>();
      map.narrow(0, i, 1).masked_fill_(gone, change);
    }
  }
  return map;
}

}  // namespace

DOCTEST_TEST_CASE("each group by itself, in any chunks, for masks of all samples and of each") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 601), absent = nets::random({3, 1, 8, 8}, 602);
  const Tensor own = at::tensor({0, 2, 1}, at::kLong);
  const auto score = [&](const Tensor& row, std::int64_t i) {
    return net(row)[0][own[i].item<std::int64_t>()];
  };
  const Tensor each = at::arange(64, at::kLong).reshape({1, 1, 8, 8});
  const Tensor blocks = each.div(16, "floor") * 5 - 3;  // numbers with gaps, and below zero
  const Tensor of_samples = at::cat({blocks, blocks + 1, each.remainder(3)});
  for (const Tensor& mask : {each, blocks, of_samples}) {
    const Tensor expected = ablated(score, x, absent, mask);
    for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{50'000}, std::int64_t{1} << 30}) {
      FeatureAblation method{.baseline = baseline::Given{absent}, .groups = {mask}};
      method.run.memory = bytes;
      DOCTEST_CHECK(all_close(method(net, x, target::Classes{own}).map, expected, 1e-12));
    }
    const auto whole = [&](const Tensor& output) { return output.gather(1, own.unsqueeze(1)).squeeze(1); };
    DOCTEST_CHECK(
        all_close(FeatureAblation{.baseline = baseline::Given{absent}, .groups = {mask}}(net, x, whole).map,
                  expected, 1e-12));
  }
  const FeatureAblation without{.baseline = baseline::Given{absent}};
  DOCTEST_CHECK(all_close(without(net, x, target::Classes{own}).map, ablated(score, x, absent, each), 1e-12));
  DOCTEST_CHECK(without(net, x, target::Class{0}).forward_passes == 65);
}

DOCTEST_TEST_CASE("on a linear model single elements are weight times difference, and sum to F(x) - F(x')") {
  const nets::Linear net;
  const Tensor x = nets::random({2, 5}, 603);
  const auto why = FeatureAblation{.baseline = baseline::Constant{.value = 0.5}}(net, x, target::Class{1});
  DOCTEST_CHECK(all_close(why.map, (x - 0.5) * net.weights[1], 1e-12));
  DOCTEST_CHECK(all_close(why.score, net(x).select(1, 1), 1e-12));
  const auto batches = FeatureAblation{}(net, x, lm::Targets{target::Class{0}, target::Class{1}});
  DOCTEST_CHECK(all_close(batches[0].map, x * net.weights[0], 1e-12));
  // the model needs no gradient
  const auto steps = [](const Tensor& at) { return (at > 0).to(at::kDouble).sum(1); };
  DOCTEST_CHECK(all_close(FeatureAblation{}(steps, x, target::Output{}).map, (x > 0).to(at::kDouble), 0.0));
}

DOCTEST_TEST_CASE("a mask is of any integers, and broadcasts, in parts of a batch too") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 611);
  const Tensor plane = at::arange(64, at::kLong).reshape({8, 8}).div(11, "floor");
  const auto map = [&](const Tensor& mask, std::int64_t memory = std::int64_t{1} << 30) {
    FeatureAblation method{.groups = {mask}};
    method.run.memory = memory;
    return method(net, x, target::Class{1}).map;
  };
  const Tensor expected = map(plane.reshape({1, 1, 8, 8}));
  for (const at::ScalarType type : {at::kLong, at::kInt, at::kShort, at::kChar, at::kByte}) {
    DOCTEST_CAPTURE(type);
    DOCTEST_CHECK(max_error(map(plane.to(type)), expected) == 0.0);
    DOCTEST_CHECK(all_close(map(plane.unsqueeze(0).to(type), 1), expected, 1e-12));
  }
  const Tensor half = plane.gt(2);
  DOCTEST_CHECK(max_error(map(half), map(half.to(at::kLong).reshape({1, 1, 8, 8}))) == 0.0);
  const Tensor row = at::arange(8, at::kLong);
  DOCTEST_CHECK(max_error(map(row), map(row.expand({1, 1, 8, 8}).contiguous())) == 0.0);
  // at a layer, which is asked for parts of the batch, its first dimension is no batch
  const auto at_layer = [&](const Tensor& mask, std::int64_t memory) {
    FeatureAblation method{.groups = {mask}};
    method.run.memory = memory;
    return lm::AtLayer{.method = method, .layer = layer::of(net.conv2), .baseline_of = lm::BaselineOf::Layer}(
               net, x, target::Class{2})
        .map;
  };
  const Tensor square = at::arange(16, at::kLong).reshape({4, 4}).div(3, "floor");
  const Tensor whole = at_layer(square.reshape({1, 1, 4, 4}), std::int64_t{1} << 30);
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{1} << 30})
    DOCTEST_CHECK(all_close(at_layer(square.to(at::kInt), memory), whole, 1e-12));
}

DOCTEST_TEST_CASE("a group may span several inputs") {
  const nets::TwoInputs net;
  const std::tuple x{nets::random({2, 4}, 604), nets::random({2, 1, 4, 4}, 605)};
  const Tensor left = at::tensor({0, 1, 1, 2}, at::kLong).reshape({1, 4});
  const auto why =
      FeatureAblation{.groups = {left, at::tensor(1, at::kLong).squeeze()}}(net, x, target::Class{0});
  Tensor gone = std::get<0>(x).clone();
  gone.narrow(1, 1, 2).zero_();
  const Tensor change =
      (net(std::get<0>(x), std::get<1>(x)) - net(gone, at::zeros_like(std::get<1>(x)))).select(1, 0);
  DOCTEST_CHECK(all_close(std::get<0>(why.map).select(1, 2), change, 1e-12));
  DOCTEST_CHECK(all_close(std::get<1>(why.map).select(3, 1).select(2, 3).select(1, 0), change, 1e-12));
  DOCTEST_CHECK(max_error(std::get<0>(why.map).select(1, 0), change) > 1e-6);
  DOCTEST_CHECK(why.forward_passes == 4);
}

DOCTEST_TEST_CASE("ablation of a layer: groups of its units, those of each sample too") {
  const nets::ConvNet net;
  const Tensor x = nets::random({3, 1, 8, 8}, 606);
  const auto second = [&](const Tensor& h) {
    const Tensor pooled = at::avg_pool2d(at::relu(h), 2);
    return at::linear(at::relu(at::linear(pooled.flatten(1), net.fc1)), net.fc2);
  };
  const Tensor first = at::max_pool2d(at::relu(at::conv2d(x, net.conv1, net.bias1, 1, 1)), 2);
  const Tensor h = at::conv2d(first, net.conv2, net.bias2, 1, 1);
  const auto score = [&](const Tensor& row, std::int64_t) { return second(row)[0][2]; };
  const Tensor channels = at::arange(6, at::kLong).reshape({1, 6, 1, 1});
  const Tensor of_samples = at::cat({channels, channels.div(2, "floor"), channels.remainder(2)});
  for (const Tensor& mask : {channels, of_samples}) {
    const auto at = [&](std::int64_t bytes) {
      FeatureAblation method{.groups = {mask}};
      method.run.memory = bytes;
      return lm::AtLayer{.method = method,
                         .layer = layer::of(net.conv2),
                         .baseline_of = lm::BaselineOf::Layer}(net, x, target::Class{2});
    };
    const Tensor expected = ablated(score, h, at::zeros_like(h), mask.expand({mask.size(0), 6, 4, 4}));
    DOCTEST_CHECK(all_close(at(1).map, expected, 1e-12));
    DOCTEST_CHECK(all_close(at(std::int64_t{1} << 30).map, expected, 1e-12));
  }
}

DOCTEST_TEST_CASE("a random baseline is drawn once for each sample, whatever its company") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 607);
  FeatureAblation method{.baseline = baseline::Uniform{.seed = 3}};
  const auto why = method(net, x, target::Class{0});
  DOCTEST_CHECK(max_error(why.map, method(net, x, target::Class{0}).map) == 0.0);
  method.run.samples = {1};
  DOCTEST_CHECK(
      all_close(method(net, x.narrow(0, 1, 1), target::Class{0}).map, why.map.narrow(0, 1, 1), 1e-12));
  DOCTEST_CHECK(max_error(FeatureAblation{}(net, x, target::Class{0}).map, why.map) > 1e-3);
}

DOCTEST_TEST_CASE("groups that do not fit are refused") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 608);
  const auto message = [&](const Tensors& groups) {
    return message_of([&] { (void)FeatureAblation{.groups = groups}(net, x, target::Class{0}); });
  };
  const Tensor one = at::zeros({1, 1, 8, 8}, at::kLong);
  DOCTEST_CHECK(holds(message({one, one}), "2 masks of groups were given for 1 inputs"));
  DOCTEST_CHECK(holds(message({one.to(at::kFloat)}), "expected integers that broadcast to [2, 1, 8, 8]"));
  DOCTEST_CHECK(holds(message({at::zeros({1, 1, 8, 7}, at::kLong)}), "[1, 1, 8, 7]"));
  DOCTEST_CHECK(holds(message({at::zeros({8}, at::kLong).unsqueeze(1).expand({8, 7})}), "[8, 7]"));
  DOCTEST_CHECK(holds(message({at::zeros({1, 1, 1, 8, 8}, at::kLong)}), "[1, 1, 1, 8, 8]"));
  DOCTEST_CHECK(holds(message({at::zeros({3, 1, 8, 8}, at::kLong)}), "batch size that divides 2"));
  DOCTEST_CHECK(holds(message({Tensor()}), "undefined"));
}

DOCTEST_TEST_CASE("ablation in the documentation") {
  const nets::ConvNet net;
  const Tensor image = nets::random({1, 1, 8, 8}, 609);
  //! [layer_ablation]
  // what each channel of the second convolution is worth: the drop of the score without it
  const Tensor channels = at::arange(6, at::kLong).reshape({1, 6, 1, 1});
  const auto method = lm::AtLayer{.method = lm::FeatureAblation{.groups = {channels}},
                                  .layer = lm::layer::of(net.conv2),
                                  .baseline_of = lm::BaselineOf::Layer};
  const auto why = method(net, image, lm::target::Class{0});  // [1, 6, 4, 4], constant over each channel
  //! [layer_ablation]
  DOCTEST_CHECK((why.map.sizes() == at::IntArrayRef{1, 6, 4, 4}));
  DOCTEST_CHECK(max_error(why.map.select(3, 0), why.map.select(3, 3)) == 0.0);
}
