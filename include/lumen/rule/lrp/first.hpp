// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>

#include <lumen/rule/lrp/signed.hpp>

/// Rules for the first weighted operators, whose inputs are pixels: Montavon et al. 2017, arXiv:1512.02479, section 4
/// and appendix, and 2019, section 10.2. Biases take no share.
namespace lumen::rule::lrp {

/// The smallest or largest value that pixels take: a number, or a tensor that broadcasts to the operator's input,
/// such as [1, C, 1, 1] of a normalised picture.
class Bound {
 public:
  Bound() = default;
  Bound(double value)
      : value_(at::scalar_tensor(value, at::kDouble)) {}  // NOLINT(google-explicit-constructor)
  Bound(Tensor value) : value_(std::move(value)) {}       // NOLINT(google-explicit-constructor)

  /// Shaped like x. @throws Error if it was not given or does not broadcast to x
  [[nodiscard]] Tensor like(const Tensor& x, const char* name) const {
    require(value_.defined(),
            [&] { return text("lrp::ZBox: ", name, " is not set; give the range of the pixels"); });
    require(at::is_expandable_to(value_.sizes(), x.sizes()), [&] {
      return text("lrp::ZBox: ", name, " of shape ", value_.sizes(), " does not broadcast to the input ",
                  x.sizes());
    });
    return value_.to(x.options()).expand_as(x);
  }

 private:
  Tensor value_;
};

/// LRP-z-box, for inputs of which low <= x <= high.
///
///     R_j = sum_k (x_j w_jk - l_j w+_jk - h_j w-_jk) / (sum_j of the same) R_k
struct ZBox {
  Bound low{}, high{};    ///< in units of the input
  double epsilon = 1e-9;  ///< >= 0, in units of z

  /// @throws Error if x is outside of the box by more than a thousandth of it
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return detail::redistribute(record, relevance, [this](const Sum& sum, const Tensor& r) {
      Tensor z = at::zeros_like(sum.z);
      Tensors lows, highs;
      for (const Term& term : sum.terms) {
        lows.push_back(low.like(term.x, "low"));
        highs.push_back(high.like(term.x, "high"));
        check(term.x, lows.back(), highs.back());
        z = z + term.sum(term.x, term.w) - term.sum(lows.back(), detail::positive_part(term.w)) -
            term.sum(highs.back(), detail::negative_part(term.w));
      }
      const Tensor s = detail::quotient(r, z, epsilon, {});
      Tensors result;
      for (std::size_t i = 0; i < sum.terms.size(); ++i) {
        const Term& term = sum.terms[i];
        result.push_back(term.x * term.spread(term.w, s) -
                         lows[i] * term.spread(detail::positive_part(term.w), s) -
                         highs[i] * term.spread(detail::negative_part(term.w), s));
      }
      return result;
    });
  }

 private:
  static void check(const Tensor& x, const Tensor& low, const Tensor& high) {
    const Tensor slack = 1e-3 * (high - low);
    require(at::all(low < high).item<bool>(), "lrp::ZBox: low must be below high everywhere");
    require(at::all((x >= low - slack).logical_and(x <= high + slack)).item<bool>(), [&] {
      return text(
          "lrp::ZBox: the input, from ", x.min().item<double>(), " to ", x.max().item<double>(),
          ", leaves the box from ", low.min().item<double>(), " to ", high.max().item<double>(),
          "; low and high are the range of the values that the model is given, after any normalisation");
    });
  }
};

namespace detail {

/// R_j = sum_k rho(w_jk) / (sum_j rho(w_jk)) R_k, whatever x is.
inline Tensors by_weights(const Record& record, const Tensors& relevance, double epsilon,
                          const Weights& rho) {
  return redistribute(record, relevance, [&](const Sum& sum, const Tensor& r) {
    Tensor z = at::zeros_like(sum.z);
    for (const Term& term : sum.terms) z = z + term.sum(at::ones_like(term.x), rho(term.w));
    const Tensor s = quotient(r, z, epsilon, {});
    Tensors result;
    for (const Term& term : sum.terms) result.push_back(term.spread(rho(term.w), s));
    return result;
  });
}

}  // namespace detail

/// LRP-w^2.
///
///     R_j = sum_k w_jk^2 / (sum_j w_jk^2) R_k
struct WSquare {
  double epsilon = 1e-9;  ///< >= 0, in units of w^2

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return detail::by_weights(record, relevance, epsilon, [](const Tensor& w) { return w * w; });
  }
};

/// LRP-flat: each output's relevance in equal parts to all that it sees.
struct Flat {
  double epsilon = 1e-9;  ///< >= 0; 1 is the weight of each input

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return detail::by_weights(record, relevance, epsilon, [](const Tensor& w) { return at::ones_like(w); });
  }
};

}  // namespace lumen::rule::lrp
