// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <lumen/rule/lrp/excitation.hpp>
#include <lumen/rule/lrp/first.hpp>
#include <lumen/rule/lrp/rules.hpp>
#include <lumen/rule/pass.hpp>

/// The rules of layer-wise relevance propagation as the papers write them, on an operator's matrix.
namespace lumen::testing::lrp_oracle {

namespace lrp = lumen::rule::lrp;

using Operator = std::function<Tensor(const Tensor&)>;

/// What a composite makes of relevance r at the output of `f`, by lumen's pass.
inline Tensor relevance(const rule::Composite& composite, const Operator& f, const Tensor& x,
                        const Tensor& r) {
  rule::Pass pass(composite);
  const auto target = [r](const Tensor& output) { return (output * r).flatten(1).sum(1); };
  const auto model = pass.bind([&](const Tensors& parts) { return f(parts.front()); });
  return engine::differentiate(model, {x}, {target}, false).gradients.front().front();
}

/// The same with one rule for all that sums.
inline Tensor relevance(const rule::Backward& rule, const Operator& f, const Tensor& x, const Tensor& r) {
  rule::Composite composite{.method = "test"};
  composite
      .use(rule::kinds::weighted | rule::kinds::averages | rule::kinds::sums | rule::kinds::products, rule)
      .pass(rule::kinds::moves);
  return relevance(composite, f, x, r);
}

/// An operator as the matrix [out, in] and the bias [out] that it is, found by asking it of unit vectors.
struct Matrix {
  Tensor w, b;
  Matrix(const Operator& f, const Tensor& sample) {
    const std::int64_t size = sample.numel();
    b = f(at::zeros_like(sample)).reshape({-1});
    std::vector<Tensor> columns;
    for (std::int64_t j = 0; j < size; ++j) {
      Tensor unit = at::zeros({size}, at::kDouble);
      unit[j] = 1.0;
      columns.push_back(f(unit.reshape(sample.sizes())).reshape({-1}) - b);
    }
    w = at::stack(columns, 1);
    w = w.masked_fill(w.abs() < 1e-14, 0.0);  // what the subtraction of b left
  }
};

inline Tensor plus(const Tensor& t) { return t.clamp_min(0); }
inline Tensor minus(const Tensor& t) { return t.clamp_max(0); }

/// sum_k c_kj / d_k r_k with the stabiliser; 0 / 0 = 0
inline Tensor share(const Tensor& c, const Tensor& d, const Tensor& r, double epsilon) {
  const Tensor stable = d + epsilon * at::where(d >= 0, at::ones_like(d), -at::ones_like(d));
  const Tensor s = at::where(stable == 0, at::zeros_like(r), r / stable);
  return (c * s.unsqueeze(1)).sum(0);
}

struct Case {
  std::string name;
  lumen::rule::Backward rule;
  /// of the matrix, x [in] and r [out], both flat
  std::function<Tensor(const Matrix&, const Tensor& x, const Tensor& r)> formula;
};

inline std::vector<Case> rules() {
  const auto contributions = [](const Matrix& m, const Tensor& x) { return m.w * x.unsqueeze(0); };
  const auto signed_sides = [=](double alpha, double beta, double epsilon, bool bias) {
    return [=](const Matrix& m, const Tensor& x, const Tensor& r) {
      const Tensor c = contributions(m, x);
      const Tensor b = bias ? m.b : at::zeros_like(m.b);
      return alpha * share(plus(c), plus(c).sum(1) + plus(b), r, epsilon) -
             beta * share(minus(c), minus(c).sum(1) + minus(b), r, epsilon);
    };
  };
  const auto gamma = [=](double g, double epsilon, bool bias) {
    return [=](const Matrix& m, const Tensor& x, const Tensor& r) {
      const Tensor c = contributions(m, x);
      const Tensor b = bias ? m.b : at::zeros_like(m.b);
      const Tensor above = (c.sum(1) + b >= 0).to(at::kDouble);
      return share(c + g * plus(c), c.sum(1) + b + g * (plus(c).sum(1) + plus(b)), r * above, epsilon) +
             share(c + g * minus(c), c.sum(1) + b + g * (minus(c).sum(1) + minus(b)), r * (1 - above),
                   epsilon);
    };
  };
  const auto by_weights = [](const std::function<Tensor(const Tensor&)>& rho) {
    return [=](const Matrix& m, const Tensor&, const Tensor& r) {
      return share(rho(m.w), rho(m.w).sum(1), r, 1e-9);
    };
  };
  const auto epsilon = [=](double eps, bool bias) {
    return [=](const Matrix& m, const Tensor& x, const Tensor& r) {
      const Tensor c = contributions(m, x);
      return share(c, bias ? c.sum(1) + m.b : c.sum(1), r, eps);
    };
  };
  return {
      {"0", lrp::Zero{}, epsilon(0.0, true)},
      {"0 without bias", lrp::Zero{.bias = false}, epsilon(0.0, false)},
      {"epsilon", lrp::Epsilon{.epsilon = 0.1}, epsilon(0.1, true)},
      {"epsilon without bias", lrp::Epsilon{.epsilon = 0.1, .bias = false}, epsilon(0.1, false)},
      {"gamma", lrp::Gamma{.gamma = 0.3, .epsilon = 1e-3}, gamma(0.3, 1e-3, true)},
      {"gamma without bias", lrp::Gamma{.gamma = 2.0, .bias = false}, gamma(2.0, 1e-6, false)},
      {"alpha 2 beta 1", lrp::AlphaBeta{}, signed_sides(2.0, 1.0, 1e-9, true)},
      {"alpha 1.5 beta 0.5", lrp::AlphaBeta{.alpha = 1.5, .beta = 0.5, .epsilon = 0.01, .bias = false},
       signed_sides(1.5, 0.5, 0.01, false)},
      {"z+", lrp::ZPlus{}, signed_sides(1.0, 0.0, 1e-9, true)},
      {"z+ without bias", lrp::ZPlus{.bias = false}, signed_sides(1.0, 0.0, 1e-9, false)},
      {"z-box", lrp::ZBox{.low = -4.0, .high = 5.0},
       [=](const Matrix& m, const Tensor& x, const Tensor& r) {
         const Tensor c = contributions(m, x) + 4.0 * plus(m.w) - 5.0 * minus(m.w);
         return share(c, c.sum(1), r, 1e-9);
       }},
      {"w squared", lrp::WSquare{}, by_weights([](const Tensor& w) { return w * w; })},
      {"flat", lrp::Flat{}, by_weights([](const Tensor& w) { return (w != 0).to(at::kDouble); })},
      {"replaced weights",
       lrp::Replaced{.weights = [](const Tensor& w) { return w + 0.5 * w.clamp_min(0); },
                     .biases = nullptr,
                     .epsilon = 0.02},
       [=](const Matrix& m, const Tensor& x, const Tensor& r) {
         const Tensor c = (m.w + 0.5 * plus(m.w)) * x.unsqueeze(0);
         return share(c, c.sum(1), r, 0.02);
       }},
      {"excitation", lrp::Excitation{},
       [=](const Matrix& m, const Tensor& x, const Tensor& r) {
         const Tensor c = plus(m.w) * plus(x).unsqueeze(0);
         return share(c, c.sum(1), r, 0.0);
       }},
      {"contrastive excitation", lrp::Excitation{.contrastive = true},
       [=](const Matrix& m, const Tensor& x, const Tensor& r) {
         const Tensor c = plus(m.w) * plus(x).unsqueeze(0), d = plus(-m.w) * plus(x).unsqueeze(0);
         return share(c, c.sum(1), r, 0.0) - share(d, d.sum(1), r, 0.0);
       }},
  };
}

}  // namespace lumen::testing::lrp_oracle
