// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/rule/detail/given.hpp>

/// Losses as their parts, for networks that give one.
namespace lumen::rule::detail {

/// All, the mean or the sum, as the operator is told.
inline std::vector<c10::IValue> reduced(const Given& given, const Tensor& each) {
  switch (given.integer("reduction", 1)) {
    case 0:
      return {each};
    case 1:
      return {each.mean()};
    default:
      return {each.sum()};
  }
}

/// c (|d| - c / 2) with c = min(|d|, delta): d^2 / 2 up to delta, linear beyond.
inline Tensor huber(const Tensor& apart, double delta) {
  const Tensor size = apart.abs(), most = size.clamp_max(delta);
  return most * (size - most * 0.5);
}

/// `t` log p + (1 - t) log(1 - p), no logarithm below -100, as LibTorch has it.
inline Tensor log_likelihood(const Tensor& p, const Tensor& t) {
  return t * p.log().clamp_min(-100.0) + (1.0 - t) * (1.0 - p).log().clamp_min(-100.0);
}

inline Decompositions losses() {
  using Values = std::vector<c10::IValue>;
  const auto apart = [](const Given& g) { return g.tensor(0) - g.tensor(1); };
  const auto weighted = [](const Given& g, const Tensor& each) {
    const Tensor weight = g.tensor("weight");
    return weight.defined() ? each * weight : each;
  };
  return {
      {"binary_cross_entropy",
       [=](const Given& g) -> Values {
         return reduced(g, weighted(g, -log_likelihood(g.tensor(0), g.tensor(1))));
       }},
      {"binary_cross_entropy_with_logits",
       [=](const Given& g) -> Values {
         const Tensor x = g.tensor(0), t = g.tensor(1), positive = g.tensor("pos_weight");
         const Tensor missed = -at::log_sigmoid(x);
         const Tensor scale = positive.defined() ? 1.0 + (positive - 1.0) * t : Tensor();
         return reduced(g, weighted(g, (1.0 - t) * x + (scale.defined() ? scale * missed : missed)));
       }},
      {"huber_loss",
       [=](const Given& g) -> Values { return reduced(g, huber(apart(g), g.number("delta", 1.0))); }},
      {"l1_loss", [=](const Given& g) -> Values { return reduced(g, apart(g).abs()); }},
      {"mse_loss", [=](const Given& g) -> Values { return reduced(g, apart(g).square()); }},
      {"smooth_l1_loss",
       [=](const Given& g) -> Values {
         const double beta = g.number("beta", 1.0);
         return reduced(g, beta == 0.0 ? apart(g).abs() : huber(apart(g), beta) / beta);
       }},
      {"soft_margin_loss",
       [](const Given& g) -> Values { return reduced(g, -at::log_sigmoid(g.tensor(0) * g.tensor(1))); }},
  };
}

}  // namespace lumen::rule::detail
