// SPDX-License-Identifier: BSD-3-Clause
// What operators get that are not sums alone, and what neighbours become together.
#include <lumen/rule/lrp/composite.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "support/allclose.hpp"
#include "support/lrp_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace lrp = lumen::rule::lrp;
using lumen::Tensor;
using lumen::Tensors;
using lumen::rule::Composite;
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

/// Normalisation by fixed statistics, with gains of both signs.
struct Norm {
  Tensor gain, shift, mean, variance;
  explicit Norm(std::int64_t channels, std::uint64_t seed = 70)
      : gain(random({channels}, seed)),
        shift(random({channels}, seed + 1)),
        mean(random({channels}, seed + 2)),
        variance(0.5 + random({channels}, seed + 3).abs()) {}
  Tensor operator()(const Tensor& x) const {
    return at::batch_norm(x, gain, shift, mean, variance, false, 0.1, 1e-5, false);
  }
  [[nodiscard]] Tensor scale() const { return gain / (variance + 1e-5).sqrt(); }
  [[nodiscard]] Tensor offset() const { return shift - mean * scale(); }
};

struct Pair {
  std::string name;
  Operator f;
  std::vector<std::int64_t> shape;
};

/// The relevance of two inputs of `f`.
Tensors relevances(const Composite& composite, const std::function<Tensor(const Tensor&, const Tensor&)>& f,
                   const Tensor& a, const Tensor& b, const Tensor& r) {
  lumen::rule::Pass pass(composite);
  const auto target = [r](const Tensor& output) { return (output * r).flatten(1).sum(1); };
  const auto model = pass.bind([&](const Tensors& parts) { return f(parts[0], parts[1]); });
  return lumen::engine::differentiate(model, {a, b}, {target}, false).gradients.front();
}

void check_against_matrix(const std::vector<Pair>& pairs) {
  for (const Pair& pair : pairs) {
    const Tensor x = random(pair.shape, 71).clamp(-3.9, 4.9);
    const Tensor r = random(pair.f(x).sizes().vec(), 72);
    for (const Case& one : rules()) {
      DOCTEST_CAPTURE(pair.name);
      DOCTEST_CAPTURE(one.name);
      const Tensor ours = relevance(lrp::uniform(one.rule), pair.f, x, r);
      for (std::int64_t n = 0; n < x.size(0); ++n) {
        const Tensor theirs =
            one.formula(Matrix(pair.f, x.narrow(0, n, 1)), x[n].reshape({-1}), r[n].reshape({-1}));
        const double scale = 1.0 + theirs.abs().max().item<double>();
        DOCTEST_CHECK(max_error(ours[n].reshape({-1}), theirs) < 1e-8 * scale);
      }
    }
  }
}

}  // namespace

DOCTEST_TEST_CASE("a weighted operator and the normalisation behind it are one operator of merged weights") {
  const Norm norm(4);
  const Tensor b = random({4}, 1), wide = random({4, 3}, 2), tall = random({3, 4}, 3);
  const Tensor c2 = random({4, 2, 3, 3}, 4), grouped = random({4, 1, 3, 3}, 5), c1 = random({4, 2, 2}, 6);
  const Tensor t2 = random({4, 2, 2, 2}, 7), t1 = random({2, 4, 2}, 8), c3 = random({4, 1, 2, 1, 2}, 9);
  check_against_matrix({
      {"conv1d", [=](const Tensor& x) { return norm(at::conv1d(x, c1)); }, {2, 2, 4}},
      {"conv2d", [=](const Tensor& x) { return norm(at::conv2d(x, c2, b, 1, 1)); }, {2, 2, 3, 3}},
      {"conv2d in groups",
       [=](const Tensor& x) { return norm(at::conv2d(x, grouped, {}, 1, 1, 1, 2)); },
       {2, 2, 3, 3}},
      {"conv3d", [=](const Tensor& x) { return norm(at::conv3d(x, c3, b)); }, {2, 1, 2, 2, 3}},
      {"conv_transpose1d", [=](const Tensor& x) { return norm(at::conv_transpose1d(x, t1, b)); }, {2, 2, 3}},
      {"conv_transpose2d in groups",
       [=](const Tensor& x) { return norm(at::conv_transpose2d(x, t2, b, 1, 0, 0, 2)); },
       {2, 4, 2, 2}},
      {"linear", [=](const Tensor& x) { return norm(at::linear(x, wide, b)); }, {2, 3}},
      {"addmm", [=](const Tensor& x) { return norm(at::addmm(b, x, tall, 0.5, 2.0)); }, {2, 3}},
      {"mm", [=](const Tensor& x) { return norm(at::mm(x, tall)); }, {2, 3}},
  });
}

DOCTEST_TEST_CASE(
    "a normalisation becomes part of the weighted operator behind it if there is none before it") {
  const Norm norm(2);
  const Tensor w = random({3, 2}, 10), b = random({3}, 11), c = random({3, 2, 3, 3}, 12),
               g = random({4, 1, 3, 3}, 100), t = random({2, 3, 2, 2}, 101);
  check_against_matrix(
      {{"linear", [=](const Tensor& x) { return at::linear(norm(x), w, b); }, {2, 2}},
       {"conv2d", [=](const Tensor& x) { return at::conv2d(norm(x), c, b, 1, 1); }, {2, 2, 3, 3}},
       {"conv2d in groups",
        [=](const Tensor& x) { return at::conv2d(norm(x), g, {}, 1, 1, 1, 2); },
        {2, 2, 3, 3}},
       {"conv_transpose2d",
        [=](const Tensor& x) { return at::conv_transpose2d(norm(x), t, b); },
        {2, 2, 2, 2}},
       {"mm", [=](const Tensor& x) { return at::mm(norm(x), t.reshape({2, -1})); }, {2, 2}},
       {"no bias", [=](const Tensor& x) { return at::conv2d(norm(x), c); }, {2, 2, 3, 3}}});
}

DOCTEST_TEST_CASE("with a net whose normalisations are folded by hand, all composites agree") {
  const Norm first(4, 80), second(4, 90);
  const Tensor w1 = random({4, 2, 3, 3}, 13), w2 = random({4, 4, 3, 3}, 14), b = random({4}, 15),
               w3 = random({3, 4}, 16);
  const auto tail = [&](const Tensor& a, const Tensor& c) {
    return at::linear(at::adaptive_avg_pool2d(at::relu(a + c), {1, 1}).flatten(1), w3);
  };
  const auto net = [&](const Tensor& x) {
    const Tensor a = at::relu(first(at::conv2d(x, w1, b, 1, 1)));
    return tail(a, second(at::conv2d(a, w2, {}, 1, 1)));
  };
  const auto folded = [&](const Tensor& x) {
    const auto on = [](const Tensor& scale) { return scale.reshape({-1, 1, 1, 1}); };
    const Tensor a =
        at::relu(at::conv2d(x, w1 * on(first.scale()), b * first.scale() + first.offset(), 1, 1));
    return tail(a, at::conv2d(a, w2 * on(second.scale()), second.offset(), 1, 1));
  };
  const Tensor x = random({2, 2, 5, 5}, 17), r = random({2, 3}, 18);
  for (const Composite& composite :
       std::vector<Composite>{lrp::EpsilonPlus{}, lrp::EpsilonPlusFlat{}, lrp::EpsilonAlpha2Beta1{},
                              lrp::EpsilonAlpha2Beta1Flat{}, lrp::EpsilonGammaBox{.low = -6.0, .high = 6.0},
                              lrp::uniform(lrp::WSquare{})}) {
    const Tensor ours = relevance(composite, net, x, r);
    DOCTEST_CHECK(all_close(ours, relevance(composite, folded, x, r), 1e-10));
    Composite apart = composite;
    apart.use(lumen::rule::kinds::norms_fixed, lrp::BatchNorm{.merge = false});
    DOCTEST_CHECK(max_error(ours, relevance(apart, net, x, r)) > 1e-3);
  }
}

DOCTEST_TEST_CASE("a normalisation that shares its input, or follows no weights, has a rule of its own") {
  const Norm norm(2);
  const Tensor w = random({2, 2}, 19), x = random({3, 2}, 20), r = random({3, 2}, 21);
  const auto shared = [&](const Tensor& at) {
    const Tensor y = at::linear(at, w);
    return norm(y) + y;
  };
  const Tensor y = at::linear(x, w), z = norm(y) + y;
  const Tensor of_norm = norm(y) / z * r, of_y = y / z * r + y * norm.scale() / norm(y) * of_norm;
  const Composite zero =
      lrp::Parts{.dense = lrp::Zero{}, .sum = lrp::Zero{}, .fixed_norm = lrp::BatchNorm{.epsilon = 0}};
  DOCTEST_CHECK(all_close(relevance(zero, shared, x, r), x * at::mm(of_y / y, w), 1e-10));

  const Tensor alone = relevance(zero, [&](const Tensor& at) { return norm(at); }, x, r);
  DOCTEST_CHECK(all_close(alone, x * norm.scale() / norm(x) * r, 1e-10));
  const auto flat = lrp::Parts{.fixed_norm = lrp::BatchNorm{.alone = lrp::Flat{}}};
  DOCTEST_CHECK(all_close(relevance(flat, [&](const Tensor& at) { return norm(at); }, x, r), r, 1e-7));
}

DOCTEST_TEST_CASE("a composite's epsilon reaches the normalisations that stand alone") {
  const Norm norm(2);
  const Tensor x = random({3, 2}, 20), r = random({3, 2}, 21), z = norm(x);
  const Tensor expected = x * norm.scale() / (z + 0.5 * z.sign()) * r;
  const Operator f = [&](const Tensor& at) { return norm(at); };
  for (const Composite& composite :
       std::vector<Composite>{lrp::EpsilonPlus{0.5}, lrp::EpsilonPlusFlat{0.5}, lrp::EpsilonAlpha2Beta1{0.5},
                              lrp::EpsilonAlpha2Beta1Flat{0.5},
                              lrp::EpsilonGammaBox{.low = -6.0, .high = 6.0, .epsilon = 0.5}}) {
    DOCTEST_CHECK(all_close(relevance(composite, f, x, r), expected, 1e-10));
  }
  const auto layer = [&](double epsilon) {
    return relevance(
        lrp::EpsilonPlus{epsilon}, [](const Tensor& at) { return at::layer_norm(at, {2}, {}, {}, 1e-5); }, x,
        r);
  };
  DOCTEST_CHECK(max_error(layer(0.5), layer(1e-6)) > 1e-3);
}

DOCTEST_TEST_CASE("statistics of the batch are refused") {
  const Norm norm(2);
  const std::string message = message_of([&] {
    (void)relevance(
        lrp::EpsilonPlus{},
        [&](const Tensor& x) {
          return at::batch_norm(x, norm.gain, norm.shift, {}, {}, true, 0.1, 1e-5, false);
        },
        random({3, 2}, 1), random({3, 2}, 2));
  });
  DOCTEST_CHECK(holds(message, "batch_norm 0"));
  DOCTEST_CHECK(holds(message, "evaluation mode"));
}

DOCTEST_TEST_CASE("layer, group and instance norms are linear with the scale that the data gave") {
  const Tensor gain = random({4}, 22), shift = random({4}, 23);
  const Tensor x = random({2, 4, 3}, 24), r = random({2, 4, 3}, 25);
  const auto check = [&](const Operator& f, const Tensor& rows_of, const std::vector<std::int64_t>& rows,
                         const Tensor& w) {
    // the operator with its scale held fixed, as a function that Matrix may probe
    const Tensor grouped = rows_of.reshape(rows);
    const Tensor sigma = (grouped.var({1}, false, true) + 1e-5).sqrt();
    const auto linear = [&](const Tensor& v) {
      const Tensor g = v.reshape(rows);
      return ((g - g.mean({1}, true)) / sigma).reshape(v.sizes()) * w;
    };
    const Matrix matrix(linear, rows_of);
    const Tensor z = f(rows_of).reshape({-1}), flat = rows_of.reshape({-1});
    const Tensor expected = (matrix.w * flat.unsqueeze(0) * (r.reshape({-1}) / z).unsqueeze(1)).sum(0);
    const Tensor ours = relevance(lrp::Parts{.adaptive_norm = lrp::LayerNorm{.epsilon = 0.0}}, f, rows_of, r);
    DOCTEST_CHECK(all_close(ours.reshape({-1}), expected, 1e-9));
  };
  const Tensor last = random({3}, 26), last_shift = random({3}, 27), channels = gain.reshape({1, 4, 1});
  check([&](const Tensor& v) { return at::layer_norm(v, {3}, last, last_shift); }, x, {8, 3}, last);
  check([&](const Tensor& v) { return at::layer_norm(v, {4, 3}); }, x, {2, 12}, at::ones({1}, at::kDouble));
  check([&](const Tensor& v) { return at::group_norm(v, 2, gain, shift); }, x, {4, 6}, channels);
  check([&](const Tensor& v) { return at::instance_norm(v, gain, shift, {}, {}, true, 0.1, 1e-5, false); }, x,
        {8, 3}, channels);
}

DOCTEST_TEST_CASE("of a gate and a signal, the signal takes all; of equals each takes half") {
  const Tensor a = random({2, 3}, 28), b = random({2, 3}, 29), r = random({2, 3}, 30);
  const Tensor none = at::zeros_like(r);
  const Composite composite = lrp::EpsilonPlus{};
  const auto both = [&](const auto& f, const Tensor& of_a, const Tensor& of_b) {
    const Tensors map = relevances(composite, f, a, b, r);
    DOCTEST_CHECK(all_close(map[0], of_a, 1e-12));
    DOCTEST_CHECK(all_close(map[1], of_b, 1e-12));
  };
  both([](const Tensor& x, const Tensor& y) { return x * at::sigmoid(y); }, r, none);
  both([](const Tensor& x, const Tensor& y) { return at::hardsigmoid(x).unsqueeze(1).squeeze(1) * y; }, none,
       r);
  both([](const Tensor& x, const Tensor& y) { return at::tanh(x) * at::sigmoid(y); }, r, none);
  both([](const Tensor& x, const Tensor& y) { return x * (at::relu6(y + 3.0) / 6.0); }, r, none);
  both([](const Tensor& x, const Tensor& y) { return at::softmax(x, 1) * at::tanh(y); }, none, r);
  both([](const Tensor& x, const Tensor& y) { return x * y; }, r / 2, r / 2);
  both([](const Tensor& x, const Tensor& y) { return x / at::exp(y); }, r, none);
  const Tensor own = relevance(composite, [](const Tensor& x) { return x * at::sigmoid(x); }, a, r);
  DOCTEST_CHECK(all_close(own, r, 1e-12));
  const Tensor square = relevance(composite, [](const Tensor& x) { return x * x; }, a, r);
  DOCTEST_CHECK(all_close(square, r, 1e-12));
}

DOCTEST_TEST_CASE("matrix products of two values: a softmax is a gate, equals share") {
  const Tensor q = random({2, 3, 2}, 31), v = random({2, 3, 2}, 32), r = random({2, 3, 2}, 33);
  const Composite zero = lrp::Parts{.dense = lrp::Zero{}};
  const Tensors attention = relevances(
      zero,
      [](const Tensor& x, const Tensor& y) {
        return at::bmm(at::softmax(at::bmm(x, x.transpose(1, 2)), 2), y);
      },
      q, v, r);
  const Tensor weights = at::softmax(at::bmm(q, q.transpose(1, 2)), 2);
  DOCTEST_CHECK(all_close(attention[0], at::zeros_like(q), 0.0));
  DOCTEST_CHECK(
      all_close(attention[1], v * at::bmm(weights.transpose(1, 2), r / at::bmm(weights, v)), 1e-10));
  const Tensor w = random({2, 2, 3}, 34), r2 = random({2, 2, 2}, 35);
  const Tensors equal =
      relevances(zero, [](const Tensor& x, const Tensor& y) { return at::bmm(x, y); }, w, v, r2);
  const Tensor s = r2 / at::bmm(w, v) / 2;
  DOCTEST_CHECK(all_close(equal[0], w * at::bmm(s, v.transpose(1, 2)), 1e-10));
  DOCTEST_CHECK(all_close(equal[1], v * at::bmm(w.transpose(1, 2), s), 1e-10));
}

DOCTEST_TEST_CASE("sums of two values share in proportion, an added constant takes its share") {
  const Tensor a = random({2, 3}, 36), b = random({2, 3}, 37), r = random({2, 3}, 38);
  const Composite zero = lrp::Parts{.sum = lrp::Zero{}};
  const Tensors map =
      relevances(zero, [](const Tensor& x, const Tensor& y) { return at::add(x, y, -2.0) + 1.0; }, a, b, r);
  const Tensor inner = a - 2 * b, of_inner = inner / (inner + 1.0) * r;
  DOCTEST_CHECK(all_close(map[0], a / inner * of_inner, 1e-10));
  DOCTEST_CHECK(all_close(map[1], -2 * b / inner * of_inner, 1e-10));
  const Tensors in_place = relevances(
      zero,
      [](const Tensor& x, const Tensor& y) {
        Tensor sum = x * 1.0;
        sum.add_(y, -2.0);
        return sum.add_(1.0);
      },
      a, b, r);
  DOCTEST_CHECK(all_close(in_place[0], map[0], 1e-12));
  DOCTEST_CHECK(all_close(in_place[1], map[1], 1e-12));
  const Tensor row = random({1, 3}, 39);
  const Tensors broadcast =
      relevances(zero, [](const Tensor& x, const Tensor& y) { return x + y.sum(1, true); }, a, b, r);
  const Tensor total = b.sum(1, true), at_total = (total / (a + total) * r).sum(1, true);
  DOCTEST_CHECK(all_close(broadcast[1], b / total * at_total, 1e-10));
}

DOCTEST_TEST_CASE("activations pass, winners take all, moves move; nothing of it is lost") {
  const Composite composite = lrp::EpsilonPlus{};
  const Tensor x = random({2, 2, 4, 4}, 40);
  const auto total = [&](const Operator& f) {
    const Tensor r = random(f(x).sizes().vec(), 41);
    return std::pair{relevance(composite, f, x, r).sum().item<double>(), r.sum().item<double>()};
  };
  for (const Operator& f :
       std::vector<Operator>{[](const Tensor& v) { return at::relu(v); },
                             [](const Tensor& v) { return at::silu(v); },
                             [](const Tensor& v) { return at::hardswish(v); },
                             [](const Tensor& v) { return at::gelu(v); },
                             [](const Tensor& v) { return at::tanh(v); },
                             [](const Tensor& v) { return at::softmax(v, 1); },
                             [](const Tensor& v) { return at::log_softmax(v, 1); },
                             [](const Tensor& v) { return at::logsumexp(v, {1}); },
                             [](const Tensor& v) { return at::max_pool2d(v, 3, 1, 1); },
                             [](const Tensor& v) { return v.amax({2, 3}); },
                             [](const Tensor& v) { return std::get<0>(v.max(1)); },
                             [](const Tensor& v) { return at::max(v, at::zeros({1}, at::kDouble)); },
                             [](const Tensor& v) { return at::maximum(v, v.flip({3})); },
                             [](const Tensor& v) { return at::upsample_nearest2d(v, {8, 8}); },
                             [](const Tensor& v) { return at::upsample_bilinear2d(v, {7, 7}, false) * 1.0; },
                             [](const Tensor& v) { return v.repeat({1, 1, 2, 1}); },
                             [](const Tensor& v) { return v.narrow(1, 0, 1).expand({2, 3, 4, 4}); },
                             [](const Tensor& v) { return at::cat({v, v.transpose(2, 3)}, 1); },
                             [](const Tensor& v) { return at::dropout(v, 0.5, false); },
                             [](const Tensor& v) { return at::adaptive_avg_pool2d(v, {2, 2}).flatten(1); },
                             [](const Tensor& v) { return at::pixel_shuffle(at::cat({v, v}, 1), 2); },
                             [](const Tensor& v) { return at::stack(v.unbind(1), 1); }}) {
    const auto [arrived, given] = total(f);
    DOCTEST_CHECK(arrived == doctest::Approx(given).epsilon(1e-4));
  }
  // what is cut off takes nothing with it, and a border of zeros gets none back from rules that multiply by x
  const Tensor w = random({2, 2, 3, 3}, 42);
  const auto padded = [&](const Tensor& v) { return at::conv2d(at::constant_pad_nd(v, {1, 1, 1, 1}), w); };
  const auto inside = [&](const Tensor& v) { return at::conv2d(v, w, {}, 1, 1); };
  const Tensor r = random({2, 2, 4, 4}, 43);
  DOCTEST_CHECK(all_close(relevance(composite, padded, x, r), relevance(composite, inside, x, r), 1e-10));
}

DOCTEST_TEST_CASE("an operator without a rule is refused by name, and a composite may be given one") {
  const Operator f = [](const Tensor& v) { return at::cumprod(v, 1); };
  const Tensor x = random({2, 3}, 44), r = random({2, 3}, 45);
  Composite composite = lrp::EpsilonPlus{};
  DOCTEST_CHECK(
      holds(message_of([&] { (void)relevance(composite, f, x, r); }), "LRP has no rule for cumprod 0"));
  composite.use({"cumprod"}, lrp::Pass{});
  DOCTEST_CHECK(all_close(relevance(composite, f, x, r), r, 0.0));
}

DOCTEST_TEST_CASE("the published composites give each place its rule") {
  const Tensor w1 = random({3, 2, 3, 3}, 46), w2 = random({3, 3, 3, 3}, 47), w3 = random({2, 12}, 48);
  const auto net = [&](const Tensor& x) {
    return at::linear(at::conv2d(at::conv2d(x, w1), w2).flatten(1), w3);
  };
  const Tensor x = random({1, 2, 6, 6}, 49), r = random({1, 2}, 50);
  const auto by_hand = [&](const lumen::rule::Backward& first, const lumen::rule::Backward& convolution) {
    Composite composite{.method = "test"};
    composite.use({"linear"}, lrp::Epsilon{.epsilon = 0.01}).pass({"flatten"});
    composite.layers = {{lumen::layer::of(w1), first}, {lumen::layer::of(w2), convolution}};
    return relevance(composite, net, x, r);
  };
  const auto same = [&](const Composite& composite, const Tensor& expected) {
    DOCTEST_CHECK(all_close(relevance(composite, net, x, r), expected, 1e-12));
  };
  using namespace lrp;
  same(EpsilonPlus{.epsilon = 0.01}, by_hand(ZPlus{}, ZPlus{}));
  same(EpsilonPlusFlat{.epsilon = 0.01}, by_hand(Flat{}, ZPlus{}));
  same(EpsilonAlpha2Beta1{.epsilon = 0.01}, by_hand(AlphaBeta{}, AlphaBeta{}));
  same(EpsilonAlpha2Beta1Flat{.epsilon = 0.01}, by_hand(Flat{}, AlphaBeta{}));
  same(EpsilonGammaBox{.low = -9.0, .high = 9.0, .epsilon = 0.01, .gamma = 0.5},
       by_hand(ZBox{.low = -9.0, .high = 9.0}, Gamma{.gamma = 0.5}));
}
