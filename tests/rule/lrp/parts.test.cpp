// SPDX-License-Identifier: BSD-3-Clause
// LRP of what other operators make up, of what only moves values, and of operators under all their names.
#include <lumen/rule/lrp/composite.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/lrp_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace lrp = lumen::rule::lrp;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::rule::Composite;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::testing::lrp_oracle::Operator;
using lumen::testing::lrp_oracle::relevance;
using lumen::testing::nets::random;
using lumen::testing::nets::weight;

namespace {

struct Same {
  std::string name;
  Operator f, written;  ///< the operator, and what it is, written out
  std::vector<std::int64_t> shape;
};

}  // namespace

DOCTEST_TEST_CASE("an operator and what it is, written out, get the same relevance") {
  const Tensor w = weight({4, 3, 3, 3}, 1), b = random({4}, 2), grid = random({2, 4, 5, 2}, 3, 0.5);
  const Tensor index = at::tensor({1, 0, 1}, at::kLong), k = random({2, 3, 5, 5}, 4);
  const Tensor u = weight({8, 3}, 5), v = weight({8, 2}, 6), h = random({2, 2}, 7), c = random({2, 2}, 8);
  const auto dims = std::vector<std::int64_t>{1};
  const std::vector<Same> cases{
      {"_convolution_mode",
       [=](const Tensor& x) { return at::_convolution_mode(x, w, b, 1, "same", 1, 1); },
       [=](const Tensor& x) { return at::conv2d(x, w, b, 1, 1); },
       {2, 3, 5, 5}},
      {"lerp_",
       [=](const Tensor& x) { return x.mul(2.0).lerp_(x.tanh(), 0.3); },
       [=](const Tensor& x) { return x * 2.0 + 0.3 * (x.tanh() - x * 2.0); },
       {2, 3, 5, 5}},
      {"addcmul_",
       [=](const Tensor& x) { return x.mul(2.0).addcmul_(k, x, 0.5); },
       [=](const Tensor& x) { return x * 2.0 + 0.5 * (k * x); },
       {2, 3, 5, 5}},
      {"convolution",
       [=](const Tensor& x) { return at::convolution(x, w, b, {2}, {1}, {1}, false, {0}, 1); },
       [=](const Tensor& x) { return at::conv2d(x, w, b, 2, 1); },
       {2, 3, 5, 5}},
      {"thnn_conv2d",
       [=](const Tensor& x) { return at::thnn_conv2d(x, w, {3, 3}, b, {1, 1}, {1, 1}); },
       [=](const Tensor& x) { return at::conv2d(x, w, b, 1, 1); },
       {2, 3, 5, 5}},
      {"native_layer_norm",
       [](const Tensor& x) { return std::get<0>(at::native_layer_norm(x, {5}, {}, {}, 1e-5)); },
       [](const Tensor& x) { return at::layer_norm(x, {5}); },
       {2, 3, 5}},
      {"native_group_norm",
       [](const Tensor& x) { return std::get<0>(at::native_group_norm(x, {}, {}, 2, 3, 5, 3, 1e-5)); },
       [](const Tensor& x) { return at::group_norm(x, 3); },
       {2, 3, 5}},
      {"std",
       [=](const Tensor& x) { return at::std(x, dims, false); },
       [=](const Tensor& x) { return (x - x.mean(1, true)).square().mean(1).sqrt(); },
       {2, 5, 3}},
      {"var",
       [=](const Tensor& x) { return at::var(x, dims, false); },
       [=](const Tensor& x) { return (x - x.mean(1, true)).square().mean(1); },
       {2, 5, 3}},
      {"norm",
       [](const Tensor& x) { return at::norm(x, 2, {1}); },
       [](const Tensor& x) { return x.square().sum(1).sqrt(); },
       {2, 5, 3}},
      {"normalize",
       [](const Tensor& x) { return x / x.norm(2, {1}, true).clamp_min(1e-12).expand_as(x); },
       [](const Tensor& x) { return x * 1.0; },
       {2, 5, 3}},
      {"glu",
       [](const Tensor& x) { return at::glu(x, 1); },
       [](const Tensor& x) { return x.narrow(1, 0, 3) * x.narrow(1, 3, 3).sigmoid(); },
       {2, 6}},
      {"lstm_cell",
       [=](const Tensor& x) { return std::get<0>(at::lstm_cell(x, {h, c}, u, v)); },
       [=](const Tensor& x) {
         const auto g = (at::linear(x, u) + at::linear(h, v)).chunk(4, 1);
         return g[3].sigmoid() * (g[1].sigmoid() * c + g[0].sigmoid() * g[2].tanh()).tanh();
       },
       {2, 3}},
      {"copysign",
       [](const Tensor& x) { return at::copysign(x.exp(), x); },
       [](const Tensor& x) { return x.exp() * x.detach().sign(); },
       {2, 5}},
      {"xlogy",
       [](const Tensor& x) { return at::xlogy(x.abs(), x.exp()); },
       [](const Tensor& x) { return x.abs() * x.exp().log(); },
       {2, 5}},
      {"special_xlog1py",
       [](const Tensor& x) { return at::special_xlog1py(x, x.abs()); },
       [](const Tensor& x) { return x * x.abs().log1p(); },
       {2, 5}},
      {"pow",
       [](const Tensor& x) { return at::pow(x.abs() + 0.5, x); },
       [](const Tensor& x) { return (x * (x.abs() + 0.5).log()).exp(); },
       {2, 5}},
      {"pow of values of both signs",
       [](const Tensor& x) { return at::pow(x, x.sigmoid().round() * 2.0 + 1.0); },
       [](const Tensor& x) {
         return ((x.sigmoid().round() * 2.0 + 1.0) * x.abs().log()).exp() * x.detach().sign();
       },
       {2, 5}},
      {"float_power",
       [](const Tensor& x) { return at::float_power(x.exp(), x.narrow(1, 0, 1)); },
       [](const Tensor& x) { return (x.narrow(1, 0, 1) * x).exp(); },
       {2, 5}},
      {"atan2",
       [](const Tensor& x) { return at::atan2(x, x.cos() - 0.5); },
       [](const Tensor& x) { return x * (at::atan2(x, x.cos() - 0.5) / x).detach(); },
       {2, 5}},
      {"remainder",
       [](const Tensor& x) { return at::remainder(x * 3.0, x.narrow(1, 0, 1).exp()); },
       [](const Tensor& x) {
         const Tensor by = x.narrow(1, 0, 1).exp();
         return x * 3.0 - by * (x * 3.0 / by).detach().floor();
       },
       {2, 5}},
      {"fmod",
       [](const Tensor& x) { return at::fmod(x.exp() * 4.0, x.cos() + 1.5); },
       [](const Tensor& x) {
         const Tensor of = x.exp() * 4.0, by = x.cos() + 1.5;
         return of - by * (of / by).detach().trunc();
       },
       {2, 5}},
      {"cummax",
       [](const Tensor& x) { return std::get<0>(at::cummax(x, 1)); },
       [](const Tensor& x) { return x.gather(1, std::get<1>(at::cummax(x.detach(), 1))); },
       {2, 5}},
      {"fractional_max_pool2d",
       [samples = random({2, 3, 2}, 9).sigmoid()](const Tensor& x) {
         return std::get<0>(at::fractional_max_pool2d(x, {2, 2}, {3, 2}, samples));
       },
       [samples = random({2, 3, 2}, 9).sigmoid()](const Tensor& x) {
         const Tensor at = std::get<1>(at::fractional_max_pool2d(x.detach(), {2, 2}, {3, 2}, samples));
         return x.flatten(2).gather(2, at.flatten(2)).reshape(at.sizes());
       },
       {2, 3, 5, 5}},
      {"huber_loss",
       [=](const Tensor& x) { return at::huber_loss(x, k, at::Reduction::None, 0.5); },
       [=](const Tensor& x) {
         const Tensor size = (x - k).abs(), most = size.clamp_max(0.5);
         return most * (size - most * 0.5);
       },
       {2, 3, 5, 5}},
      {"soft_margin_loss",
       [=](const Tensor& x) { return at::soft_margin_loss(x, k.sign(), at::Reduction::None); },
       [=](const Tensor& x) { return -at::log_sigmoid(x * k.sign()); },
       {2, 3, 5, 5}},
      {"logaddexp2",
       [=](const Tensor& x) { return at::logaddexp2(x, x.tanh()); },
       [=](const Tensor& x) {
         return at::stack({x * std::log(2.0), x.tanh() * std::log(2.0)}, 0).logsumexp(0) / std::log(2.0);
       },
       {2, 3, 5, 5}},
      {"gather in order",
       [](const Tensor& x) { return std::get<0>(x.sort(1)); },
       [](const Tensor& x) { return x.gather(1, std::get<1>(x.detach().sort(1))); },
       {2, 5}},
      {"topk",
       [](const Tensor& x) { return std::get<0>(x.topk(2, 1)); },
       [](const Tensor& x) { return x.gather(1, std::get<1>(x.detach().topk(2, 1))); },
       {2, 5}},
      {"atan",
       [](const Tensor& x) { return at::atan(x); },
       [](const Tensor& x) { return at::tanh(x); },
       {2, 5}},
      {"index_add",
       [=](const Tensor& x) { return at::index_add(x, 1, index, x.narrow(2, 0, 5)); },
       [=](const Tensor& x) {
         return x + at::stack(
                        {x.select(1, 1), x.select(1, 0) + x.select(1, 2), at::zeros_like(x.select(1, 0))}, 1);
       },
       {2, 3, 5, 5}},
      {"scatter_add",
       [=](const Tensor& x) { return at::scatter_add(k, 1, index.reshape({1, 3, 1, 1}).expand_as(x), x); },
       [=](const Tensor& x) {
         return k + at::stack(
                        {x.select(1, 1), x.select(1, 0) + x.select(1, 2), at::zeros_like(x.select(1, 0))}, 1);
       },
       {2, 3, 5, 5}},
      {"index_put that adds",
       [=](const Tensor& x) { return at::index_put(k, {at::tensor({0, 1}, at::kLong)}, x, true); },
       [=](const Tensor& x) { return k + x; },
       {2, 3, 5, 5}},
      {"im2col and col2im",
       [](const Tensor& x) {
         return at::col2im(at::im2col(x, {2, 2}, {1, 1}, {0, 0}, {2, 2}), {4, 4}, {2, 2}, {1, 1}, {0, 0},
                           {2, 2});
       },
       [](const Tensor& x) { return x * 1.0; },
       {2, 3, 4, 4}},
      {"cross of a constant",
       [=](const Tensor& x) { return at::linalg_cross(x, k.select(3, 0).select(2, 0)); },
       [=](const Tensor& x) {
         const Tensor y = k.select(3, 0).select(2, 0);
         return x.roll(-1, 1) * y.roll(-2, 1) - x.roll(-2, 1) * y.roll(-1, 1);
       },
       {2, 3}},
  };
  const Composite composite = lrp::EpsilonPlus{.epsilon = 1e-12};
  for (const Same& one : cases) {
    DOCTEST_CAPTURE(one.name);
    const Tensor x = random(one.shape, 11), r = random(one.f(x).sizes().vec(), 12);
    const Tensor ours = relevance(composite, one.f, x, r);
    DOCTEST_CHECK(ours.abs().max().item<double>() > 1e-3);
    DOCTEST_CHECK(all_close(ours, relevance(composite, one.written, x, r), 1e-7));
  }
}

DOCTEST_TEST_CASE(
    "interpolation, sampling and pools of all ranks conserve relevance, and the winner takes it") {
  const Tensor line = random({2, 3, 8}, 20), image = random({2, 3, 8, 8}, 21),
               volume = random({2, 1, 6, 6, 6}, 22);
  const Tensor grid = random({2, 4, 5, 2}, 23, 0.4);
  struct One {
    std::string name;
    Operator f;
    Tensor x;
  };
  const std::vector<One> cases{
      {"upsample_nearest1d", [](const Tensor& x) { return at::upsample_nearest1d(x, {13}); }, line},
      {"upsample_linear1d", [](const Tensor& x) { return at::upsample_linear1d(x, {13}, false); }, line},
      {"upsample_bilinear2d", [](const Tensor& x) { return at::upsample_bilinear2d(x, {13, 5}, true); },
       image},
      {"upsample_nearest3d", [](const Tensor& x) { return at::upsample_nearest3d(x, {7, 8, 9}); }, volume},
      {"upsample_trilinear3d", [](const Tensor& x) { return at::upsample_trilinear3d(x, {7, 8, 9}, false); },
       volume},
      {"_upsample_bilinear2d_aa",
       [](const Tensor& x) { return at::_upsample_bilinear2d_aa(x, {3, 5}, false); }, image},
      {"grid_sampler", [=](const Tensor& x) { return at::grid_sampler(x, grid, 0, 1, false); }, image},
      {"adaptive_max_pool1d", [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool1d(x, 3)); },
       line},
      {"adaptive_max_pool2d", [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool2d(x, {3, 2})); },
       image},
      {"adaptive_max_pool3d",
       [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool3d(x, {3, 2, 4})); }, volume},
      {"adaptive_avg_pool3d", [](const Tensor& x) { return at::adaptive_avg_pool3d(x, {3, 2, 4}); }, volume},
      {"reflection_pad3d", [](const Tensor& x) { return at::reflection_pad3d(x, {1, 1, 2, 0, 1, 0}); },
       volume},
      {"bilinear",
       [](const Tensor& x) {
         return at::bilinear(x.select(1, 0), x.select(1, 1), random({4, 8, 8}, 24), {});
       },
       line},
      {"scaled_dot_product_attention",
       [](const Tensor& x) { return std::get<0>(at::_scaled_dot_product_attention_math(x, x.tanh(), x)); },
       line},
      {"max_unpool2d",
       [](const Tensor& x) {
         const auto [pooled, index] = at::max_pool2d_with_indices(x, 2);
         return at::max_unpool2d(pooled, index, {8, 8});
       },
       image},
  };
  const Composite composite = lrp::EpsilonPlus{.epsilon = 1e-13};
  for (const One& one : cases) {
    DOCTEST_CAPTURE(one.name);
    const Tensor y = one.f(one.x), r = one.name == "max_unpool2d" ? (y != 0) * random(y.sizes().vec(), 25)
                                                                  : random(y.sizes().vec(), 25);
    const Tensor ours = relevance(composite, one.f, one.x, r);
    DOCTEST_CHECK(std::abs(ours.sum().item<double>() - r.sum().item<double>()) < 1e-7);
  }
}

DOCTEST_TEST_CASE("a mask of -inf takes no relevance, and the books stay finite") {
  const Tensor q = weight({4, 4}, 30), k = weight({4, 4}, 31),
               mask = at::full({3, 3}, -INFINITY, at::kDouble).triu(1);
  const auto net = [=](const Tensor& x) {
    const Tensor scores = at::matmul(at::linear(x, q), at::linear(x, k).transpose(1, 2)) + mask;
    return at::matmul(at::softmax(scores, -1), x).sum(1);
  };
  const Tensor x = random({2, 3, 4}, 32);
  const lumen::Lrp method{.composite = lrp::EpsilonPlus{}};
  const auto why = method(net, x, target::Class{.index = 1});
  const lumen::Conservation report = method.conservation(net, x, target::Class{.index = 1});
  const double missing = report.started - report.arrived;
  DOCTEST_CHECK(std::isfinite(missing));
  DOCTEST_CHECK(std::abs(report.arrived - why.map.sum().item<double>()) < 1e-12);
  DOCTEST_CHECK(std::abs(missing - (report.absorbed().bias + report.absorbed().stabiliser + report.lost())) <
                1e-9);
}

DOCTEST_TEST_CASE("numbers that no rule takes are refused") {
  const Tensor x = random({2, 3}, 41).abs(), w = weight({4, 3}, 42);
  const auto refuses = [&](const lumen::rule::Backward& rule) {
    const std::string said = message_of([&] {
      (void)relevance(
          Composite(lrp::uniform(rule)), [&](const Tensor& v) { return at::linear(v, w); }, x,
          at::ones({2, 4}, x.options()));
    });
    DOCTEST_CAPTURE(said);
    DOCTEST_CHECK(holds(said, "expected at least 0, and finite"));
  };
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {-1e-6, -1.0, infinity, std::numeric_limits<double>::quiet_NaN()}) {
    DOCTEST_CAPTURE(bad);
    refuses(lrp::Epsilon{.epsilon = bad});
    refuses(lrp::Gamma{.gamma = bad});
    refuses(lrp::Gamma{.epsilon = bad});
    refuses(lrp::AlphaBeta{.epsilon = bad});
    refuses(lrp::ZPlus{.epsilon = bad});
    refuses(lrp::WSquare{.epsilon = bad});
    refuses(lrp::Flat{.epsilon = bad});
    refuses(lrp::Replaced{.epsilon = bad});
    refuses(lrp::ZBox{.low = -9.0, .high = 9.0, .epsilon = bad});
  }
  const std::string sided = message_of([&] {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    (void)relevance(
        Composite(lrp::uniform(lrp::AlphaBeta{.alpha = nan, .beta = nan})),
        [&](const Tensor& v) { return at::linear(v, w); }, x, at::ones({2, 4}, x.options()));
  });
  DOCTEST_CHECK(holds(sided, "alpha - beta = 1"));
}

DOCTEST_TEST_CASE("what LRP cannot share is refused by name") {
  const auto said = [](const Operator& f) {
    const Tensor x = random({2, 3, 6}, 40);
    return message_of([&] { (void)relevance(Composite(lrp::EpsilonPlus{}), f, x, at::ones_like(f(x))); });
  };
  DOCTEST_CHECK(
      holds(said([](const Tensor& x) { return at::abs(at::fft_rfft(x)); }), "aten::fft_rfft, operator 0"));
  DOCTEST_CHECK(
      holds(said([](const Tensor& x) { return at::real(at::fft_fft(x)); }), "aten::fft_fft, operator 0"));
  DOCTEST_CHECK(holds(said([](const Tensor& x) { return at::igammac(x.abs() + 1.0, x.abs()); }),
                      "LRP has no rule for igammac 0"));
  DOCTEST_CHECK(
      holds(said([](const Tensor& x) { return at::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false); }),
            "track_running_stats=False"));
  DOCTEST_CHECK(holds(said([](const Tensor& x) {
                        return at::scatter(at::zeros_like(x), 1, at::zeros({2, 3, 6}, at::kLong), x,
                                           "multiply");
                      }),
                      "LRP has no rule for scatter 0"));
}
