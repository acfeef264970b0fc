// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/rule/deep_lift/rules.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/lift.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace rule = lumen::rule;
namespace target = lumen::target;
using lumen::Targets;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::Case;
using lumen::testing::check_exact;
using lumen::testing::check_limit;
using lumen::testing::holds;
using lumen::testing::Lift;
using lumen::testing::lift;
using lumen::testing::message_of;
using lumen::testing::weighed;

namespace {

/// Values that repeat, so that maxima tie, differences vanish and kinks are met.
Tensor coarse(const Tensor& x) { return at::round(x * 1.5) / 1.5; }

std::vector<Case> elementwise() {
  const Tensor slopes = nets::random({3}, 3, 0.2);
  const Tensor bound = nets::random({3, 1, 1}, 4, 0.5);
  return {
      {"relu", [](const Tensor& x) { return at::relu(x); }},
      {"relu_", [](const Tensor& x) { return (x * 1.0).relu_(); }},
      {"relu6", [](const Tensor& x) { return at::relu6(4.0 * x); }},
      {"leaky_relu", [](const Tensor& x) { return at::leaky_relu(x, 0.1); }},
      {"leaky_relu_",
       [](const Tensor& x) {
         Tensor y = x + 0.1;
         return at::leaky_relu_(y, 0.1);
       }},
      {"elu", [](const Tensor& x) { return at::elu(x, 0.7); }},
      {"selu", [](const Tensor& x) { return at::selu(x); }},
      {"celu", [](const Tensor& x) { return at::celu(x, 0.6); }},
      {"prelu", [slopes](const Tensor& x) { return at::prelu(x, slopes); }},
      {"gelu", [](const Tensor& x) { return at::gelu(x); }},
      {"gelu, tanh", [](const Tensor& x) { return at::gelu(x, "tanh"); }},
      {"silu", [](const Tensor& x) { return at::silu(x); }},
      {"silu_",
       [](const Tensor& x) {
         Tensor y = x * 2.0;
         return at::silu_(y);
       }},
      {"mish", [](const Tensor& x) { return at::mish(x); }},
      {"hardswish", [](const Tensor& x) { return at::hardswish(3.0 * x); }},
      {"hardswish_",
       [](const Tensor& x) {
         Tensor y = x * 3.0;
         return at::hardswish_(y);
       }},
      {"hardsigmoid", [](const Tensor& x) { return at::hardsigmoid(3.0 * x); }},
      {"hardtanh", [](const Tensor& x) { return at::hardtanh(x); }},
      {"sigmoid", [](const Tensor& x) { return at::sigmoid(x); }},
      {"log_sigmoid", [](const Tensor& x) { return at::log_sigmoid(x); }},
      {"tanh", [](const Tensor& x) { return at::tanh(x); }},
      {"softplus", [](const Tensor& x) { return at::softplus(x, 2.0, 3.0); }},
      {"threshold", [](const Tensor& x) { return at::threshold(x, 0.2, -1.0); }},
      {"softshrink", [](const Tensor& x) { return at::softshrink(x); }},
      {"exp", [](const Tensor& x) { return at::exp(x); }},
      {"log", [](const Tensor& x) { return at::log(x.square() + 0.1); }},
      {"log1p", [](const Tensor& x) { return at::log1p(x.abs()); }},
      {"sqrt", [](const Tensor& x) { return at::sqrt(x.abs() + 0.3); }},
      {"rsqrt", [](const Tensor& x) { return at::rsqrt(x.square() + 0.3); }},
      {"reciprocal", [](const Tensor& x) { return at::reciprocal(x.square() + 0.3); }},
      {"pow", [](const Tensor& x) { return at::pow(x, 3); }},
      {"number to the power of", [](const Tensor& x) { return at::pow(2.0, x); }},
      {"abs", [](const Tensor& x) { return at::abs(x); }},
      {"square", [](const Tensor& x) { return at::square(x); }},
      {"clamp", [](const Tensor& x) { return at::clamp(x, -0.5, 0.8); }},
      {"clamp_min", [](const Tensor& x) { return at::clamp_min(x, 0.1); }},
      {"clamp_max", [](const Tensor& x) { return at::clamp_max(x, 0.1); }},
      {"clamp by tensors", [bound](const Tensor& x) { return at::clamp_min(x, bound.expand_as(x)); }},
      {"erf", [](const Tensor& x) { return at::erf(x); }},
      {"sin", [](const Tensor& x) { return at::sin(x); }},
      {"maximum with a constant", [](const Tensor& x) { return at::maximum(x, at::full_like(x, 0.1)); }},
      {"dropout in evaluation", [](const Tensor& x) { return at::dropout(at::tanh(x), 0.5, false); }},
  };
}

std::vector<Case> maxima() {
  std::vector<Case> all{
      {"max_pool1d", [](const Tensor& x) { return at::max_pool1d(x.flatten(2), 3, 2, 1); }},
      {"max_pool3d",
       [](const Tensor& x) { return at::max_pool3d(x.unsqueeze(1), {2, 3, 3}, {1, 2, 2}, {1, 1, 1}); }},
      {"max_pool2d_with_indices",
       [](const Tensor& x) { return std::get<0>(at::max_pool2d_with_indices(x, 3, 2, 1)); }},
      {"cummax", [](const Tensor& x) { return std::get<0>(at::cummax(x, 2)); }},
      {"cummin", [](const Tensor& x) { return std::get<0>(at::cummin(x, -1)); }},
      {"fractional_max_pool2d",
       [samples = nets::random({2, 3, 2}, 17).sigmoid()](const Tensor& x) {
         return std::get<0>(at::fractional_max_pool2d(x, {2, 3}, {4, 3}, samples));
       }},
      {"fractional_max_pool3d",
       [samples = nets::random({2, 1, 3}, 18).sigmoid()](const Tensor& x) {
         return std::get<0>(at::fractional_max_pool3d(x.unsqueeze(1), {2, 2, 2}, {1, 4, 3}, samples));
       }},
      {"adaptive_max_pool1d",
       [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool1d(x.flatten(2), 5)); }},
      {"adaptive_max_pool2d",
       [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool2d(x, {3, 2})); }},
      {"amax over planes", [](const Tensor& x) { return at::amax(x, {2, -1}); }},
      {"amax over channels, kept", [](const Tensor& x) { return at::amax(x, {1}, true); }},
      {"amin", [](const Tensor& x) { return at::amin(x, {-2}); }},
      {"max over a dimension", [](const Tensor& x) { return std::get<0>(at::max(x, 1)); }},
      {"min over a dimension", [](const Tensor& x) { return std::get<0>(at::min(x, -1, true)); }},
      {"maximum", [](const Tensor& x) { return at::maximum(x, x.flip({2}) * 0.7); }},
      {"maximum, broadcast", [](const Tensor& x) { return at::maximum(x, x.mean(1, true)); }},
      {"minimum", [](const Tensor& x) { return at::minimum(x, 0.3 - x); }},
      {"relu before max_pool2d", [](const Tensor& x) { return at::max_pool2d(at::relu(x), 2); }},
      {"max_pool2d before relu_", [](const Tensor& x) { return at::max_pool2d(x, 3, 1).relu_(); }},
      {"pool after pool", [](const Tensor& x) { return at::max_pool2d(at::max_pool2d(x, 2, 1), 3, 2); }},
  };
  for (const std::int64_t kernel : {2, 3}) {
    for (const std::int64_t stride : {1, 2, 3}) {
      for (const std::int64_t padding : {0, 1}) {
        for (const std::int64_t dilation : {1, 2}) {
          for (const bool ceil : {false, true}) {
            all.push_back(
                {lumen::text("max_pool2d ", kernel, ' ', stride, ' ', padding, ' ', dilation, ' ', ceil),
                 [=](const Tensor& x) {
                   return at::max_pool2d(x, kernel, stride, padding, dilation, ceil);
                 }});
          }
        }
      }
    }
  }
  return all;
}

std::vector<Case> coupled() {
  const Tensor gain = nets::random({3}, 20), shift = nets::random({3}, 21),
               mask = nets::random({6, 6}, 22) > 0.5;
  const Tensor plane = nets::random({6, 6}, 23), scale = nets::random({3}, 24).abs();
  const Tensor filter = nets::weight({4, 3, 3, 3}, 25);
  return {
      {"softmax", [](const Tensor& x) { return at::softmax(3.0 * x, 1); }},
      {"softmax over planes", [](const Tensor& x) { return at::softmax(x.flatten(2), -1); }},
      {"log_softmax", [](const Tensor& x) { return at::log_softmax(3.0 * x, 1); }},
      {"logsumexp", [](const Tensor& x) { return at::logsumexp(x, {2, 3}); }},
      {"logsumexp, kept", [](const Tensor& x) { return at::logsumexp(x, {1}, true); }},
      {"masked softmax", [mask](const Tensor& x) { return at::softmax(x.masked_fill(mask, -INFINITY), -1); }},
      {"softmax far away", [](const Tensor& x) { return at::softmax(x * 400.0, 1); }},
      {"mul of two", [](const Tensor& x) { return x * at::sigmoid(x); }},
      {"a value times itself", [](const Tensor& x) { return x * x; }},
      {"mul, broadcast", [](const Tensor& x) { return x * at::sigmoid(x.mean({2, 3}, true)); }},
      {"mul_", [](const Tensor& x) { return (x + 1.0).mul_(at::sigmoid(x)); }},
      {"div of two", [](const Tensor& x) { return x / (1.0 + x.square().sum(1, true)); }},
      {"constant over", [](const Tensor& x) { return 2.0 / (1.0 + x.exp()); }},
      {"tensor over", [plane](const Tensor& x) { return plane / (1.0 + x.exp()); }},
      {"matmul of two", [](const Tensor& x) { return at::matmul(x, x.transpose(2, 3)); }},
      {"bmm of two", [](const Tensor& x) { return at::bmm(x.select(1, 0), at::tanh(x.select(1, 1))); }},
      {"baddbmm",
       [](const Tensor& x) { return at::baddbmm(x.select(1, 2), x.select(1, 0), x.select(1, 1)); }},
      {"einsum", [](const Tensor& x) { return at::einsum("nchw,ndhw->ncd", {x, x.exp()}); }},
      {"attention",
       [](const Tensor& x) {
         const Tensor q = x.flatten(2), k = at::tanh(q), v = q.square();
         return at::matmul(at::softmax(at::matmul(q, k.transpose(1, 2)) / 6.0, -1), v);
       }},
      {"filters made of the input",
       [](const Tensor& x) {
         const Tensor planes = x.reshape({1, -1, 6, 6}),
                      filters = at::sigmoid(planes.narrow(2, 1, 3).narrow(3, 2, 3));
         return at::conv2d(planes, filters.transpose(0, 1), {}, 1, 1, 1, 3 * x.size(0)).reshape(x.sizes());
       }},
      {"var", [](const Tensor& x) { return at::var(x, {2, 3}); }},
      {"var_mean",
       [](const Tensor& x) {
         const auto [variance, mean] = at::var_mean(x, std::vector<std::int64_t>{1}, 0, true);
         return (x - mean) * (variance + 1e-3).rsqrt();
       }},
      {"layer_norm", [plane](const Tensor& x) { return at::layer_norm(x, {6, 6}, plane, plane, 1e-4); }},
      {"layer_norm over the last", [](const Tensor& x) { return at::layer_norm(x, {6}); }},
      {"group_norm", [gain, shift](const Tensor& x) { return at::group_norm(x, 3, gain, shift); }},
      {"group_norm, one group", [gain](const Tensor& x) { return at::group_norm(x, 1, gain); }},
      {"instance_norm",
       [gain, shift](const Tensor& x) {
         return at::instance_norm(x, gain, shift, {}, {}, true, 0.1, 1e-5, false);
       }},
      {"batch_norm by fixed statistics",
       [gain, shift, scale](const Tensor& x) {
         return at::relu(at::batch_norm(x, gain, shift, shift, scale, false, 0.1, 1e-5, false));
       }},
      {"residual sum in place",
       [filter](const Tensor& x) {
         Tensor y = at::conv2d(x, filter.narrow(0, 0, 3), {}, 1, 1);
         y += x;
         return at::relu_(y);
       }},
      {"concatenation and chunks",
       [filter](const Tensor& x) {
         const Tensor y = at::relu(at::conv2d(x, filter, {}, 1, 1));
         const auto halves = y.chunk(2, 1);
         return at::cat({halves[0] * halves[1], x, at::avg_pool2d(y, 3, 1, 1)}, 1);
       }},
      {"the batch in another place",
       [](const Tensor& x) {
         return at::relu(x.permute({2, 0, 1, 3}).reshape({-1, 18}))
             .reshape({6, -1, 3, 6})
             .permute({1, 2, 0, 3});
       }},
  };
}

}  // namespace

DOCTEST_TEST_CASE(
    "elementwise functions, maxima, coupled operators: exact, also with ties and equal values") {
  const Tensor x = nets::random({2, 3, 6, 6}, 31), origin = nets::random({2, 3, 6, 6}, 32);
  for (const auto& cases : {elementwise(), maxima(), coupled()}) {
    for (const Case& one : cases) {
      check_exact(one, x, origin);
      check_exact(one, coarse(x), coarse(origin));
      check_exact(one, x, at::zeros_like(x));
    }
  }
}

DOCTEST_TEST_CASE("as the baseline nears the input, multipliers become the gradient") {
  const Tensor x = nets::random({2, 3, 6, 6}, 33);
  for (const auto& cases : {elementwise(), maxima(), coupled()}) {
    for (const Case& one : cases) {
      if (one.name != "softmax far away") check_limit(one, x);
    }
  }
}

DOCTEST_TEST_CASE("where nothing differs the multipliers are the gradient") {
  const nets::ConvNet net;
  const Tensor x = nets::random({2, 1, 8, 8}, 34), leaf = x.clone().requires_grad_(true);
  const Tensor gradient = torch::autograd::grad({net(leaf).select(1, 1).sum()}, {leaf}).front();
  const Lift same =
      lift([&](const Tensors& at) { return net(at.front()); }, {x}, {x}, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(same.multipliers.front(), gradient, 1e-12));
}

DOCTEST_TEST_CASE("against matrices: linear, ReLU, linear, tanh, linear, by the chain rule of multipliers") {
  const Tensor a = nets::weight({7, 5}, 41), p = nets::random({7}, 42), b = nets::weight({4, 7}, 43),
               q = nets::random({4}, 44), c = nets::weight({3, 4}, 45);
  const Tensor x = nets::random({1, 5}, 46), origin = nets::random({1, 5}, 47);
  const auto net = [&](const Tensors& in) {
    return at::linear(at::tanh(at::linear(at::relu(at::linear(in.front(), a, p)), b, q)), c);
  };
  // each operator's multipliers as a matrix, row by row
  const auto secant = [](const Tensor& y, const Tensor& y0, const Tensor& z, const Tensor& z0) {
    Tensor matrix = at::zeros({z.size(1), z.size(1)}, at::kDouble);
    for (std::int64_t i = 0; i < z.size(1); ++i) {
      matrix[i][i] = (y[0][i] - y0[0][i]) / (z[0][i] - z0[0][i]);
    }
    return matrix;
  };
  const auto step = [&](const Tensor& in) {
    const Tensor z = at::matmul(in, a.t()) + p, y = z * (z > 0);
    const Tensor w = at::matmul(y, b.t()) + q, v = w.tanh();
    return Tensors{z, y, w, v};
  };
  const Tensors at = step(x), before = step(origin);
  const Tensor matrix =
      at::matmul(at::matmul(at::matmul(at::matmul(c, secant(at[3], before[3], at[2], before[2])), b),
                            secant(at[1], before[1], at[0], before[0])),
                 a);
  for (std::int64_t k = 0; k < 3; ++k) {
    const Lift found = lift(net, {x}, {origin}, target::Class{.index = k});
    DOCTEST_CHECK(all_close(found.multipliers.front(), matrix.narrow(0, k, 1), 1e-12));
  }
}

DOCTEST_TEST_CASE("against matrices: a gate, and softmax by logarithmic means") {
  const Tensor a = nets::weight({4, 5}, 51), b = nets::weight({4, 5}, 52);
  const Tensor x = nets::random({1, 5}, 53), origin = nets::random({1, 5}, 54);
  const Tensor z = at::matmul(a, x[0]), z0 = at::matmul(a, origin[0]), g = at::matmul(b, x[0]),
               g0 = at::matmul(b, origin[0]), s = g.sigmoid(), s0 = g0.sigmoid();
  const Tensor gate =
      at::matmul(at::diag((s + s0) / 2), a) + at::matmul(at::diag((z + z0) / 2 * (s - s0) / (g - g0)), b);
  const Tensor e = z.softmax(0), e0 = z0.softmax(0), l = (e - e0) / (e.log() - e0.log());
  Tensor soft = at::zeros({4, 4}, at::kDouble);
  for (std::int64_t i = 0; i < 4; ++i) {
    for (std::int64_t j = 0; j < 4; ++j)
      soft[i][j] = (i == j ? l[i] : at::zeros({}, at::kDouble)) - l[i] * l[j] / l.sum();
  }
  for (std::int64_t k = 0; k < 4; ++k) {
    const Lift gated =
        lift([&](const Tensors& in) { return at::linear(in[0], a) * at::sigmoid(at::linear(in[0], b)); }, {x},
             {origin}, target::Class{.index = k});
    DOCTEST_CHECK(all_close(gated.multipliers.front(), gate.narrow(0, k, 1), 1e-12));
    const Lift rows = lift([&](const Tensors& in) { return at::linear(in[0], a); }, {x}, {origin},
                           target::Softmax{.target = target::Class{.index = k}});
    DOCTEST_CHECK(all_close(rows.multipliers.front(), at::matmul(soft, a).narrow(0, k, 1), 1e-12));
  }
}

DOCTEST_TEST_CASE("against a loop over windows: an overlapping max pool with padding") {
  const Tensor x = coarse(nets::random({1, 1, 5, 5}, 61)), origin = coarse(nets::random({1, 1, 5, 5}, 62));
  const Tensor weights = nets::random({1, 1, 3, 3}, 63);
  const Lift found = lift(
      [&](const Tensors& in) { return (at::max_pool2d(in.front(), 3, 2, 1) * weights).flatten(1).sum(1); },
      {x}, {origin});
  Tensor expected = at::zeros_like(x);
  const auto best = [](const Tensor& plane, std::int64_t r, std::int64_t c) {
    std::pair<std::int64_t, std::int64_t> where{-1, -1};
    for (std::int64_t i = std::max<std::int64_t>(r, 0); i < std::min<std::int64_t>(r + 3, 5); ++i) {
      for (std::int64_t j = std::max<std::int64_t>(c, 0); j < std::min<std::int64_t>(c + 3, 5); ++j) {
        if (where.first < 0 ||
            plane[0][0][i][j].item<double>() > plane[0][0][where.first][where.second].item<double>()) {
          where = {i, j};
        }
      }
    }
    return where;
  };
  for (std::int64_t r = 0; r < 3; ++r) {
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto [i, j] = best(x, 2 * r - 1, 2 * c - 1);
      const auto [i0, j0] = best(origin, 2 * r - 1, 2 * c - 1);
      const double change = (x[0][0][i][j] - origin[0][0][i0][j0]).item<double>();
      const auto [m, n] = change >= 0 ? std::pair{i, j} : std::pair{i0, j0};
      const double step = (x[0][0][m][n] - origin[0][0][m][n]).item<double>();
      expected[0][0][m][n] += weights[0][0][r][c].item<double>() * (step == 0 ? 1.0 : change / step);
    }
  }
  DOCTEST_CHECK(all_close(found.multipliers.front(), expected, 1e-12));
}

DOCTEST_TEST_CASE(
    "probabilities and log-odds as targets are explained exactly, also where the predictions differ") {
  const nets::BiasFree net;
  const Tensor x = nets::random({4, 6}, 71), origin = nets::random({4, 6}, 72);
  const auto model = [&](const Tensors& in) { return net(in.front()); };
  DOCTEST_REQUIRE(!net(x).argmax(1).equal(net(origin).argmax(1)));
  for (const std::int64_t k : {0, 1, 2}) {
    DOCTEST_CAPTURE(k);
    const lumen::AnyTarget questions[]{target::Softmax{.target = target::Class{.index = k}},
                                       target::LogOdds{.target = target::Class{.index = k}}};
    for (const auto& question : questions) {
      const Lift found = lift(model, {x}, {origin}, question);
      DOCTEST_CHECK(found.missing.abs().max().item<double>() < 1e-12);
      DOCTEST_CHECK(all_close(found.difference, question(net(x)) - question(net(origin)), 1e-9));
    }
  }
}

DOCTEST_TEST_CASE("several inputs; one that is its own baseline is held fixed") {
  const nets::TwoInputs net;
  const Tensors x{nets::random({3, 4}, 81), nets::random({3, 1, 4, 4}, 82)};
  const Tensors origin{nets::random({3, 4}, 83), x[1]};
  const Lift found =
      lift([&](const Tensors& in) { return net(in[0], in[1]); }, x, origin, target::Class{.index = 0});
  DOCTEST_CHECK(found.missing.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(found.difference.abs().max().item<double>() > 1e-3);
}

DOCTEST_TEST_CASE("what no rule is known for is refused by its name and place") {
  const Tensor x = nets::random({2, 3, 6, 6}, 91), origin = nets::random({2, 3, 6, 6}, 92);
  const std::vector<Case> refused{
      {"cumprod", [](const Tensor& v) { return at::cumprod(at::tanh(v), 1); }},
      {"topk", [](const Tensor& v) { return std::get<0>(at::topk(v, 2, 1, true, false)); }},
  };
  for (const Case& one : refused) {
    DOCTEST_CAPTURE(one.name);
    const std::string message = message_of([&] { (void)lift(weighed(one.run), {x}, {origin}); });
    DOCTEST_CHECK(holds(message, "DeepLift has no rule for " + one.name + " 0 (aten::" + one.name));
  }
}

DOCTEST_TEST_CASE("values that change without being differentiable are refused, not silently left out") {
  const Tensor x = nets::random({2, 3, 6, 6}, 93), origin = nets::random({2, 3, 6, 6}, 94);
  const std::vector<Case> hidden{
      {"mul", [](const Tensor& v) { return v * (v > 0); }},
      {"where", [](const Tensor& v) { return at::where(v > 0, v, v * 0.1); }},
      {"masked_fill", [](const Tensor& v) { return v.masked_fill(v < 0, 0.0); }},
      {"index_select",
       [](const Tensor& v) { return v.index_select(1, v.mean({0, 2, 3}).detach().argsort()); }},
  };
  for (const Case& one : hidden) {
    DOCTEST_CAPTURE(one.name);
    const std::string message = message_of([&] { (void)lift(weighed(one.run), {x}, {origin}); });
    DOCTEST_CHECK(holds(message, one.name + " "));
    DOCTEST_CHECK(holds(message, "cannot be attributed"));
  }
  const auto constant = [](const Tensor& v) {
    return v * (at::arange(6, at::kDouble) > 2) + at::zeros_like(v);
  };
  check_exact({"constants made anew in each pass", constant}, x, origin);
}

DOCTEST_TEST_CASE("a model that runs other operators for the baseline is refused") {
  const Tensor x = at::ones({1, 3}, at::kDouble), origin = -at::ones({1, 3}, at::kDouble);
  const auto branches = [](const Tensors& in) {
    return in[0].sum().item<double>() > 0 ? at::relu(in[0]) * 2.0 : at::tanh(in[0]) * 2.0;
  };
  const auto shorter = [](const Tensors& in) {
    const Tensor y = in[0] * 1.0;
    return in[0].sum().item<double>() > 0 ? at::relu(y) : y;
  };
  const target::Class first{.index = 0};
  DOCTEST_CHECK(holds(message_of([&] { (void)lift(branches, {x}, {origin}, first); }),
                      "ran aten::tanh for the baseline where it ran relu 0"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lift(shorter, {x}, {origin}, first); }), "the same operators for both"));
}

DOCTEST_TEST_CASE("a rule of one's own for an operator that has none") {
  const auto product = [](const rule::Record& record) -> rule::DeepLiftChoice {
    if (record.kind != "prod") return rule::Rescale{}(record);
    return [](rule::DeepLiftPasses& passes, const rule::Record& at, const Tensors& gradients) {
      const Tensor &x = at.inputs[0], &before = passes.origin(at).inputs[0];
      const Tensor a = x.select(1, 0), b = x.select(1, 1), a0 = before.select(1, 0), b0 = before.select(1, 1);
      return rule::only(at, 0, at::stack({(b + b0) / 2, (a + a0) / 2}, 1) * gradients.front().unsqueeze(1));
    };
  };
  const Tensor x = nets::random({3, 2}, 95), origin = nets::random({3, 2}, 96);
  const Lift found = lift([](const Tensors& in) { return at::prod(at::tanh(in[0]), 1); }, {x}, {origin},
                          target::Output{}, product);
  DOCTEST_CHECK(found.missing.abs().max().item<double>() < 1e-13);
}
