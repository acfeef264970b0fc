// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <utility>

#include <lumen/rule/lrp/first.hpp>
#include <lumen/rule/lrp/layer_norm.hpp>
#include <lumen/rule/lrp/merge.hpp>
#include <lumen/rule/lrp/rules.hpp>

/// Which rule of LRP each operator gets.
namespace lumen::rule::lrp {

/// Products of the path's values with each other or with constants: `shares` says which value takes the relevance,
/// all of which goes on.
struct Product {
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    const Tensor& r = relevance.front();
    if (record.inputs.size() == 1) return Pass{}(record, relevance);
    const Shares parts = shares(record, 0, 1);
    Tensors result(record.inputs.size());
    if (parts.first > 0) result[0] = (r * parts.first).sum_to_size(record.inputs[0].sizes());
    if (parts.second > 0) result[1] = (r * parts.second).sum_to_size(record.inputs[1].sizes());
    return result;
  }
};

/// The magnitude of one value on the path with the sign of another, or the angle whose tangent is their quotient:
/// relevance goes to the magnitude, and to the dividend.
struct FirstOfTwo {
  Tensors operator()(const Record& record, const Tensors& relevance) const {
    return only(record, 0, relevance.front().sum_to_size(record.inputs.front().sizes()));
  }
};

/// A composite for the operators of convolutional networks, by their part in it. Activations, softmax included, and
/// dropout pass relevance on; max pools, and the largest of several values, give it to the winner; what only moves
/// values moves it.
struct Parts {
  Backward convolution = Epsilon{};
  Backward dense = Epsilon{};  ///< linear layers and matrix products
  Backward sum = Epsilon{};    ///< sums and averages, residual sums among them; interpolation
  Backward fixed_norm = BatchNorm{};
  Backward adaptive_norm = LayerNorm{};
  Backward product = Product{};

  operator Composite() const {  // NOLINT(google-explicit-constructor): a composite is what it stands for
    static const Kinds convolutions{"conv1d",           "conv2d",           "conv3d",
                                    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};
    Composite result{.method = "LRP", .prepare = merge_norms};
    result.use(kinds::weighted | kinds::multilinear, dense)
        .use(convolutions, convolution)
        .use(kinds::sums | kinds::gatherings | kinds::averages, sum)
        .use(kinds::norms_fixed, fixed_norm)
        .use(kinds::norms_adaptive, adaptive_norm)
        .use(kinds::products, product)
        .use(kinds::rectifiers | kinds::squashers | kinds::steps | kinds::dropouts, Pass{})
        .use(listed("log_softmax softmax"), Pass{})
        .pass(kinds::moves | kinds::placements | kinds::maxima | kinds::ranks | listed("logsumexp"));
    for (const std::string& kind : kinds::extrema) result.kinds.erase(kind);
    result.otherwise = [sum = sum](const Record& record) -> std::optional<Backward> {
      if (kinds::extrema.contains(record.kind)) {
        const bool with_constant = record.inputs.size() == 2 && record.paths() == 1;
        return with_constant ? Backward(Pass{}) : Backward();
      }
      if (kinds::binaries.contains(record.kind) && record.paths() == 1) return Backward(Pass{});
      if (record.kind == "copysign" || record.kind == "atan2") return Backward(FirstOfTwo{});
      if (record.kind == "grid_sampler" && record.paths() == 1 && record.on_path[0]) return sum;
      if (kinds::scatters.contains(record.kind) && record.argument("reduce").isNone()) {
        const c10::IValue adds = record.argument("accumulate");
        return adds.isBool() && adds.toBool() ? sum : Backward();
      }
      return std::nullopt;
    };
    return result;
  }
};

/// `convolution` for convolutions, and the same epsilon for the rest: linear layers, sums, averages, and normalisations
/// that nothing was merged with.
[[nodiscard]] inline Parts stabilised(double epsilon, const Backward& convolution) {
  return {.convolution = convolution,
          .dense = Epsilon{epsilon},
          .sum = Epsilon{epsilon},
          .fixed_norm = BatchNorm{.epsilon = epsilon},
          .adaptive_norm = LayerNorm{epsilon}};
}

/// The same rule for all weighted operators.
[[nodiscard]] inline Composite uniform(const Backward& rule) {
  return Parts{.convolution = rule, .dense = rule};
}

/// The composites of Kohlbrenner, Bauer, Nakajima, Binder, Samek and Lapuschkin, "Towards Best Practice in
/// Explaining Neural Network Decisions with LRP", 2020, arXiv:1910.09840: LRP-epsilon for linear layers, and for
/// convolutions the rule that their name tells; those with Flat and Box have a rule of their own for the first
/// weighted operators. They are turned into a `Composite` to be changed.
struct EpsilonPlus {
  double epsilon = 1e-6;  ///< of all but convolutions

  operator Composite() const {  // NOLINT(google-explicit-constructor)
    return stabilised(epsilon, ZPlus{});
  }
};

/// EpsilonPlus with LRP-flat first.
struct EpsilonPlusFlat {
  double epsilon = 1e-6;

  operator Composite() const {  // NOLINT(google-explicit-constructor)
    Composite result = EpsilonPlus{epsilon};
    result.first = Flat{};
    return result;
  }
};

/// Convolutions with alpha = 2, beta = 1.
struct EpsilonAlpha2Beta1 {
  double epsilon = 1e-6;

  operator Composite() const {  // NOLINT(google-explicit-constructor)
    return stabilised(epsilon, AlphaBeta{});
  }
};

/// EpsilonAlpha2Beta1 with LRP-flat first.
struct EpsilonAlpha2Beta1Flat {
  double epsilon = 1e-6;

  operator Composite() const {  // NOLINT(google-explicit-constructor)
    Composite result = EpsilonAlpha2Beta1{epsilon};
    result.first = Flat{};
    return result;
  }
};

/// Convolutions with LRP-gamma, LRP-z-box first (Montavon et al. 2019, section 10.2.3).
struct EpsilonGammaBox {
  Bound low{}, high{};  ///< range of what the model is given, in units of the input; both must be set
  double epsilon = 1e-6;
  double gamma = 0.25;

  operator Composite() const {  // NOLINT(google-explicit-constructor)
    Composite result = stabilised(epsilon, Gamma{.gamma = gamma});
    result.first = ZBox{.low = low, .high = high};
    return result;
  }
};

}  // namespace lumen::rule::lrp
