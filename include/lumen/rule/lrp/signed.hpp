// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include <lumen/rule/lrp/sum.hpp>

namespace lumen::rule::lrp {

/// A rule of layer-wise relevance propagation: from the relevance of each output of an operator to that of each
/// input (a rule::Backward).
template <class R>
concept Rule = requires(const R& rule, const Record& record, const Tensors& relevance) {
  { rule(record, relevance) } -> std::same_as<Tensors>;
};

/// What weights are replaced by.
using Weights = std::function<Tensor(const Tensor& w)>;

namespace detail {

inline Tensor positive_part(const Tensor& w) { return w.clamp_min(0); }
inline Tensor negative_part(const Tensor& w) { return w.clamp_max(0); }

/// The relevance of an operator's inputs from that of its output, where `share(sum, relevance)` gives it for each
/// term of a sum.
template <class Share>
Tensors redistribute(const Record& record, const Tensors& relevance, const Share& share) {
  Tensors result(record.inputs.size());
  for (const Sum& sum : sums_of(record)) {
    const Tensor r = sum.part == 1.0 ? relevance.front() : relevance.front() * sum.part;
    const Tensors given = share(sum, r);
    for (std::size_t i = 0; i < given.size(); ++i) {
      Tensor& total = result[sum.terms[i].input];
      total = total.defined() ? total + given[i] : given[i];
    }
  }
  return result;
}

/// A sum whose positive and negative values have weights of their own:
///
///     z_k = sum_j x+_j p(w_jk) + x-_j n(w_jk)
class Signed {
 public:
  explicit Signed(const Sum& sum) : sum_(&sum) {
    for (const Term& term : sum.terms) {
      positive_.push_back(positive_part(term.x));
      const bool mixed = (term.x < 0).any().item<bool>();
      negative_.push_back(mixed ? negative_part(term.x) : Tensor());
    }
  }

  /// z, [like the output]
  [[nodiscard]] Tensor total(const Weights& p, const Weights& n) const {
    Tensor z;
    const auto add = [&](const Tensor& part) { z = z.defined() ? z + part : part; };
    for (std::size_t i = 0; i < positive_.size(); ++i) {
      const Term& term = sum_->terms[i];
      add(term.sum(positive_[i], p(term.w)));
      if (negative_[i].defined()) add(term.sum(negative_[i], n(term.w)));
    }
    return z.expand_as(sum_->z);
  }

  /// sum_k x_j p(w_jk) s_k, or n where x_j < 0, for each term
  [[nodiscard]] Tensors spread(const Weights& p, const Weights& n, const Tensor& s) const {
    Tensors result;
    for (std::size_t i = 0; i < positive_.size(); ++i) {
      const Term& term = sum_->terms[i];
      result.push_back(positive_[i] * term.spread(p(term.w), s));
      if (negative_[i].defined()) result.back() += negative_[i] * term.spread(n(term.w), s);
    }
    return result;
  }

 private:
  const Sum* sum_;
  Tensors positive_, negative_;
};

/// a + factor * b
inline Tensors plus(Tensors a, const Tensors& b, double factor = 1.0) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = a[i] + factor * b[i];
  return a;
}

}  // namespace detail

}  // namespace lumen::rule::lrp
