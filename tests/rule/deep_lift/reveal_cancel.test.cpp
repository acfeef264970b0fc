// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/rule/deep_lift/reveal_cancel.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <utility>
#include <vector>

#include <lumen/rule/deep_lift/rules.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/nets.hpp"

namespace nets = lumen::testing::nets;
namespace rule = lumen::rule;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::max_error;

namespace {

template <class R>
Tensor multipliers(const R& chosen, const lumen::engine::Function& model, const Tensor& x,
                   const Tensor& origin, std::int64_t k) {
  rule::DeepLiftPasses passes(rule::deep_lift_chooser(chosen), 1e-10);
  const auto found = lumen::engine::differentiate(
      passes.bind(model), {x, origin}, passes.bind(lumen::Targets{lumen::target::Class{.index = k}}), true);
  const Tensor multiplier = found.gradients.front().front();
  const Tensor difference = found.scores.front() - passes.origin_scores.front();
  const Tensor missing = (multiplier * (x - origin)).flatten(1).sum(1) - difference;
  DOCTEST_CHECK(missing.abs().max().item<double>() < 1e-12 * (1.0 + difference.abs().max().item<double>()));
  return multiplier;
}

/// Section 3.5 of the paper neuron by neuron, for linear layers with f between them: each difference from reference
/// kept apart in its positive and negative part, and a multiplier for each.
struct Paper {
  std::vector<Tensor> weights, biases;
  std::function<double(double)> f;

  struct Parts {
    std::vector<double> value, plus, minus;  ///< at x', and the parts of the difference
  };

  static double number(const Tensor& t) { return t.item<double>(); }

  /// The multipliers of output k for one sample.
  [[nodiscard]] std::vector<double> operator()(const Tensor& x, const Tensor& origin, std::int64_t k) const {
    std::vector<Parts> inputs, sums;  // of each layer: what goes in, what the sum gives
    Parts in;
    for (std::int64_t i = 0; i < x.size(0); ++i) {
      const double d = number(x[i] - origin[i]);
      in.value.push_back(number(origin[i]));
      in.plus.push_back(std::max(d, 0.0));
      in.minus.push_back(std::min(d, 0.0));
    }
    for (std::size_t l = 0; l < weights.size(); ++l) {
      inputs.push_back(in);
      Parts z, y;
      for (std::int64_t j = 0; j < weights[l].size(0); ++j) {
        double value = number(biases[l][j]), plus = 0, minus = 0;
        for (std::size_t i = 0; i < in.value.size(); ++i) {
          const double w = number(weights[l][j][static_cast<std::int64_t>(i)]), d = in.plus[i] + in.minus[i];
          value += w * in.value[i];
          (w * d > 0 ? plus : minus) += w * d;
        }
        z.value.push_back(value);
        z.plus.push_back(plus);
        z.minus.push_back(minus);
        y.value.push_back(f(value));
        y.plus.push_back((f(value + plus) - f(value) + f(value + plus + minus) - f(value + minus)) / 2);
        y.minus.push_back((f(value + minus) - f(value) + f(value + plus + minus) - f(value + plus)) / 2);
      }
      sums.push_back(z);
      in = y;
    }
    // backwards: multipliers of the positive and of the negative part of each sum
    std::vector<double> up(sums.back().value.size(), 0.0), down = up;
    up[static_cast<std::size_t>(k)] = down[static_cast<std::size_t>(k)] = 1.0;
    std::vector<double> of_input;
    for (std::size_t l = weights.size(); l-- > 0;) {
      of_input.assign(inputs[l].value.size(), 0.0);
      for (std::size_t i = 0; i < of_input.size(); ++i) {
        const double d = inputs[l].plus[i] + inputs[l].minus[i];
        for (std::size_t j = 0; j < up.size(); ++j) {
          const double w = number(weights[l][static_cast<std::int64_t>(j)][static_cast<std::int64_t>(i)]);
          of_input[i] += w * (d == 0 ? (up[j] + down[j]) / 2 : w * d > 0 ? up[j] : down[j]);
        }
      }
      if (l == 0) break;
      const Parts &z = sums[l - 1], &y = inputs[l];
      up.assign(z.value.size(), 0.0);
      down = up;
      for (std::size_t j = 0; j < up.size(); ++j) {
        const double whole = (y.plus[j] + y.minus[j]) / (z.plus[j] + z.minus[j]);
        up[j] = of_input[j] * (z.plus[j] == 0 ? whole : y.plus[j] / z.plus[j]);
        down[j] = of_input[j] * (z.minus[j] == 0 ? whole : y.minus[j] / z.minus[j]);
      }
    }
    return of_input;
  }
};

}  // namespace

DOCTEST_TEST_CASE("the paper's example: the smaller of two is shared, where Rescale gives one of them all") {
  // min(a, b) = b - relu(b - a)
  const Tensor w = at::tensor({-1.0, 1.0}, at::kDouble).reshape({1, 2});
  const auto smaller = [&](const Tensors& in) {
    return in[0].narrow(1, 1, 1) - at::relu(at::linear(in[0], w));
  };
  const Tensor x = at::tensor({5.0, 3.0, 3.0, 5.0}, at::kDouble).reshape({2, 2}), origin = at::zeros_like(x);
  const Tensor shares = multipliers(rule::RevealCancel{}, smaller, x, origin, 0) * x;
  DOCTEST_CHECK(all_close(shares, at::full({2, 2}, 1.5, at::kDouble), 1e-12));
  const Tensor rescaled = multipliers(rule::Rescale{}, smaller, x, origin, 0) * x;
  DOCTEST_CHECK(all_close(rescaled, at::tensor({0.0, 3.0, 3.0, 0.0}, at::kDouble).reshape({2, 2}), 1e-12));
}

DOCTEST_TEST_CASE("against the paper, neuron by neuron") {
  const Paper relu{{nets::weight({7, 5}, 1), nets::weight({6, 7}, 2), nets::weight({3, 6}, 3)},
                   {nets::random({7}, 4), nets::random({6}, 5), nets::random({3}, 6)},
                   [](double z) { return std::max(z, 0.0); }};
  Paper tanh = relu;
  tanh.f = [](double z) { return std::tanh(z); };
  Tensor x = nets::random({3, 5}, 7);
  const Tensor origin = nets::random({3, 5}, 8);
  x.select(1, 2).copy_(origin.select(1, 2));  // an input that does not move
  const auto run = [&](const Paper& paper, bool rectify, bool by_matmul) {
    const auto net = [&](const Tensors& in) {
      Tensor h = in[0];
      for (std::size_t l = 0; l < paper.weights.size(); ++l) {
        h = by_matmul ? at::addmm(paper.biases[l], h, paper.weights[l].t())
                      : at::linear(h, paper.weights[l], paper.biases[l]);
        if (l + 1 < paper.weights.size()) h = rectify ? at::relu_(h) : at::tanh(h);
      }
      return h;
    };
    for (const std::int64_t k : {0, 2}) {
      const Tensor found = multipliers(rule::RevealCancel{}, net, x, origin, k);
      for (std::int64_t n = 0; n < 3; ++n) {
        DOCTEST_CHECK(all_close(found[n], at::tensor(paper(x[n], origin[n], k), at::kDouble), 1e-11));
      }
    }
  };
  for (const bool by_matmul : {false, true}) {
    run(relu, true, by_matmul);
    run(tanh, false, by_matmul);
  }
}

DOCTEST_TEST_CASE(
    "convolutions as the same sums written as matrices, through batch normalisation and dropout") {
  const Tensor filter = nets::weight({4, 2, 3, 3}, 11), gain = nets::random({4}, 12),
               shift = nets::random({4}, 13), scale = nets::random({4}, 14).abs() + 0.3,
               head = nets::weight({3, 4 * 16}, 15);
  const Tensor x = nets::random({2, 2, 6, 6}, 16), origin = nets::random({2, 2, 6, 6}, 17);
  const auto by_convolution = [&](const Tensors& in) {
    Tensor h = at::batch_norm(at::conv2d(in[0], filter), gain, shift, shift, scale, false, 0.1, 1e-5, false);
    h = at::dropout(h, 0.5, false) + 0.2;
    return at::linear(at::silu(h).flatten(1), head);
  };
  const Tensor factor = gain / (scale + 1e-5).sqrt();
  const Tensor folded = (filter * factor.reshape({4, 1, 1, 1})).flatten(1),
               bias = shift - shift * factor + 0.2;
  const auto by_matrices = [&](const Tensors& in) {
    const Tensor columns = at::im2col(in[0], {3, 3}, {1, 1}, {0, 0}, {1, 1});
    const Tensor h = at::linear(columns.transpose(1, 2), folded, bias).transpose(1, 2);
    return at::linear(at::silu(h.transpose(1, 2)).transpose(1, 2).flatten(1), head);
  };
  for (const std::int64_t k : {0, 1}) {
    const Tensor found = multipliers(rule::RevealCancel{}, by_convolution, x, origin, k);
    // the second form moves values between sum and silu, which keeps it from being recognised there
    const Tensor plain = multipliers(rule::RevealCancel{}, by_matrices, x, origin, k);
    DOCTEST_CHECK(all_close(plain, multipliers(rule::Rescale{}, by_convolution, x, origin, k), 1e-12));
    DOCTEST_CHECK(max_error(found, plain) > 1e-3);
    const auto recognised = [&](const Tensors& in) {
      const Tensor columns = at::im2col(in[0], {3, 3}, {1, 1}, {0, 0}, {1, 1});
      return at::linear(
          at::silu(at::linear(columns.transpose(1, 2), folded, bias)).transpose(1, 2).flatten(1), head);
    };
    DOCTEST_CHECK(all_close(multipliers(rule::RevealCancel{}, recognised, x, origin, k) * (x - origin),
                            found * (x - origin), 1e-11));
  }
}

DOCTEST_TEST_CASE("a sum with several followers, residual sums, pools, gates: complete") {
  const Tensor filter = nets::weight({3, 3, 3, 3}, 21), other = nets::weight({3, 3, 3, 3}, 22),
               head = nets::weight({2, 3 * 9}, 23);
  const auto net = [&](const Tensors& in) {
    const Tensor z = at::conv2d(in[0], filter, {}, 1, 1);
    const Tensor a = at::relu(z), b = at::tanh(z) * at::sigmoid(z);
    Tensor c = at::conv2d(a, other, {}, 1, 1);
    c += b;
    c += z;
    return at::linear(at::max_pool2d(at::relu_(c), 3, 2, 1).flatten(1), head);
  };
  const Tensor x = nets::random({2, 3, 6, 6}, 24), origin = nets::random({2, 3, 6, 6}, 25);
  const Tensor found = multipliers(rule::RevealCancel{}, net, x, origin, 1);
  DOCTEST_CHECK(max_error(found, multipliers(rule::Rescale{}, net, x, origin, 1)) > 1e-3);
}
