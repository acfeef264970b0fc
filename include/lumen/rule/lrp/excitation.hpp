// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/rule/lrp/signed.hpp>

namespace lumen::rule::lrp {

/// The marginal winning probability of excitation backprop: Zhang, Lin, Brandt, Shen and Sclaroff, "Top-down Neural
/// Attention by Excitation Backprop", 2016, arXiv:1608.00507, eq. 2. Activations excite through positive weights
/// only; negative activations excite nothing.
///
///     P_j = sum_k x+_j w+_jk / (sum_j x+_j w+_jk) P_k
///
/// An output that nothing excites gives its probability to nobody. Biases take no share.
struct Excitation {
  /// The dual of the operator's units (section 3.4): less what the same units with negated weights would give.
  bool contrastive = false;

  Tensors operator()(const Record& record, const Tensors& probability) const {
    return detail::redistribute(record, probability, [this](const Sum& sum, const Tensor& p) {
      const auto side = [&](const Weights& excites) {
        Tensor z = at::zeros_like(sum.z);
        for (const Term& term : sum.terms) z = z + term.sum(detail::positive_part(term.x), excites(term.w));
        const Tensor s = detail::quotient(p, z, 0.0, {});
        Tensors result;
        for (const Term& term : sum.terms) {
          result.push_back(detail::positive_part(term.x) * term.spread(excites(term.w), s));
        }
        return result;
      };
      Tensors result = side(detail::positive_part);
      if (!contrastive) return result;
      return detail::plus(result, side([](const Tensor& w) { return detail::positive_part(-w); }), -1.0);
    });
  }
};

}  // namespace lumen::rule::lrp
