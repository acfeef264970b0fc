// SPDX-License-Identifier: BSD-3-Clause
// Every rule on every operator that sums, against the papers' formulas on the operator's matrix.
#include <lumen/rule/lrp/rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/allclose.hpp"
#include "support/lrp_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace lrp = lumen::rule::lrp;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::max_error;
using lumen::testing::message_of;
using lumen::testing::lrp_oracle::Case;
using lumen::testing::lrp_oracle::Matrix;
using lumen::testing::lrp_oracle::Operator;
using lumen::testing::lrp_oracle::relevance;
using lumen::testing::lrp_oracle::rules;
using lumen::testing::nets::random;

namespace {

struct Op {
  std::string name;
  Operator f;
  std::vector<std::int64_t> shape;  ///< of x with a batch of two
  bool even = true;                 ///< the weights of each output are equal, or its own
};

std::vector<Op> operators() {
  const Tensor bias = random({4}, 1), square = random({3, 3}, 2);
  const Tensor wide = random({4, 3}, 3), tall = random({3, 4}, 4);
  const Tensor c1 = random({4, 2, 3}, 5), c2 = random({4, 2, 3, 2}, 6), c3 = random({4, 1, 2, 2, 2}, 7);
  const Tensor grouped = random({4, 1, 3, 3}, 8);
  const Tensor t1 = random({2, 4, 3}, 9), t2 = random({2, 2, 3, 3}, 10), t3 = random({1, 4, 2, 2, 2}, 11);
  return {
      {"linear", [=](const Tensor& x) { return at::linear(x, wide, bias); }, {2, 3}},
      {"linear of rows", [=](const Tensor& x) { return at::linear(x, wide); }, {2, 2, 3}},
      {"conv1d", [=](const Tensor& x) { return at::conv1d(x, c1, bias, 2, 1); }, {2, 2, 5}},
      {"conv2d",
       [=](const Tensor& x) { return at::conv2d(x, c2, bias, {1, 2}, {2, 1}, {2, 1}); },
       {2, 2, 4, 3}},
      {"conv2d in groups",
       [=](const Tensor& x) { return at::conv2d(x, grouped, bias, 1, 1, 1, 2); },
       {2, 2, 3, 3}},
      {"conv2d, same size",
       [=](const Tensor& x) { return at::conv2d(x, c2, bias, 1, "same"); },
       {2, 2, 3, 3}},
      {"conv3d", [=](const Tensor& x) { return at::conv3d(x, c3, bias); }, {2, 1, 2, 3, 2}},
      {"conv_transpose1d", [=](const Tensor& x) { return at::conv_transpose1d(x, t1, bias, 2); }, {2, 2, 3}},
      {"conv_transpose2d in groups",
       [=](const Tensor& x) { return at::conv_transpose2d(x, t2, bias, 2, 1, 1, 2); },
       {2, 2, 2, 2}},
      {"conv_transpose3d",
       [=](const Tensor& x) { return at::conv_transpose3d(x, t3, bias); },
       {2, 1, 2, 1, 2}},
      {"addmm", [=](const Tensor& x) { return at::addmm(bias, x, tall); }, {2, 3}},
      {"addmm with factors", [=](const Tensor& x) { return at::addmm(bias, x, tall, 0.5, -2.0); }, {2, 3}},
      {"mm", [=](const Tensor& x) { return at::mm(x, tall); }, {2, 3}},
      {"matmul", [=](const Tensor& x) { return at::matmul(x, tall); }, {2, 2, 3}},
      {"matmul, the weight first", [=](const Tensor& x) { return at::matmul(wide, x); }, {2, 3, 2}},
      {"einsum", [=](const Tensor& x) { return at::einsum("ni,io->no", {x, tall}); }, {2, 3}},
      {"einsum, the weight first",
       [=](const Tensor& x) { return at::einsum("io,ni->no", {tall, x}); },
       {2, 3}},
      {"times a constant", [=](const Tensor& x) { return x * square; }, {2, 3, 3}},
      {"times a number", [](const Tensor& x) { return x * -2.5; }, {2, 3}},
      {"over a constant", [=](const Tensor& x) { return x / square; }, {2, 3, 3}},
      {"plus a constant", [=](const Tensor& x) { return at::add(x, square, 3.0); }, {2, 3, 3}},
      {"a constant less it", [=](const Tensor& x) { return at::sub(square, x, 2.0); }, {2, 3, 3}},
      {"a number less it", [](const Tensor& x) { return 1.5 - x; }, {2, 3}},
      {"neg", [](const Tensor& x) { return -x; }, {2, 3}},
      {"with itself moved", [](const Tensor& x) { return at::sub(x, x.flip({1}), 0.5); }, {2, 4}, false},
      {"avg_pool2d", [](const Tensor& x) { return at::avg_pool2d(x, 2, 1); }, {2, 2, 3, 3}},
      {"adaptive_avg_pool2d",
       [](const Tensor& x) { return at::adaptive_avg_pool2d(x, {2, 1}); },
       {2, 2, 3, 3}},
      {"mean", [](const Tensor& x) { return x.mean(2); }, {2, 2, 3}},
      {"sum", [](const Tensor& x) { return x.sum(2); }, {2, 2, 3}},
      {"upsample_bilinear2d",
       [](const Tensor& x) { return at::upsample_bilinear2d(x, {3, 4}, false); },
       {2, 1, 2, 2},
       false},
  };
}

}  // namespace

DOCTEST_TEST_CASE("every rule on every operator is the paper's formula on the operator's matrix") {
  int checked = 0;
  for (const Op& op : operators()) {
    for (const bool positive : {false, true}) {
      Tensor x = random(op.shape, 20);
      x = (positive ? x.abs() : x).clamp(-3.9, 4.9);
      const Tensor r = random(op.f(x).sizes().vec(), 21);
      for (const Case& one : rules()) {
        // of one value used twice, and of weights that are the operator's alone, the matrix is not what rules see
        const bool by_weights = one.name == "w squared" || one.name == "flat";
        if (!op.even && (by_weights || (one.name == "z-box" && op.name != "upsample_bilinear2d"))) continue;
        DOCTEST_CAPTURE(op.name);
        DOCTEST_CAPTURE(one.name);
        const Tensor ours = relevance(one.rule, op.f, x, r);
        for (std::int64_t n = 0; n < 2; ++n) {
          const Matrix matrix(op.f, x.narrow(0, n, 1));
          const Tensor theirs = one.formula(matrix, x[n].reshape({-1}), r[n].reshape({-1}));
          const double scale = 1.0 + theirs.abs().max().item<double>();
          DOCTEST_CHECK(max_error(ours[n].reshape({-1}), theirs) < 1e-8 * scale);
          ++checked;
        }
      }
    }
  }
  DOCTEST_CHECK(checked > 1800);
}

DOCTEST_TEST_CASE("with nothing to absorb it, relevance is conserved") {
  const Tensor x = random({2, 2, 4, 4}, 30), w = random({4, 2, 3, 3}, 31), r = random({2, 4, 2, 2}, 32);
  const auto f = [&](const Tensor& at) { return at::conv2d(at, w, random({4}, 33)); };
  const double given = r.sum().item<double>();
  for (const auto& rule : std::vector<lumen::rule::Backward>{
           lrp::Zero{.bias = false}, lrp::Gamma{.epsilon = 0.0, .bias = false}, lrp::AlphaBeta{.bias = false},
           lrp::ZPlus{.bias = false}, lrp::ZBox{.low = -5.0, .high = 5.0}, lrp::WSquare{}, lrp::Flat{}}) {
    DOCTEST_CHECK(relevance(rule, f, x, r).sum().item<double>() == doctest::Approx(given).epsilon(1e-7));
  }
}

DOCTEST_TEST_CASE("what biases and the stabiliser absorb is told exactly") {
  const Tensor x = random({3, 4}, 40), w = random({5, 4}, 41), b = random({5}, 42), r = random({3, 5}, 43);
  const auto f = [&](const Tensor& at) { return at::linear(at, w, b); };
  lrp::Absorbed notes;
  Tensor map;
  {
    const lrp::detail::Noting noting(notes);
    map = relevance(lrp::Epsilon{.epsilon = 0.3}, f, x, r);
  }
  const Tensor z = f(x), sign = at::where(z >= 0, at::ones_like(z), -at::ones_like(z));
  const Tensor s = r / (z + 0.3 * sign);
  DOCTEST_CHECK(notes.bias == doctest::Approx((s * b).sum().item<double>()).epsilon(1e-12));
  DOCTEST_CHECK(notes.stabiliser == doctest::Approx((s * sign * 0.3).sum().item<double>()).epsilon(1e-12));
  const double gone = (r.sum() - map.sum()).item<double>();
  DOCTEST_CHECK(notes.bias + notes.stabiliser == doctest::Approx(gone).epsilon(1e-12));
  DOCTEST_CHECK(lrp::detail::absorbed() == nullptr);
}

DOCTEST_TEST_CASE("pass moves relevance unchanged where shapes allow it, and says where not") {
  const Tensor x = random({2, 3}, 50), w = random({3, 3}, 51), r = random({2, 3}, 52);
  DOCTEST_CHECK(
      all_close(relevance(lrp::Pass{}, [&](const Tensor& at) { return at::linear(at, w); }, x, r), r, 0.0));
  const Tensor narrow = random({2, 3}, 53), r2 = random({2, 2}, 54);
  const std::string message = message_of(
      [&] { (void)relevance(lrp::Pass{}, [&](const Tensor& at) { return at::linear(at, narrow); }, x, r2); });
  DOCTEST_CHECK(holds(message, "lrp::Pass cannot be the rule of linear 0"));
  DOCTEST_CHECK(holds(message, "[2, 2] from [2, 3]"));
}

DOCTEST_TEST_CASE("bad options are refused") {
  const Tensor x = random({2, 3}, 60), w = random({2, 3}, 61), r = random({2, 2}, 62);
  const auto of = [&](const lumen::rule::Backward& rule) {
    return message_of(
        [&] { (void)relevance(rule, [&](const Tensor& at) { return at::linear(at, w); }, x, r); });
  };
  DOCTEST_CHECK(holds(of(lrp::AlphaBeta{.alpha = 2.0, .beta = 0.5}), "alpha - beta = 1"));
  DOCTEST_CHECK(holds(of(lrp::AlphaBeta{.alpha = 0.5, .beta = -0.5}), "none below 0"));
  DOCTEST_CHECK(holds(of(lrp::ZBox{.low = 0.0}), "high is not set"));
  DOCTEST_CHECK(holds(of(lrp::ZBox{.low = 9.0, .high = -9.0}), "low must be below high"));
  DOCTEST_CHECK(holds(of(lrp::ZBox{.low = 0.0, .high = 0.1}), "leaves the box from 0 to 0.1"));
  DOCTEST_CHECK(holds(of(lrp::ZBox{.low = at::zeros({7}), .high = 1.0}), "does not broadcast"));
  const Tensor v = random({2}, 63);
  const std::string three = message_of([&] {
    (void)relevance(
        lrp::Epsilon{}, [&](const Tensor& at) { return at::einsum("ni,oi,o->no", {at, w, v}); }, x, r);
  });
  DOCTEST_CHECK(holds(three, "multiplies 3 tensors"));
}

DOCTEST_TEST_CASE("any callable of the right shape is a rule, a number is not") {
  static_assert(lrp::Rule<lrp::Epsilon> && lrp::Rule<lrp::Flat> && lrp::Rule<lumen::rule::Backward>);
  static_assert(!lrp::Rule<double>);
}
