// SPDX-License-Identifier: BSD-3-Clause
// Random models as programs: what a replay gives is compared with the model, bit for bit.
#include <lumen/trace/program.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace trace = lumen::trace;
using lumen::Tensor;
using lumen::Tensors;

namespace {

/// A model of a seed: operators on a pool of values [N, 4, 6, 5], some of which show the memory of others.
struct RandomNet {
  std::uint64_t seed = 0;
  bool apart = false;  ///< write into copies, so that the model's own backward pass keeps what it needs
  Tensors weights;
  Tensor gain = 1.0 + nets::random({4}, 1, 0.1), shift = nets::random({4}, 2, 0.1),
         mean = nets::random({4}, 3, 0.1), variance = 1.0 + nets::random({4}, 4, 0.1).abs();

  RandomNet(std::uint64_t of, at::ScalarType dtype, bool writes_apart = false)
      : seed(of), apart(writes_apart) {
    for (std::uint64_t i = 0; i < 3; ++i)
      weights.push_back(nets::weight({4, 4, 3, 3}, 10 * of + i).to(dtype));
    for (Tensor* each : {&gain, &shift, &mean, &variance}) *each = each->to(dtype);
  }

  Tensor operator()(const Tensor& x) const {
    std::mt19937_64 random(seed);
    const auto pick = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
    Tensors pool{x, at::conv2d(x, weights[0], {}, 1, 1)};
    for (int i = 0; i < 14; ++i) {
      const std::size_t at = pick(pool.size());
      Tensor a = apart ? pool[at].clone() : pool[at];
      const Tensor b = pool[pick(pool.size())];
      switch (pick(20)) {
        case 0:
          a = at::conv2d(a, weights[pick(3)], {}, 1, 1);
          break;  // a layer that is used again
        case 1:
          a = at::batch_norm(a, gain, shift, mean, variance, false, 0.1, 1e-5, false);
          break;
        case 2:
          a = at::relu(a);
          break;
        case 3:
          a.relu_();
          break;
        case 4:
          a.add_(b, 0.5);
          break;
        case 5:
          a = a + b;
          break;
        case 6:
          a = a * at::sigmoid(b);
          break;
        case 7:
          a.mul_(0.5);
          break;
        case 8: {
          const auto parts = a.chunk(2, 1);
          a = at::cat({parts[1], b.slice(1, 0, 2)}, 1);
          break;
        }
        case 9:
          a.slice(1, 1, 3).tanh_();
          break;
        case 10:
          a.select(2, 1).copy_(b.select(2, 0));
          break;
        case 11:
          a = a.view({a.size(0), 4, 30}).view({a.size(0), 4, 6, 5});
          break;
        case 12:
          a = a.transpose(2, 3).contiguous().transpose(2, 3);
          break;
        case 13:
          a = at::max_pool2d(a, 3, 1, 1);
          break;
        case 14:
          a = at::dropout(a, 0.5, false);
          break;
        case 15: {
          Tensor buffer = at::zeros_like(a);
          buffer.slice(3, 0, 3).copy_(b.slice(3, 2, 5));
          a = a + buffer;
          break;
        }
        case 16:
          a = a + at::ones({a.size(0), 1, 1, 1}, a.options()) * shift.view({1, 4, 1, 1});
          break;
        case 17:
          a = a.flatten(2);
          a.clamp_(-2.0, 2.0);
          a = a.unflatten(2, {6, 5});
          break;
        case 18:
          a = at::where(a > b, a, b * 0.1);
          break;
        default:
          a = a.detach();
          break;
      }
      if (!a.is_contiguous()) a = a.contiguous();
      if (pick(3) == 0) {
        pool[at] = a;
      } else {
        pool.push_back(a);
      }
    }
    Tensor sum = pool.back().mean({2, 3});
    for (const Tensor& each : pool) sum = sum + each.mean({2, 3});
    return sum;
  }
};

}  // namespace

DOCTEST_TEST_CASE("random models replay bit for bit, at other inputs and batches, and from any values on") {
  std::int64_t written = 0, put_in = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    DOCTEST_CAPTURE(seed);
    const at::ScalarType dtype = seed % 2 == 0 ? at::kDouble : at::kFloat;
    const RandomNet net(seed, dtype);
    const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts.front()); };
    const auto program = trace::Program::record(model, {nets::random({2, 4, 6, 5}, seed).to(dtype)});
    DOCTEST_REQUIRE_MESSAGE(program.exact(), program.why_not());
    DOCTEST_CHECK(program.any_batch());
    const at::NoGradGuard no_grad;
    for (const std::int64_t rows : {1, 3}) {
      const Tensor x = nets::random({rows, 4, 6, 5}, seed + 500).to(dtype);
      const Tensor expected = net(x.clone());
      DOCTEST_CHECK(at::equal(program({x}), expected));
      // a suffix: every third value of that pass given
      trace::Program::Values given{{program.inputs().front(), x}};
      std::vector<trace::ValueId> some;
      for (trace::ValueId id = 1; id < program.value_count(); id += 3) some.push_back(id);
      const Tensors values = program.run(given, some);
      for (std::size_t i = 0; i < some.size(); ++i) given.insert_or_assign(some[i], values[i]);
      DOCTEST_CHECK(at::equal(program.run(given), expected));
    }
    for (const trace::Step& step : program.steps()) {
      put_in += step.synthetic ? 1 : 0;
      written += !step.operands.empty() && step.writes(0) ? 1 : 0;
    }
  }
  DOCTEST_CHECK(written > 200);
  DOCTEST_CHECK(put_in > 200);
}

DOCTEST_TEST_CASE("random models: gradients of a replay are those of the model") {
  std::int64_t written = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    DOCTEST_CAPTURE(seed);
    const RandomNet net(seed, at::kDouble, true);
    const lumen::engine::Function model = [&](const Tensors& parts) { return net(parts.front()); };
    const auto program = trace::Program::record(model, {nets::random({2, 4, 6, 5}, seed)});
    const Tensor a = nets::random({2, 4, 6, 5}, seed + 1).requires_grad_(true);
    const Tensor b = a.detach().clone().requires_grad_(true);
    const Tensor expected = torch::autograd::grad({net(a * 1.0).select(1, 1).sum()}, {a})[0];
    const Tensor replayed = torch::autograd::grad({program({b * 1.0}).select(1, 1).sum()}, {b})[0];
    DOCTEST_CHECK((expected - replayed).abs().max().item<double>() <=
                  1e-12 * (1.0 + expected.abs().max().item<double>()));
    for (const trace::Step& step : program.steps())
      written += !step.operands.empty() && step.writes(0) ? 1 : 0;
  }
  DOCTEST_CHECK(written > 100);
}
