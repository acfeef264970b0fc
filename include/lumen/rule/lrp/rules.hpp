// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>

#include <lumen/rule/lrp/signed.hpp>

/// The rules of layer-wise relevance propagation. Each takes any operator that sums (`lrp::Sum`): convolutions,
/// transposed ones, linear layers, products with constant matrices, sums, averages.
///
/// Notation: z_k = sum_j x_j w_jk + b_k; v+ and v- are the positive and the negative part of v; every quotient
/// R / z is R / (z + epsilon sign z), with sign 0 = 1 and 0 / 0 = 0. What falls to b and epsilon is lost. `bias`
/// says whether b takes its share; without it, what an operator receives goes to its inputs entirely.
namespace lumen::rule::lrp {

/// LRP-epsilon: Bach, Binder, Montavon, Klauschen, Müller and Samek, "On Pixel-Wise Explanations for Non-Linear
/// Classifier Decisions by Layer-Wise Relevance Propagation", PLOS ONE 2015, eq. 58.
///
///     R_j = sum_k x_j w_jk / z_k R_k
///
/// Of an operator that is not linear (a max pool), its own gradient in the place of w.
struct Epsilon {
  double epsilon = 1e-6;  ///< >= 0, in units of z
  bool bias = true;

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return detail::redistribute(record, relevance, [this](const Sum& sum, const Tensor& r) {
      const Tensor s = detail::quotient(r, sum.total(bias), epsilon, bias ? sum.bias : Tensor());
      Tensors result;
      for (const Term& term : sum.terms) result.push_back(term.x * term.spread(term.w, s));
      return result;
    });
  }
};

/// LRP-0: LRP-epsilon without a stabiliser; what comes to an output that is exactly 0 is lost.
struct Zero {
  bool bias = true;

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return Epsilon{.epsilon = 0.0, .bias = bias}(record, relevance);
  }
};

/// LRP-gamma: Montavon, Binder, Lapuschkin, Samek and Müller, "Layer-Wise Relevance Propagation: An Overview", 2019,
/// section 10.2.3, where x >= 0; for x of any sign contributions, not weights, are favoured.
///
///     R_j = sum_k (x_j w_jk + gamma (x_j w_jk)+) / (z_k + gamma z+_k) R_k   where z_k >= 0,
///
/// z+ being the sum of the positive x_j w_jk and of b+; where z_k < 0 with negative parts in the place of positive
/// ones. The denominator is never smaller than z_k.
struct Gamma {
  double gamma = 0.25;    ///< >= 0; 0 is LRP-epsilon, large values lead to LRP-z+
  double epsilon = 1e-6;  ///< >= 0, in units of z
  bool bias = true;

  /// @throws Error unless gamma is finite and >= 0
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    require(gamma >= 0 && std::isfinite(gamma), [&] {
      return text("lrp::Gamma: gamma is ", gamma, ", expected at least 0, and finite; the rule that large ",
                  "values lead to is lrp::ZPlus");
    });
    const double g = gamma;
    const Weights up = [g](const Tensor& w) { return w + g * detail::positive_part(w); };
    const Weights down = [g](const Tensor& w) { return w + g * detail::negative_part(w); };
    return detail::redistribute(record, relevance, [&](const Sum& sum, const Tensor& r) {
      const detail::Signed parts(sum);
      const Tensor above = sum.total(bias) >= 0;
      const auto side = [&](const Weights& p, const Weights& n, const Tensor& chosen, bool positive) {
        Tensor z = parts.total(p, n), b;
        if (bias && sum.bias.defined()) {
          b = sum.bias + g * (positive ? detail::positive_part(sum.bias) : detail::negative_part(sum.bias));
          z = z + b;
        }
        return parts.spread(p, n, detail::quotient(r * chosen, z, epsilon, b));
      };
      Tensors result = side(up, down, above, true);
      const Tensor below = above.logical_not();
      if ((r * below).any().template item<bool>())
        result = detail::plus(result, side(down, up, below, false));
      return result;
    });
  }
};

/// LRP-alpha-beta: Bach et al. 2015, eq. 60.
///
///     R_j = sum_k (alpha (x_j w_jk)+ / z+_k - beta (x_j w_jk)- / z-_k) R_k,   alpha - beta = 1,
///
/// z+ and z- being the sums of the positive and of the negative x_j w_jk and b. An output with none of one sign
/// gives its share of alpha or beta to nobody.
struct AlphaBeta {
  double alpha = 2.0, beta = 1.0;  ///< >= 0
  double epsilon = 1e-9;           ///< >= 0, in units of z
  bool bias = true;

  /// @throws Error unless alpha - beta = 1
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    require(alpha >= 0 && beta >= 0 && std::abs(alpha - beta - 1.0) < 1e-12, [&] {
      return text("lrp::AlphaBeta: alpha is ", alpha, " and beta ", beta,
                  ", expected none below 0 and alpha - beta = 1, so that relevance is conserved");
    });
    return detail::redistribute(record, relevance, [this](const Sum& sum, const Tensor& r) {
      const detail::Signed parts(sum);
      const auto side = [&](const Weights& p, const Weights& n, const Tensor& given) {
        Tensor z = parts.total(p, n), b;
        if (bias && sum.bias.defined()) {
          b = p(sum.bias);
          z = z + b;
        }
        return parts.spread(p, n, detail::quotient(given, z, epsilon, b));
      };
      Tensors result = side(detail::positive_part, detail::negative_part, r * alpha);
      if (beta == 0) return result;
      return detail::plus(result, side(detail::negative_part, detail::positive_part, r * -beta));
    });
  }
};

/// LRP-z+: alpha = 1, beta = 0 (Montavon, Lapuschkin, Binder, Samek and Müller, "Explaining NonLinear
/// Classification Decisions with Deep Taylor Decomposition", 2017, arXiv:1512.02479, for x >= 0).
struct ZPlus {
  double epsilon = 1e-9;  ///< >= 0, in units of z
  bool bias = true;

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return AlphaBeta{.alpha = 1.0, .beta = 0.0, .epsilon = epsilon, .bias = bias}(record, relevance);
  }
};

/// The generic rule of Montavon et al. 2019, eq. 10.12: weights and biases replaced, x as it is.
///
///     R_j = sum_k x_j rho(w_jk) / (sum_j x_j rho(w_jk) + rho_b(b_k)) R_k
struct Replaced {
  Weights weights = [](const Tensor& w) { return w; };  ///< rho
  Weights biases = [](const Tensor& b) { return b; };   ///< rho_b; null for none
  double epsilon = 1e-6;                                ///< >= 0, in units of z

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return detail::redistribute(record, relevance, [this](const Sum& sum, const Tensor& r) {
      Tensor z = at::zeros_like(sum.z), b;
      for (const Term& term : sum.terms) z = z + term.sum(term.x, weights(term.w));
      if (biases && sum.bias.defined()) {
        b = biases(sum.bias);
        z = z + b;
      }
      const Tensor s = detail::quotient(r, z, epsilon, b);
      Tensors result;
      for (const Term& term : sum.terms) result.push_back(term.x * term.spread(weights(term.w), s));
      return result;
    });
  }
};

/// All relevance to the inputs, as it is: for operators that act on each element, and for weighted ones whose input
/// and output have one shape. What was broadcast is summed. @throws Error if the shapes do not fit
struct Pass {
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    require(record.paths() == 1, [&] {
      return text("lrp::Pass cannot be the rule of ", record.where(), ", which depends on the input through ",
                  record.paths(), " of its values; it needs an operator of one");
    });
    const std::size_t data = record.data();
    const auto shape = record.inputs[data].sizes();
    const Tensor& r = relevance.front();
    require(at::is_expandable_to(shape, r.sizes()), [&] {
      return text("lrp::Pass cannot be the rule of ", record.where(), ", which makes ", r.sizes(), " from ",
                  shape, "; it needs an operator that keeps the shape");
    });
    return only(record, data, r.sum_to_size(shape));
  }
};

}  // namespace lumen::rule::lrp
