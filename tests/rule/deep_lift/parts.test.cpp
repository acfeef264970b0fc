// SPDX-License-Identifier: BSD-3-Clause
// DeepLIFT of operators under all their names, of those that are several others, and of what only moves: exact, and the
// same as of networks that are written out.
#include <lumen/rule/deep_lift/rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/rule/deep_lift/reveal_cancel.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/lift.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace rule = lumen::rule;
namespace target = lumen::target;
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

Tensor long_tensor(std::vector<std::int64_t> values) { return at::tensor(values, at::kLong); }

/// Of inputs [2, 3, 6, 6].
std::vector<Case> convolutions() {
  const Tensor w = nets::weight({4, 3, 3, 3}, 1), b = nets::random({4}, 2), t = nets::weight({3, 4, 3, 3}, 3);
  const Tensor w3 = nets::weight({4, 3, 2, 3, 3}, 4), deep = nets::weight({3, 1, 3, 3}, 5);
  return {
      {"_convolution_mode", [=](const Tensor& x) { return at::_convolution_mode(x, w, b, 1, "same", 1, 1); }},
      {"conv2d same", [=](const Tensor& x) { return at::conv2d(x, w, b, 1, "same"); }},
      {"convolution",
       [=](const Tensor& x) { return at::convolution(x, w, b, {2}, {1}, {1}, false, {0}, 1); }},
      {"convolution, transposed",
       [=](const Tensor& x) { return at::convolution(x, t, b, {2}, {1}, {1}, true, {1}, 1); }},
      {"thnn_conv2d", [=](const Tensor& x) { return at::thnn_conv2d(x, w, {3, 3}, b, {1, 1}, {1, 1}); }},
      {"slow_conv_dilated2d",
       [=](const Tensor& x) { return at::slow_conv_dilated2d(x, w, {3, 3}, b, {1, 1}, {1, 1}, {2, 2}); }},
      {"slow_conv3d",
       [=](const Tensor& x) {
         return at::slow_conv3d(x.unsqueeze(2).expand({-1, -1, 3, -1, -1}), w3, {2, 3, 3}, b, {1, 1, 1},
                                {0, 0, 0});
       }},
      {"slow_conv_transpose2d",
       [=](const Tensor& x) {
         return at::slow_conv_transpose2d(x, t, {3, 3}, b, {1, 1}, {0, 0}, {0, 0}, {1, 1});
       }},
      {"in groups",
       [=](const Tensor& x) { return at::convolution(x, deep, {}, {1}, {0}, {1}, false, {0}, 3); }},
  };
}

std::vector<Case> norms_and_pools() {
  const Tensor gain = nets::random({3}, 10), shift = nets::random({3}, 11),
               scale = nets::random({3}, 12).abs() + 0.2;
  return {
      {"native_layer_norm",
       [](const Tensor& x) { return std::get<0>(at::native_layer_norm(x, {6}, {}, {}, 1e-4)); }},
      {"native_group_norm",
       [=](const Tensor& x) {
         return std::get<0>(at::native_group_norm(x, gain, shift, 2, 3, 36, 3, 1e-4));
       }},
      {"native_batch_norm",
       [=](const Tensor& x) {
         return std::get<0>(at::native_batch_norm(x, gain, shift, shift, scale, false, 0.1, 1e-4));
       }},
      {"_softmax", [](const Tensor& x) { return at::_softmax(x, 1, false); }},
      {"_log_softmax", [](const Tensor& x) { return at::_log_softmax(x, 1, false); }},
      {"adaptive_max_pool3d",
       [](const Tensor& x) { return std::get<0>(at::adaptive_max_pool3d(x.unsqueeze(1), {2, 3, 4})); }},
      {"adaptive_avg_pool3d",
       [](const Tensor& x) { return at::adaptive_avg_pool3d(x.unsqueeze(1), {2, 3, 4}); }},
      {"adaptive_avg_pool1d", [](const Tensor& x) { return at::adaptive_avg_pool1d(x.select(1, 0), 4); }},
      {"upsample_nearest1d", [](const Tensor& x) { return at::upsample_nearest1d(x.select(1, 0), {9}); }},
      {"upsample_linear1d",
       [](const Tensor& x) { return at::upsample_linear1d(x.select(1, 0), {9}, false); }},
      {"upsample_nearest3d",
       [](const Tensor& x) { return at::upsample_nearest3d(x.unsqueeze(1), {4, 7, 9}); }},
      {"upsample_trilinear3d",
       [](const Tensor& x) { return at::upsample_trilinear3d(x.unsqueeze(1), {4, 7, 9}, true); }},
      {"antialiased", [](const Tensor& x) { return at::_upsample_bilinear2d_aa(x, {4, 3}, false); }},
      {"antialiased, cubic", [](const Tensor& x) { return at::_upsample_bicubic2d_aa(x, {4, 3}, false); }},
  };
}

std::vector<Case> composed() {
  const Tensor plane = nets::random({6, 6}, 20), third = nets::random({5, 6, 6}, 21);
  return {
      {"norm", [](const Tensor& x) { return at::norm(x, 2, {1}); }},
      {"norm of all",
       [](const Tensor& x) { return at::stack({at::norm(x[0]), at::norm(x[1])}).unsqueeze(1); }},
      {"norm of order 1", [](const Tensor& x) { return at::norm(x, 1, {1, 2}, true); }},
      {"norm of order 3",
       [](const Tensor& x) { return at::linalg_vector_norm(x, 3, std::vector<std::int64_t>{1}); }},
      {"largest norm", [](const Tensor& x) { return at::norm(x, INFINITY, {2}); }},
      {"normalize", [](const Tensor& x) { return x / x.norm(2, {1}, true).clamp_min(0.01).expand_as(x); }},
      {"linalg_norm",
       [](const Tensor& x) { return at::linalg_norm(x, c10::nullopt, std::vector<std::int64_t>{1}); }},
      {"std", [](const Tensor& x) { return at::std(x, std::vector<std::int64_t>{2, 3}, true); }},
      {"std, biased, kept",
       [](const Tensor& x) { return at::std(x, std::vector<std::int64_t>{1}, false, true); }},
      {"std_mean",
       [](const Tensor& x) {
         const auto [s, m] = at::std_mean(x, std::vector<std::int64_t>{1}, true, true);
         return (x - m) / (s + 0.1);
       }},
      {"glu", [](const Tensor& x) { return at::glu(x, 2); }},
      {"addcmul", [=](const Tensor& x) { return at::addcmul(x, x.exp(), plane, 0.5); }},
      {"addcdiv", [=](const Tensor& x) { return at::addcdiv(plane, x, 1.0 + x.square(), 2.0); }},
      {"lerp", [=](const Tensor& x) { return at::lerp(x, x.exp(), at::sigmoid(x)); }},
      {"prod", [](const Tensor& x) { return at::prod(x, 1, true); }},
      {"logaddexp", [](const Tensor& x) { return at::logaddexp(x, x.sin()); }},
      {"hypot", [](const Tensor& x) { return at::hypot(x, x.cos() + 1.2); }},
      {"mse_loss", [=](const Tensor& x) { return at::mse_loss(x, plane.expand_as(x), 0); }},
      {"cosine_similarity", [](const Tensor& x) { return at::cosine_similarity(x, x.exp(), 1, 0.01); }},
      {"pairwise_distance",
       [](const Tensor& x) {
         return at::pairwise_distance(x.flatten(1), x.flatten(1).exp(), 2).unsqueeze(1);
       }},
      {"cdist", [=](const Tensor& x) { return at::cdist(x, third.narrow(0, 0, 1).unsqueeze(0)); }},
      {"bilinear",
       [](const Tensor& x) {
         return at::bilinear(x.select(2, 0), x.select(2, 1).tanh(), nets::random({4, 6, 6}, 22),
                             nets::random({4}, 23));
       }},
      {"tensordot",
       [](const Tensor& x) { return at::tensordot(x, nets::random({3, 6, 2}, 24), {1, 3}, {0, 1}); }},
      {"mv", [](const Tensor& x) { return at::mv(x.flatten(1), nets::random({108}, 25)).unsqueeze(1); }},
      {"linalg_cross", [](const Tensor& x) { return at::linalg_cross(x, x.exp(), 1); }},
      {"scaled_dot_product_attention",
       [](const Tensor& x) {
         return std::get<0>(at::_scaled_dot_product_attention_math(x, x.tanh(), x.exp()));
       }},
      {"three factors",
       [](const Tensor& x) { return at::einsum("nchw,nchw,nchw->nhw", {x, x.exp(), x.sin()}); }},
  };
}

std::vector<Case> of_two_and_losses() {
  const Tensor target = nets::random({2, 3, 6, 6}, 32), other = nets::random({2, 3, 6, 6}, 33);
  const auto each = at::Reduction::None;
  return {
      {"copysign", [](const Tensor& x) { return at::copysign(x.exp(), x + 0.1); }},
      {"copysign_", [](const Tensor& x) { return (x * 2.0).copysign_(x + 0.1); }},
      {"copysign of a constant", [=](const Tensor& x) { return at::copysign(target, x + 0.1); }},
      {"xlogy", [](const Tensor& x) { return at::xlogy(x, x.exp()); }},
      {"xlogy of one value", [](const Tensor& x) { return at::xlogy(x.abs(), x.abs()); }},
      {"xlogy of one value, which may be 0",
       [](const Tensor& x) {
         const Tensor p = at::relu(x);
         return at::xlogy(p, p);
       }},
      {"special_xlog1py", [](const Tensor& x) { return at::special_xlog1py(x, x.square()); }},
      {"pow", [](const Tensor& x) { return at::pow(x.abs() + 1.0, x); }},
      {"atan2", [](const Tensor& x) { return at::atan2(x, x.cos() + 2.0); }},
      {"fmod", [](const Tensor& x) { return at::fmod(x * 3.0, x.square() + 1.0); }},
      {"remainder, broadcast", [](const Tensor& x) { return at::remainder(x * 3.0, x.mean(1, true).exp()); }},
      {"logaddexp2", [](const Tensor& x) { return at::logaddexp2(x, x.square()); }},
      {"huber_loss", [=](const Tensor& x) { return at::huber_loss(x, target, each, 0.7); }},
      {"huber_loss of both", [=](const Tensor& x) { return at::huber_loss(x, x.sin() * 3.0, each, 0.5); }},
      {"smooth_l1_loss", [=](const Tensor& x) { return at::smooth_l1_loss(x, target, each, 0.4); }},
      {"l1_loss", [=](const Tensor& x) { return at::l1_loss(x, target, each); }},
      {"soft_margin_loss", [=](const Tensor& x) { return at::soft_margin_loss(x, target.sign(), each); }},
      {"binary_cross_entropy",
       [=](const Tensor& x) {
         return at::binary_cross_entropy(x.sigmoid(), target.sigmoid(), other.abs(), each);
       }},
      {"binary_cross_entropy_with_logits",
       [=](const Tensor& x) {
         return at::binary_cross_entropy_with_logits(x, target.sigmoid(), other.abs(), other.exp(), each);
       }},
  };
}

std::vector<Case> moved() {
  const Tensor grid = nets::random({2, 4, 5, 2}, 30, 0.5), index = long_tensor({1, 0, 1});
  const Tensor places = long_tensor({2, 0}), base = nets::random({2, 3, 6, 6}, 31);
  return {
      {"grid_sampler", [=](const Tensor& x) { return at::grid_sampler(x, grid, 0, 0, false); }},
      {"grid_sampler_2d, border", [=](const Tensor& x) { return at::grid_sampler_2d(x, grid, 0, 1, true); }},
      {"index_add", [=](const Tensor& x) { return at::index_add(x, 1, index, x.exp(), 0.5); }},
      {"scatter_add",
       [=](const Tensor& x) {
         return at::scatter_add(x, 1, index.reshape({1, 3, 1, 1}).expand_as(x), x.square());
       }},
      {"scatter",
       [=](const Tensor& x) {
         return at::scatter(base, 1, long_tensor({2, 0, 1}).reshape({1, 3, 1, 1}).expand_as(x), x);
       }},
      {"index_copy", [=](const Tensor& x) { return at::index_copy(base, 1, places, x.narrow(1, 0, 2)); }},
      {"index_put", [=](const Tensor& x) { return at::index_put(x, {long_tensor({0, 1})}, x.exp(), true); }},
      {"slice_scatter", [=](const Tensor& x) { return at::slice_scatter(base, x.narrow(2, 0, 2), 2, 1, 3); }},
      {"im2col", [](const Tensor& x) { return at::im2col(x, {3, 2}, {1, 1}, {1, 0}, {2, 1}); }},
      {"col2im",
       [](const Tensor& x) {
         return at::col2im(at::im2col(x, {3, 3}, {1, 1}, {0, 0}, {1, 1}), {6, 6}, {3, 3}, {1, 1}, {0, 0},
                           {1, 1});
       }},
      {"sort", [](const Tensor& x) { return std::get<0>(at::sort(x, 1)); }},
      {"sort, descending", [](const Tensor& x) { return std::get<0>(at::sort(x, -1, true)); }},
      {"topk", [](const Tensor& x) { return std::get<0>(at::topk(x, 4, 2)); }},
      {"topk, smallest", [](const Tensor& x) { return std::get<0>(at::topk(x, 2, 3, false)); }},
      {"kthvalue", [](const Tensor& x) { return std::get<0>(at::kthvalue(x, 3, 2)); }},
      {"median", [](const Tensor& x) { return std::get<0>(at::median(x, 1, true)); }},
      {"median of all",
       [=](const Tensor& x) {
         return at::stack({at::median((x[0] + 1.0) * base[0]), at::median((x[1] + 1.0) * base[1])})
             .unsqueeze(1);
       }},
      {"quantile", [](const Tensor& x) { return at::quantile(x, 0.3, 3); }},
      {"dropout of nothing", [](const Tensor& x) { return at::dropout(x.tanh(), 0.0, true); }},
      {"atan", [](const Tensor& x) { return at::atan(x); }},
      {"atan2 with a constant", [](const Tensor& x) { return at::atan2(x, at::full_like(x, 0.7)); }},
      {"reflection_pad3d",
       [](const Tensor& x) { return at::reflection_pad3d(x.unsqueeze(1), {1, 1, 2, 0, 1, 0}); }},
  };
}

}  // namespace

DOCTEST_TEST_CASE("every name of a convolution, norm, pool and interpolation; compositions; moves: exact") {
  const Tensor x = nets::random({2, 3, 6, 6}, 41), origin = nets::random({2, 3, 6, 6}, 42);
  for (const auto& cases : {convolutions(), norms_and_pools(), composed(), of_two_and_losses(), moved()}) {
    for (const Case& one : cases) {
      check_exact(one, x, origin);
      check_exact(one, at::round(x * 1.5) / 1.5, at::round(origin * 1.5) / 1.5);
      check_limit(one, x);
    }
  }
  // without a derivative of its own in some versions of LibTorch
  check_exact({"aminmax", [](const Tensor& v) { return std::get<1>(at::aminmax(v, 1)); }}, x, origin);
}

DOCTEST_TEST_CASE("values that are put in order move with their elements while the order stays") {
  const Tensor x = nets::random({2, 7}, 43), weights = nets::random({2, 7}, 44);
  const Tensor index = std::get<1>(x.sort(1));
  const auto sorted = [&](const Tensors& in) { return (std::get<0>(in[0].sort(1)) * weights).sum(1); };
  const Lift found = lift(sorted, {x}, {0.5 * x + 3.0});
  DOCTEST_CHECK(all_close(found.multipliers.front(), weights.gather(1, index.argsort(1, false)), 1e-13));
  // where it does not, no multiplier of a place is beyond its weight
  const auto third = [&](const Tensors& in) { return std::get<0>(in[0].kthvalue(3, 1)); };
  const Tensor multipliers = lift(third, {x}, {nets::random({2, 7}, 45)}).multipliers.front();
  DOCTEST_CHECK(multipliers.min().item<double>() >= 0.0);
  DOCTEST_CHECK(multipliers.max().item<double>() <= 1.0 + 1e-12);
}

DOCTEST_TEST_CASE("cells and layers of recurrent networks are what their equations are") {
  const Tensor w = nets::weight({12, 4}, 50), u = nets::weight({12, 3}, 51), b = nets::random({12}, 52),
               c = nets::random({12}, 53), hidden = nets::random({2, 3}, 54), cell = nets::random({2, 3}, 55);
  const auto step = [=](const Tensor& x, const Tensor& h, const Tensor& memory) {
    const auto gates = (at::linear(x, w, b) + at::linear(h, u, c)).chunk(4, 1);
    const Tensor next = gates[1].sigmoid() * memory + gates[0].sigmoid() * gates[2].tanh();
    return std::pair{gates[3].sigmoid() * next.tanh(), next};
  };
  const Tensor x = nets::random({2, 4}, 56), origin = nets::random({2, 4}, 57);
  const auto cells = [=](const Tensors& in) {
    return std::get<0>(at::lstm_cell(in[0], {hidden, cell}, w, u, b, c)).sum(1);
  };
  const auto written = [=](const Tensors& in) { return step(in[0], hidden, cell).first.sum(1); };
  const Lift found = lift(cells, {x}, {origin});
  DOCTEST_CHECK(found.missing.abs().max().item<double>() < 1e-13);
  DOCTEST_CHECK(
      all_close(found.multipliers.front(), lift(written, {x}, {origin}).multipliers.front(), 1e-12));

  const Tensor series = nets::random({2, 5, 4}, 58), before = nets::random({2, 5, 4}, 59);
  const auto layer = [=](const Tensors& in) {
    const auto out = at::lstm(in[0], {hidden.unsqueeze(0), cell.unsqueeze(0)}, {w, u, b, c}, true, 1, 0.0,
                              false, false, /*batch_first=*/true);
    return (std::get<0>(out) * 0.7).sum({1, 2});
  };
  const auto unrolled = [=](const Tensors& in) {
    Tensor h = hidden, memory = cell, sum;
    for (std::int64_t t = 0; t < 5; ++t) {
      std::tie(h, memory) = step(in[0].select(1, t), h, memory);
      sum = sum.defined() ? sum + h.sum(1) : h.sum(1);
    }
    return sum * 0.7;
  };
  const Lift whole = lift(layer, {series}, {before});
  DOCTEST_CHECK(whole.missing.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(
      all_close(whole.multipliers.front(), lift(unrolled, {series}, {before}).multipliers.front(), 1e-11));

  const Tensor w3 = w.narrow(0, 0, 9), u3 = u.narrow(0, 0, 9), b3 = b.narrow(0, 0, 9), c3 = c.narrow(0, 0, 9);
  const auto gru = [=](const Tensors& in) {
    return std::get<0>(
               at::gru(in[0], hidden.unsqueeze(0), {w3, u3, b3, c3}, true, 1, 0.0, false, false, true))
        .sum({1, 2});
  };
  DOCTEST_CHECK(lift(gru, {series}, {before}).missing.abs().max().item<double>() < 1e-12);
  const auto gru_cells = [=](const Tensors& in) {
    return at::gru_cell(in[0], hidden, w3, u3, b3, c3).sum(1);
  };
  DOCTEST_CHECK(lift(gru_cells, {x}, {origin}).missing.abs().max().item<double>() < 1e-13);
  const auto plain_cells = [=](const Tensors& in) {
    return at::rnn_tanh_cell(in[0], hidden, w3.narrow(0, 0, 3), u3.narrow(0, 0, 3)).sum(1);
  };
  DOCTEST_CHECK(lift(plain_cells, {x}, {origin}).missing.abs().max().item<double>() < 1e-13);
}

DOCTEST_TEST_CASE("max_unpool puts values where its indices say") {
  const Tensor w = nets::weight({2, 1, 3, 3}, 60), v = nets::weight({1, 2, 3, 3}, 61);
  const auto net = [=](const Tensors& in) {
    const auto [pooled, index] = at::max_pool2d_with_indices(at::conv2d(in[0], w, {}, 1, 1), 2);
    return at::conv2d(at::max_unpool2d(pooled, index, {6, 6}), v, {}, 1, 1).flatten(1).sum(1);
  };
  const Tensor x = nets::random({2, 1, 6, 6}, 62);
  const Lift found = lift(net, {x}, {at::zeros_like(x)});
  DOCTEST_CHECK(found.missing.abs().max().item<double>() < 1e-12);
  DOCTEST_CHECK(found.difference.abs().max().item<double>() > 1e-3);
}

DOCTEST_TEST_CASE("0 times infinity is 0 where nothing flows back: sqrt(relu(conv))") {
  const Tensor w = at::tensor({1.0, -1.0}, at::kDouble).reshape({2, 1, 1, 1}),
               x = at::ones({1, 1, 2, 2}, at::kDouble);
  const auto net = [=](const Tensors& in) { return at::sqrt(at::relu(at::conv2d(in[0], w))).sum({1, 2, 3}); };
  const Lift rescale = lift(net, {x}, {at::zeros_like(x)});
  const Lift reveal = lift(net, {x}, {at::zeros_like(x)}, target::Output{}, rule::RevealCancel{});
  for (const Lift& found : {rescale, reveal}) {
    DOCTEST_CHECK(all_close(found.multipliers.front(), at::ones_like(x), 1e-12));
    DOCTEST_CHECK(found.missing.abs().max().item<double>() < 1e-12);
  }
  const auto root = [](const Tensors& in) { return in[0].square().sum(1).sqrt(); };
  const Tensor zero = at::zeros({1, 3}, at::kDouble);
  DOCTEST_CHECK(at::equal(lift(root, {zero}, {zero}).multipliers.front(), zero));
}

DOCTEST_TEST_CASE(
    "batch norms without statistics of their own, and complex numbers, are refused in their own words") {
  const Tensor x = nets::random({2, 3, 6}, 70), origin = nets::random({2, 3, 6}, 71);
  const auto said = [&](const std::function<Tensor(const Tensor&)>& run) {
    return message_of([&] { (void)lift(weighed(run), {x}, {origin}); });
  };
  DOCTEST_CHECK(
      holds(said([](const Tensor& v) { return at::batch_norm(v, {}, {}, {}, {}, true, 0.1, 1e-5, false); }),
            "batch_norm 0 (aten::batch_norm, operator 0) keeps no statistics (track_running_stats=False)"));
  const Tensor c = at::ones({3}, at::kDouble);
  DOCTEST_CHECK(
      holds(said([=](const Tensor& v) { return at::batch_norm(v, {}, {}, c, c, true, 0.1, 1e-5, false); }),
            "put the model into its evaluation mode"));
  DOCTEST_CHECK(
      holds(said([](const Tensor& v) { return at::abs(at::fft_rfft(v)); }), "fft_rfft 0 (aten::fft_rfft"));
  DOCTEST_CHECK(
      holds(said([](const Tensor& v) { return at::real(at::fft_fft(v)); }), "fft_fft 0 (aten::fft_fft"));
}
