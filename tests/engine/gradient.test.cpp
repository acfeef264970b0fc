// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/engine/gradient.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"
#include "support/oracle.hpp"

using lumen::AnyTarget;
using lumen::Error;
using lumen::Run;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::engine::bind;
namespace engine = lumen::engine;
using lumen::engine::differentiate;
using lumen::testing::all_close;
using lumen::testing::nets::random;
namespace core = lumen::engine;
namespace engine = lumen::engine;
namespace nets = lumen::testing::nets;
namespace oracle = lumen::testing::oracle;
namespace target = lumen::target;
using Two = std::tuple<Tensor, Tensor>;

namespace {

/// d score / d x of one input by `differentiate`.
template <class M>
Tensor gradient(M&& model, const Tensor& x, const AnyTarget& question = target::Output{}) {
  return engine::differentiate(bind<Tensor>(model), {x}, {question}, false).gradients[0][0];
}

template <class M>
void refused(M&& model, const Tensor& x, const char* why) {
  DOCTEST_CHECK_THROWS_WITH_AS((void)gradient(model, x), doctest::Contains(why), Error);
}

Tensor squares(const Tensor& x) { return x.square().sum(1); }

const Tensor x = random({3, 6}, 1);

}  // namespace

DOCTEST_TEST_CASE("scores and gradients agree with the model and with central differences") {
  const nets::Smooth net;
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto found = engine::differentiate(bind<Tensor>(net), {x}, {target::Class{.index = c}}, false);
    DOCTEST_CHECK(all_close(found.scores[0], net(x).select(1, c), 1e-15));
    for (std::int64_t i = 0; i < 3; ++i) {
      const auto score = [&](const Tensor& one) { return net(one).select(1, c); };
      const Tensor expected = oracle::finite_differences(score, x.narrow(0, i, 1));
      DOCTEST_CHECK(all_close(found.gradients[0][0].narrow(0, i, 1), expected, 1e-8));
    }
  }
}

DOCTEST_TEST_CASE("of several inputs each gets its own; one that is not used gets zeros") {
  const nets::TwoInputs net;
  const Tensor a = random({2, 4}, 2), b = random({2, 1, 4, 4}, 3);
  const auto found = engine::differentiate(bind<Two>(net), {a, b}, {target::Class{.index = 1}}, false);
  const auto of_b = [&](const Tensor& moved) { return net(a.narrow(0, 1, 1), moved).select(1, 1); };
  DOCTEST_CHECK(all_close(found.gradients[0][1].narrow(0, 1, 1),
                          oracle::finite_differences(of_b, b.narrow(0, 1, 1)), 1e-8));

  const auto first_only = [](const Tensor& first, const Tensor&) { return first.sum(1); };
  const auto unused = engine::differentiate(bind<Two>(first_only), {a, b}, {target::Output{}}, false);
  DOCTEST_CHECK(at::equal(unused.gradients[0][0], at::ones_like(a)));
  DOCTEST_CHECK(at::equal(unused.gradients[0][1], at::zeros_like(b)));
}

DOCTEST_TEST_CASE("several targets share one forward pass") {
  const nets::Smooth net;
  int calls = 0;
  const auto counted = [&](const Tensor& input) {
    ++calls;
    return net(input);
  };
  const Targets questions{target::Class{.index = 0}, target::Softmax{target::Class{.index = 1}},
                          target::Margin{target::Class{.index = 2}, target::Class{.index = 0}}};
  const auto found = engine::differentiate(bind<Tensor>(counted), {x}, questions, false);
  DOCTEST_CHECK(calls == 1);
  for (std::size_t t = 0; t < questions.size(); ++t) {
    DOCTEST_CHECK(all_close(found.gradients[t][0], gradient(net, x, questions[t]), 1e-15));
  }
}

DOCTEST_TEST_CASE("targets can be frozen on the pass's own output") {
  const nets::Segmentation net;
  const Tensor image = random({1, 1, 5, 5}, 4);
  const AnyTarget question = target::ClassRegion{.channel = 1};
  const auto found = engine::differentiate(bind<Tensor>(net), {image}, {question}, true);
  DOCTEST_CHECK(all_close(found.gradients[0][0], gradient(net, image, question.freeze(net(image))), 1e-15));
}

//! [no_trace]
DOCTEST_TEST_CASE("the model and the input are as before: values, gradients, flags") {
  nets::Smooth net;
  net.first.requires_grad_(true);
  net.second.requires_grad_(true);
  net.second.mutable_grad() = at::ones_like(net.second);
  const Tensor first = net.first.detach().clone(), input = x.clone();
  const auto version = net.first._version();
  (void)gradient(net, x, target::Class{.index = 1});
  DOCTEST_CHECK_FALSE(net.first.grad().defined());
  DOCTEST_CHECK(at::equal(net.second.grad(), at::ones_like(net.second)));
  DOCTEST_CHECK(net.first.requires_grad());
  DOCTEST_CHECK_FALSE(net.offset.requires_grad());
  DOCTEST_CHECK(at::equal(net.first, first));
  DOCTEST_CHECK(net.first._version() == version);
  DOCTEST_CHECK(at::equal(x, input));
  DOCTEST_CHECK_FALSE(x.requires_grad());
  DOCTEST_CHECK_FALSE(x.grad().defined());
}
//! [no_trace]

DOCTEST_TEST_CASE("a model that works in place does not change x") {
  const auto in_place = [](const Tensor& input) { return input.mul_(2.0).add_(1.0).square().sum(1); };
  const Tensor before = x.clone();
  DOCTEST_CHECK(all_close(gradient(in_place, x), 4.0 * (2.0 * before + 1.0), 1e-12));
  DOCTEST_CHECK(at::equal(x, before));
  (void)core::start(bind<Tensor>(in_place), {x}, {target::Output{}}, Run{});
  DOCTEST_CHECK(at::equal(x, before));
  (void)core::scores_of(bind<Tensor>(in_place), {x}, {target::Output{}}, Run{});
  DOCTEST_CHECK(at::equal(x, before));
}

DOCTEST_TEST_CASE("a model that overwrites what it is given is differentiated at what it was given") {
  const auto overwrites = [](const Tensor& input) {
    const Tensor value = input.square();
    input.zero_();
    return value.sum(1) + input.sum(1);
  };
  const Tensor points = x.clone();
  const Tensor kept = gradient([](const Tensor& in) { return in.exp().sum(1); }, x);
  const auto in_place = [](const Tensor& input) { return input.exp_().sum(1); };
  DOCTEST_CHECK(all_close(gradient(in_place, x), kept, 1e-12));
  const auto owned = core::differentiate_owned(bind<Tensor>(in_place), {points}, {target::Output{}}, false);
  DOCTEST_CHECK(all_close(owned.gradients[0][0], kept, 1e-12));
  DOCTEST_CHECK(all_close(points, x.exp(), 1e-12));
  DOCTEST_CHECK_THROWS_AS((void)gradient(overwrites, x),
                          c10::Error);  // LibTorch's own check of versions holds
  const auto of_view = [](const Tensor& input) {
    input.narrow(1, 0, 2).mul_(3.0);
    return input.square().sum(1);
  };
  const Tensor threefold = at::cat({x.narrow(1, 0, 2) * 18, x.narrow(1, 2, 4) * 2}, 1);
  DOCTEST_CHECK(all_close(gradient(of_view, x), threefold, 1e-12));
}

DOCTEST_TEST_CASE("a model may ask its input for what autograd knows of it") {
  const auto curious = [](const Tensor& input) {
    DOCTEST_CHECK(input.requires_grad());
    DOCTEST_CHECK_FALSE(input.is_leaf());
    DOCTEST_CHECK_FALSE(input.is_view());
    DOCTEST_CHECK(input.grad_fn()->name() == "lumen::Origin");
    const Tensor inner = input.detach().requires_grad_(true);
    const Tensor slope = torch::autograd::grad({inner.square().sum()}, {inner}).front();
    return (input * slope).sum(1);
  };
  DOCTEST_CHECK(all_close(gradient(curious, x), 2 * x, 1e-12));
  const auto second = [](const Tensor& input) {  // a model that differentiates itself
    return torch::autograd::grad({input.pow(3).sum()}, {input}, {}, true, true).front().sum(1);
  };
  DOCTEST_CHECK(all_close(gradient(second, x), 6 * x, 1e-12));
}

DOCTEST_TEST_CASE("an x that requires gradients keeps its own graph and gradient") {
  const Tensor leaf = random({2, 6}, 5).requires_grad_(true);
  const Tensor derived = leaf * 2;
  const Tensor found = gradient(squares, derived);
  DOCTEST_CHECK(all_close(found, 2 * derived.detach(), 1e-12));
  DOCTEST_CHECK_FALSE(found.requires_grad());
  DOCTEST_CHECK_FALSE(leaf.grad().defined());
  DOCTEST_CHECK_FALSE(
      core::start(bind<Tensor>(squares), {leaf}, {target::Output{}}, Run{}).scores[0].requires_grad());
}

DOCTEST_TEST_CASE("models may return a view of their input, and inputs may be strided") {
  const auto view = [](const Tensor& input) { return input.narrow(1, 0, 2); };
  DOCTEST_CHECK(at::equal(gradient(view, x, target::Class{.index = 1}).sum(0),
                          at::tensor({0., 3., 0., 0., 0., 0.}, at::kDouble)));
  const auto self = [](const Tensor& input) { return input; };
  DOCTEST_CHECK(gradient(self, x, target::Class{.index = 5}).sum().item<double>() == 3.0);
  const Tensor strided = random({6, 3}, 6).t();
  DOCTEST_CHECK(all_close(gradient(squares, strided), 2 * strided, 1e-12));
  const Tensor expanded = random({1, 6}, 7).expand({3, 6});
  DOCTEST_CHECK(all_close(gradient(squares, expanded), (2 * expanded).contiguous(), 1e-12));
}

DOCTEST_TEST_CASE("callers in NoGrad or inference mode get the same, and stay in their mode") {
  const nets::Smooth net;
  const AnyTarget question = target::Class{.index = 1};
  const Tensor expected = gradient(net, x, question);
  {
    const at::NoGradGuard no_grad;
    DOCTEST_CHECK(at::equal(gradient(net, x, question), expected));
    DOCTEST_CHECK_FALSE(at::GradMode::is_enabled());
  }
  const c10::InferenceMode inference;
  const Tensor theirs = x.clone();
  DOCTEST_REQUIRE(theirs.is_inference());
  DOCTEST_CHECK(at::equal(gradient(net, x, question), expected));
  DOCTEST_CHECK(at::equal(gradient(net, theirs, question), expected));
  DOCTEST_CHECK(c10::InferenceMode::is_enabled());
}

DOCTEST_TEST_CASE("bfloat16 and float16 keep their type") {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const Tensor low = x.to(type);
    const Tensor found = gradient([](const Tensor& input) { return (input * input).sum(1); }, low);
    DOCTEST_CHECK((found.scalar_type() == type));
    DOCTEST_CHECK((found.to(at::kDouble) - 2 * low.to(at::kDouble)).abs().max().item<double>() < 1e-2);
  }
}

DOCTEST_TEST_CASE("models that return something else are refused") {
  refused([](const Tensor&) { return Tensor(); }, x,
          "the model returned nothing; expected a floating point tensor");
  refused([](const Tensor& in) { return in.sum(1).to(at::kLong); }, x,
          "the model returned values of type Long");
  refused([](const Tensor& in) { return in.sum(); }, x,
          "the model returned [] for a batch of 3; expected one row a sample, [3, ...]");
  refused([](const Tensor& in) { return in.narrow(0, 0, 2).sum(1); }, x,
          "the model returned [2] for a batch of 3");
}

DOCTEST_TEST_CASE(
    "a score that is cut off from the input is refused, also where parameters require gradients") {
  const Tensor weight = random({6}, 8).requires_grad_(true);
  refused([](const Tensor& in) { return in.detach().sum(1); }, x,
          "does not depend on the input through differentiable operations");
  refused([&](const Tensor& in) { return in.detach().matmul(weight); }, x, "does not depend on the input");
  refused([](const Tensor& in) { return in.argmax(1).to(at::kDouble); }, x, "does not depend on the input");
  refused(
      [](const Tensor& in) {
        const at::NoGradGuard no_grad;
        return in.sum(1);
      },
      x, "NoGradGuard");
}

DOCTEST_TEST_CASE("an exception inside the model passes through and restores the modes") {
  const at::NoGradGuard no_grad;
  const auto throws = [](const Tensor&) -> Tensor { throw std::runtime_error("inside"); };
  DOCTEST_CHECK_THROWS_WITH_AS((void)gradient(throws, x), "inside", std::runtime_error);
  DOCTEST_CHECK_FALSE(at::GradMode::is_enabled());
}

DOCTEST_TEST_CASE("start: frozen targets and scores of the whole batch, in chunks of any size") {
  const nets::Segmentation net;
  const Tensor images = random({5, 1, 4, 4}, 9);
  const Targets questions{target::ClassRegion{.channel = 1}, target::Pixel{.row = 2}};
  const Tensor output = net(images);
  for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{30000}, Run{}.memory}) {
    const auto begun = core::start(bind<Tensor>(net), {images}, questions, Run{.memory = memory});
    DOCTEST_CHECK(all_close(begun.scores[0], questions[0](output), 1e-12));
    DOCTEST_CHECK(all_close(begun.scores[1], questions[1](output), 1e-12));
    DOCTEST_CHECK_FALSE(begun.targets[0].freezable());
    DOCTEST_CHECK(all_close(begun.targets[0](output * -1), -begun.scores[0], 1e-12));
  }
  DOCTEST_CHECK_THROWS_WITH_AS((void)core::start(bind<Tensor>(net), {images.to(at::kLong)}, questions, Run{}),
                               doctest::Contains("of type Long"), Error);
  const auto infinite = [](const Tensor& in) { return in.sum(1) / 0.0; };
  DOCTEST_CHECK_THROWS_WITH_AS((void)core::start(bind<Tensor>(infinite), {x}, {target::Output{}}, Run{}),
                               doctest::Contains("the score is NaN or infinite on this input"), Error);
}

DOCTEST_TEST_CASE(
    "start: its bound of a row's bytes is above what a pass takes, also when the target is dear") {
  const auto check = [](const auto& net, const Tensor& in, const Targets& questions) {
    const auto begun = core::start(bind<Tensor>(net), {in}, questions, Run{});
    const lumen::MemoryMeter meter;
    const auto found = engine::differentiate(bind<Tensor>(net), {in}, begun.targets, false);
    DOCTEST_CHECK(begun.row_bytes * in.size(0) >= meter.peak());
  };
  Targets many;
  for (int i = 0; i < 100; ++i) many.emplace_back(target::Class{.index = i % 3});
  check(nets::Smooth{}, x, {target::Class{.index = 1}});
  check(nets::Smooth{}, x, many);
  check(nets::Segmentation{}, random({5, 1, 4, 4}, 9), {target::ClassRegion{.channel = 1}});
  const auto dear = [](const Tensor& output) {
    return (output.unsqueeze(1).expand({output.size(0), 50000, output.size(1)}) * 2).sum({1, 2});
  };
  check([](const Tensor& in) { return in; }, x, {dear});
}

//! [chunks]
DOCTEST_TEST_CASE("rows of work give the same whatever the budget") {
  const nets::Smooth net;
  const Targets questions{target::Classes{at::tensor({2, 0, 1}, at::kLong)}};
  const auto total = [&](std::int64_t memory) {
    Tensor sum = at::zeros_like(x);
    core::differentiate_rows(
        bind<Tensor>(net), 3, 5, questions, Run{.memory = memory}, "rows",
        [&](std::int64_t first, const Tensor& samples) {
          const Tensor draw = at::arange(first, first + samples.size(0)).div(3, "floor").to(at::kDouble);
          return Tensors{x.index_select(0, samples) * (1.0 + draw).unsqueeze(1)};
        },
        [&](const core::Derivatives& found, std::int64_t, const Tensor& samples) {
          core::add_rows(sum, samples, found.gradients[0][0]);
        });
    return sum;
  };
  Tensor expected = at::zeros_like(x);
  for (int draw = 1; draw <= 5; ++draw) expected += gradient(net, x * draw, questions[0]);
  for (const std::int64_t memory : {1, 2000, 5000, 1 << 29})
    DOCTEST_CHECK(all_close(total(memory), expected, 1e-12));
}
//! [chunks]

DOCTEST_TEST_CASE("a target of the whole batch keeps its batches whole") {
  std::vector<std::int64_t> sizes;
  const auto model = [&](const Tensor& in) {
    sizes.push_back(in.size(0));
    return in.square().sum(1);
  };
  const AnyTarget centred = [](const Tensor& output) { return output - output.mean(); };
  Tensor sum = at::zeros_like(x);
  core::differentiate_rows(
      bind<Tensor>(model), 3, 4, {centred}, Run{.memory = 1}, "rows",
      [&](std::int64_t, const Tensor& samples) { return Tensors{x.index_select(0, samples)}; },
      [&](const core::Derivatives& found, std::int64_t, const Tensor& samples) {
        core::add_rows(sum, samples, found.gradients[0][0]);
      });
  DOCTEST_CHECK(sizes == std::vector<std::int64_t>(4, 3));
  DOCTEST_CHECK(all_close(sum, 4 * gradient(squares, x, centred), 1e-12));
}

DOCTEST_TEST_CASE("scores_of agrees with the model in chunks of any size") {
  const nets::Smooth net;
  const Targets questions{target::Classes{at::tensor({2, 0, 1}, at::kLong)}, target::Class{}};
  for (const std::int64_t memory : {1, 3000, 1 << 29}) {
    const auto scores = core::scores_of(bind<Tensor>(net), {x}, questions, Run{.memory = memory});
    for (std::size_t t = 0; t < 2; ++t) DOCTEST_CHECK(all_close(scores[t], questions[t](net(x)), 1e-14));
  }
}

DOCTEST_TEST_CASE("rows are copies of samples, and sums go back to them") {
  DOCTEST_CHECK(at::equal(core::samples_of(2, 5, 3), at::tensor({2, 0, 1, 2, 0}, at::kLong)));
  Tensor total = at::zeros({3, 1}, at::kDouble), lone = at::zeros({1, 1}, at::kDouble);
  const Tensor values = at::tensor({1., 2., 3., 4., 5.}, at::kDouble).unsqueeze(1);
  core::add_rows(total, core::samples_of(2, 5, 3), values);
  DOCTEST_CHECK(at::equal(total, at::tensor({7., 3., 5.}, at::kDouble).unsqueeze(1)));
  core::add_rows(lone, core::samples_of(0, 5, 1), values);
  DOCTEST_CHECK(lone.item<double>() == 15.0);
  const Tensor flat = at::tensor({1., 2.}, at::kDouble);
  DOCTEST_CHECK(at::equal(core::sum_of({flat, at::ones({2, 2, 2}, at::kDouble)}), flat + 4));
}

//! [threads]
DOCTEST_TEST_CASE("several threads may differentiate one model at once") {
  const nets::ConvNet net;
  const Tensor image = random({2, 1, 8, 8}, 10);
  const Tensor expected = gradient(net, image, target::Class{.index = 1});
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i)
        right += all_close(gradient(net, image, target::Class{.index = 1}), expected, 1e-12) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  DOCTEST_CHECK(right == 40);
}
//! [threads]
