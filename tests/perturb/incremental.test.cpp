// SPDX-License-Identifier: BSD-3-Clause
// Passes that compute what a region changes, against the model's own: the same scores for every border position, on
// networks of all kinds.
#include <lumen/perturb/incremental.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/nets.hpp"
#include "support/random_nets.hpp"

namespace lm = lumen;
namespace target = lumen::target;
using lumen::Passes;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::drawn_net;
using lumen::testing::nets::random;
using lumen::testing::nets::weight;
using Net = std::function<Tensor(const Tensor&)>;

namespace {

double difference(const Tensor& a, const Tensor& b) {
  const double scale = std::max(b.abs().max().item<double>(), 1e-30);
  return (a - b).abs().max().item<double>() / scale;
}

/// The largest difference of two ways, relative to the largest value of the map.
template <class Method>
double error_of(Method method, const Net& net, const Tensor& x, const Targets& targets,
                bool* incremental = nullptr, std::string* why = nullptr) {
  method.run.passes = Passes::Incremental;
  const auto fast = method(net, x, targets);
  method.run.passes = Passes::Whole;
  const auto slow = method(net, x, targets);
  double most = 0.0;
  for (std::size_t t = 0; t < targets.size(); ++t)
    most = std::max(most, difference(fast[t].map, slow[t].map));
  if (incremental != nullptr) *incremental = fast[0].execution.incremental;
  if (why != nullptr) *why = fast[0].execution.why;
  return most;
}

}  // namespace

DOCTEST_TEST_CASE(
    "occlusion of random local networks, all border positions, dense targets of a part and of all") {
  int confined = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto height = static_cast<std::int64_t>(9 + seed % 12),
               width = static_cast<std::int64_t>(9 + seed % 7);
    const auto net = drawn_net(seed, height, width);
    DOCTEST_CAPTURE(seed);
    DOCTEST_CAPTURE(net.text);
    const Tensor x = random({2, 2, height, width}, seed);
    const Tensor output = net.run(x);
    Tensor part = at::zeros({output.size(2), output.size(3)}, at::kBool);
    part.narrow(0, output.size(2) / 2, 1).narrow(1, 0, 2).fill_(true);
    const lm::Occlusion<> method{.window = {{3, 2}}, .stride = {{2, 1}}};
    const Targets all{
        target::Region{.channel = 1, .mask = at::ones({output.size(2), output.size(3)}, at::kBool)}};
    const Targets some{target::Softmax{target::Region{.channel = 0, .mask = part}},
                       target::Pixel{.channel = 1, .row = output.size(2) / 2, .column = 0}};
    bool incremental = false;
    std::string why;
    DOCTEST_CHECK(error_of(method, net.run, x, all, &incremental, &why) < 1e-12);
    DOCTEST_CHECK_MESSAGE(incremental, why);
    DOCTEST_CHECK(error_of(method, net.run, x, some) < 1e-12);
    confined += incremental ? 1 : 0;
  }
  DOCTEST_CHECK(confined == 60);
}

namespace {

const Tensor first = weight({4, 2, 3, 3}, 1), second = weight({6, 4, 3, 3}, 2),
             third = weight({6, 6, 3, 3}, 3);
const Tensor by_mean = weight({3, 6}, 4), by_places = weight({3, 6 * 6 * 7}, 5), bias = random({3}, 6);
const Tensor by_gate = weight({6, 6}, 11);
const Tensor scale = random({6}, 7).abs() + 0.5, shift = random({6}, 8),
             variance = random({6}, 9).abs() + 0.5;

/// Two convolutions with what usually surrounds them: [N, 2, 12, 14] -> [N, 6, 6, 7].
Tensor features(const Tensor& x) {
  const Tensor y = at::relu(at::conv2d(x, first, {}, 1, 1));
  const Tensor z =
      at::batch_norm(at::conv2d(y, second, {}, 2, 1), scale, shift, shift, variance, false, 0.1, 1e-5, false);
  return at::relu(at::relu(z) + at::conv2d(at::relu(z), third, {}, 1, 1));
}
Tensor with_mean(const Tensor& x) { return at::linear(features(x).mean({2, 3}), by_mean, bias); }
Tensor with_pool(const Tensor& x) {
  return at::linear(at::adaptive_avg_pool2d(features(x), {1, 1}).flatten(1), by_mean, bias);
}
Tensor with_sum(const Tensor& x) {
  return at::linear(at::relu(features(x).sum({-1, -2}, true)).flatten(1), by_mean);
}
Tensor with_places(const Tensor& x) { return at::linear(at::relu(features(x)).flatten(1), by_places, bias); }
Tensor with_view(const Tensor& x) { return at::linear(features(x).view({x.size(0), -1}), by_places, bias); }
Tensor with_attention(const Tensor& x) {
  const Tensor y = features(x), flat = y.flatten(2);
  const Tensor mixed = at::matmul(flat, at::softmax(at::matmul(flat.transpose(1, 2), flat), 2)).view_as(y);
  return at::linear((at::conv2d(mixed + y, third, {}, 1, 1)).mean({2, 3}), by_mean);
}
/// Tokens first and the batch second, as in LibTorch's own transformer.
Tensor with_tokens(const Tensor& x) {
  const Tensor tokens = features(x).flatten(2).permute({2, 0, 1});
  const Tensor mixed = tokens + at::layer_norm(tokens, {6}).mean(0, true);
  return at::linear(at::tanh(mixed).mean(0), by_mean, bias);
}
Tensor with_gate(const Tensor& x) {
  const Tensor y = features(x), gate = at::sigmoid(at::linear(y.mean({2, 3}), by_gate));
  return at::linear(at::conv2d(y * gate.unsqueeze(2).unsqueeze(3), third, {}, 1, 1).mean({2, 3}), by_mean);
}
Tensor with_group_norm(const Tensor& x) {
  return at::linear(at::group_norm(features(x), 2).mean({2, 3}), by_mean);
}
Tensor in_place(const Tensor& x) {
  Tensor y = at::conv2d(x, first, {}, 1, 1);
  y.relu_();
  const Tensor kept = y;
  Tensor z = at::dropout(kept, 0.5, false);
  z = z.contiguous();
  z = at::relu(z) * 2 + kept;
  return at::linear(at::conv2d(z, second, {}, 2, 1).relu_().mean({2, 3}), by_mean);
}

}  // namespace

DOCTEST_TEST_CASE(
    "classifiers: sums over places by what changes, and operators that take their operands whole") {
  const Tensor x = random({3, 2, 12, 14}, 20);
  const Targets targets{target::Class{.index = 1}, target::Softmax{target::Class{.index = 2}},
                        target::Classes{at::tensor({2, 0, 1}, at::kLong)}};
  const std::vector<std::pair<std::string, Net>> nets{
      {"mean", with_mean},     {"pool", with_pool}, {"sum", with_sum},
      {"places", with_places}, {"view", with_view}, {"attention", with_attention},
      {"tokens", with_tokens}, {"gate", with_gate}, {"group norm", with_group_norm},
      {"in place", in_place}};
  for (const auto& [name, net] : nets) {
    DOCTEST_CAPTURE(name);
    bool incremental = false;
    std::string why;
    DOCTEST_CHECK(error_of(lm::Occlusion<>{.window = {{5, 4}}, .stride = {{3, 2}}}, net, x, targets,
                           &incremental, &why) < 1e-12);
    DOCTEST_CHECK_MESSAGE(incremental, why);
    DOCTEST_CHECK(why.empty() !=
                  (name == "places" || name == "view" || name == "attention" || name == "tokens"));
  }
}

DOCTEST_TEST_CASE("groups: each element, scattered ones, overlapping no boxes, other ones for each sample") {
  const Tensor x = random({2, 2, 12, 14}, 21);
  const Tensor scattered = at::arange(2 * 12 * 14, at::kLong).reshape({1, 2, 12, 14}).remainder(29);
  const Tensor blocks = at::arange(12, at::kLong).reshape({1, 1, 12, 1}).div(4, "floor") * 4 +
                        at::arange(14, at::kLong).reshape({1, 1, 1, 14}).div(5, "floor");
  for (const Tensors& groups :
       {Tensors{}, Tensors{scattered}, Tensors{blocks}, Tensors{at::cat({blocks, blocks.flip({3})})}}) {
    bool incremental = false;
    DOCTEST_CHECK(error_of(lm::FeatureAblation<>{.groups = groups}, with_mean, x, {target::Class{.index = 1}},
                           &incremental) < 1e-12);
    DOCTEST_CHECK(incremental);
  }
}

DOCTEST_TEST_CASE("a region that reaches nothing the target looks at changes no score, and costs no pass") {
  const auto net = [](const Tensor& x) {
    return at::conv2d(at::relu(at::conv2d(x, first, {}, 1, 1)), second, {}, 1, 1);
  };
  const Tensor x = random({1, 2, 20, 20}, 22);
  lm::Occlusion<> method{.window = {{2, 2}}, .stride = {{2, 2}}};
  method.run.passes = Passes::Incremental;
  const auto found = method(net, x, target::Pixel{.channel = 1, .row = 1, .column = 1});
  DOCTEST_CHECK(found.map.narrow(2, 4, 16).abs().max().item<double>() == 0.0);
  DOCTEST_CHECK(found.map.narrow(2, 0, 4).abs().max().item<double>() > 0.0);
  DOCTEST_CHECK(found.execution.full_passes < 0.5);  // four windows of a hundred
}

DOCTEST_TEST_CASE("the same for every budget, to rounding, and for every number of threads, to the bit") {
  const Tensor x = random({1, 2, 12, 14}, 23);
  const Targets targets{target::Class{.index = 1}};
  lm::Occlusion<> method{.window = {{3, 3}}, .stride = {{1, 2}}};
  method.run.passes = Passes::Incremental;
  const auto all = method(with_mean, x, targets);
  for (const std::int64_t memory : {500'000, 1'000'000}) {
    method.run.memory = memory;
    const auto some = method(with_mean, x, targets);
    DOCTEST_CHECK(some[0].execution.incremental);
    DOCTEST_CHECK(difference(some[0].map, all[0].map) < 1e-12);
  }
  method.run.memory = 1000;  // less than the recorded values take
  const auto whole = method(with_mean, x, targets);
  DOCTEST_CHECK_FALSE(whole[0].execution.incremental);
  DOCTEST_CHECK(whole[0].execution.why.find("budget") != std::string::npos);
  DOCTEST_CHECK(difference(whole[0].map, all[0].map) < 1e-12);
  method.run.memory = 1 << 27;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = method(with_mean, x, targets);
  at::set_num_threads(3);
  const auto three = method(with_mean, x, targets);
  at::set_num_threads(threads);
  DOCTEST_CHECK(at::equal(one[0].map, three[0].map));
}

DOCTEST_TEST_CASE("single precision, to 1e-5 of the largest value") {
  const Tensor x = random({1, 2, 12, 14}, 24).to(at::kFloat);
  const auto net = [](const Tensor& x_) {
    const Tensor y =
        at::conv2d(at::relu(at::conv2d(x_, first.to(at::kFloat), {}, 1, 1)), second.to(at::kFloat), {}, 2, 1);
    return at::linear(at::relu(y).mean({2, 3}), by_mean.to(at::kFloat));
  };
  bool incremental = false;
  DOCTEST_CHECK(error_of(lm::Occlusion<>{.window = {{4, 4}}, .stride = {{2, 2}}}, net, x,
                         {target::Class{.index = 1}}, &incremental) < 1e-5);
  DOCTEST_CHECK(incremental);
}

DOCTEST_TEST_CASE("where a model is no such program, its own passes are made, and the answer says why") {
  const Tensor x = random({2, 2, 12, 14}, 25);
  const Targets targets{target::Class{.index = 1}};
  const lm::Occlusion<> method{.window = {{6, 7}}, .stride = {{6, 7}}};
  const auto moody = [](const Tensor& x_) { return with_mean(x_) + at::rand({1}).to(at::kDouble) * 0; };
  const auto by_rows = [](const Tensor& x_) { return x_.size(0) == 1 ? with_mean(x_) : with_mean(x_) * 1.0; };
  for (const Net& net : std::vector<Net>{moody, by_rows}) {
    bool incremental = true;
    std::string why;
    DOCTEST_CHECK(error_of(method, net, x, targets, &incremental, &why) < 1e-12);
    DOCTEST_CHECK_FALSE(incremental);
    DOCTEST_CHECK_FALSE(why.empty());
  }
}

DOCTEST_TEST_CASE("inputs of one number a sample: a region of one is not in the other") {
  const auto net = [](const Tensor& a, const Tensor& b) { return (2 * a + 3 * b).unsqueeze(1); };
  const std::tuple x{random({4}, 31), random({4}, 32)};
  for (const Passes passes : {Passes::Incremental, Passes::Whole}) {
    lm::Occlusion<> method{.window = {{}, {}}};
    method.run.passes = passes;
    const auto [first_map, second_map] = method(net, x, target::Class{.index = 0}).map;
    DOCTEST_CHECK(difference(first_map, 2 * std::get<0>(x)) < 1e-12);
    DOCTEST_CHECK(difference(second_map, 3 * std::get<1>(x)) < 1e-12);
  }
}

DOCTEST_TEST_CASE("a model whose samples influence each other is refused, as in whole passes") {
  const Tensor x = random({2, 2, 12, 14}, 29);
  const auto mixing = [](const Tensor& x_) { return with_mean(x_) - 0.5 * with_mean(x_).mean(0, true); };
  lm::Occlusion<> method{.window = {{2, 2}}, .stride = {{2, 2}}};
  for (const Passes passes : {Passes::Incremental, Passes::Whole}) {
    method.run.passes = passes;
    DOCTEST_CHECK_THROWS_AS((void)method(mixing, x, target::Class{.index = 1}), lm::Error);
  }
}

DOCTEST_TEST_CASE("where a region costs as much as a whole pass, those are made") {
  const Tensor x = random({1, 2, 12, 14}, 28);
  const auto dense = [all = weight({3, 2 * 12 * 14}, 30)](const Tensor& x_) {
    return at::linear(x_.flatten(1), all);
  };
  const auto found =
      lm::Occlusion<>{.window = {{2, 2}}, .stride = {{2, 2}}}(dense, x, target::Class{.index = 1});
  DOCTEST_CHECK_FALSE(found.execution.incremental);
  DOCTEST_CHECK(found.execution.full_passes == 42.0);
  DOCTEST_CHECK(found.execution.why.find("whole pass") != std::string::npos);
  const auto few =
      lm::Occlusion<>{.window = {{6, 7}}, .stride = {{6, 7}}}(with_mean, x, target::Class{.index = 1});
  DOCTEST_CHECK_FALSE(few.execution.incremental);
  DOCTEST_CHECK_FALSE(few.execution.why.empty());
}

DOCTEST_TEST_CASE("run.stop: what is known so far, marked, either way it runs") {
  const Tensor x = random({1, 2, 12, 14}, 26);
  for (const Passes passes : {Passes::Incremental, Passes::Whole}) {
    lm::Occlusion<> method{.window = {{2, 2}}, .stride = {{2, 2}}};
    method.run.passes = passes;
    const auto all = method(with_mean, x, target::Class{.index = 1});
    DOCTEST_CHECK(all.done == 1.0);
    DOCTEST_CHECK_FALSE(all.known.defined());
    std::int64_t done = 0;
    method.run.memory = passes == Passes::Whole ? 1 : 1 << 20;
    method.run.progress = [&](std::string_view what, std::int64_t now, std::int64_t) {
      if (what == "ablation") done = now;
    };
    method.run.stop = [&] { return done > 0; };
    const auto part = method(with_mean, x, target::Class{.index = 1});
    DOCTEST_CHECK(part.done > 0.0);
    DOCTEST_CHECK(part.done < 1.0);
    DOCTEST_CHECK(part.known.sum().item<std::int64_t>() == 2 * 4 * done);
    DOCTEST_CHECK(difference(part.map, at::where(part.known, all.map, at::zeros_like(all.map))) < 1e-12);
  }
}

DOCTEST_TEST_CASE("how it ran, and stopping it, as a user asks") {
  const Net net = with_mean;
  const Tensor image = random({1, 2, 12, 14}, 27);
  //! [execution]
  lm::Occlusion<> method{.window = {{4, 4}}, .stride = {{2, 2}}};
  const auto why = method(net, image, target::Class{.index = 1});
  const lm::Execution& ran = why.execution;
  const std::string how = ran.incremental
                              ? lm::text("what changes alone, at the cost of ", ran.full_passes, " passes")
                              : "whole passes: " + ran.why;
  //! [execution]
  DOCTEST_CHECK(ran.full_passes > 0.0);
  DOCTEST_CHECK_FALSE(how.empty());
  //! [stop]
  std::atomic<bool> enough = false;  // set from another thread
  method.run.stop = [&] { return enough.load(); };
  const auto part = method(net, image, target::Class{.index = 1});
  const bool complete = part.done == 1.0;  // else part.known tells where part.map is final; elsewhere it is 0
  //! [stop]
  DOCTEST_CHECK(complete);
}
