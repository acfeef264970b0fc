// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/rule/lrp/batch_norm.hpp>
#include <lumen/rule/lrp/gate.hpp>
#include <lumen/rule/lrp/transpose.hpp>

namespace lumen::rule::lrp {

/// One of the values that an operator sums, with its weights: sum_j x_j w_jk.
struct Term {
  std::size_t input = 0;  ///< its position among record.inputs
  Tensor x{}, w{};
  std::function<Tensor(const Tensor& x, const Tensor& w)> sum{};     ///< sum_j x_j w_jk, for any x and w
  std::function<Tensor(const Tensor& w, const Tensor& s)> spread{};  ///< sum_k w_jk s_k, shaped like x
};

/// An operator as what all rules of LRP are written for:
///
///     z_k = sum_j x_j w_jk + b_k
///
/// Convolutions, linear layers and products with constant matrices have their weights, into which a normalisation
/// behind them is merged; sums, and scaling by constants, have coefficients. Averages, interpolation, sums over a
/// dimension, and whatever else has no weights of its own, count as linear with w = 1, a scalar that scales the
/// whole: rules that tell the signs of weights apart then take their weights for positive.
struct Sum {
  std::vector<Term> terms{};
  Tensor bias{};  ///< b, broadcasts to z; undefined if there is none
  Tensor z{};
  double part = 1.0;  ///< of the relevance, where an operator is seen in several ways

  /// z with or without b.
  [[nodiscard]] Tensor total(bool with_bias) const { return with_bias || !bias.defined() ? z : z - bias; }
};

namespace detail {

/// x * w, elementwise.
/// @param shape  of x's elements, as it acts on the output; its own if empty
inline Term elementwise(std::size_t input, const Tensor& x, const Tensor& w,
                        std::vector<std::int64_t> shape = {}) {
  if (shape.empty()) shape = x.sizes().vec();
  return {
      .input = input,
      .x = x,
      .w = w,
      .sum = [shape](const Tensor& values, const Tensor& weights) { return values.reshape(shape) * weights; },
      .spread = [shape, sizes = x.sizes().vec()](
                    const Tensor& weights,
                    const Tensor& s) { return (weights * s).sum_to_size(shape).reshape(sizes); }};
}

/// A coefficient as a weight, of x's type.
inline Tensor coefficient(double value, const Tensor& x) { return at::scalar_tensor(value, x.options()); }

/// add, sub, rsub, neg: what is not on the path, number or tensor, is constant.
inline Sum sum_of_values(const Record& record) {
  Sum sum{.z = record.outputs.front()};
  const c10::IValue given = record.argument("alpha");
  const double alpha = given.isScalar() ? given.toScalar().toDouble() : 1.0;
  const bool reversed = record.kind == "rsub";
  const double first = record.kind == "neg" ? -1.0 : reversed ? -alpha : 1.0;
  const double second = record.kind == "add" ? alpha : reversed ? 1.0 : -alpha;
  Tensor constant = sum.z;
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    if (!record.on_path[i]) continue;
    const Tensor& x = record.inputs[i];
    sum.terms.push_back(elementwise(i, x, coefficient(i == 0 ? first : second, x)));
    constant = constant - sum.terms.back().sum(x, sum.terms.back().w);
  }
  const bool all = sum.terms.size() == 2 || record.kind == "neg";
  if (!all) sum.bias = constant;
  return sum;
}

/// The operator as linear in its one value, with weights of its own.
inline Sum sum_without_weights(const Record& record) {
  const std::size_t data = record.data();
  const Tensor& x = record.inputs[data];
  Term term{.input = data, .x = x, .w = coefficient(1.0, x)};
  term.sum = [&record, data](const Tensor& values, const Tensor& w) {
    Tensors inputs = record.inputs;
    inputs[data] = values;
    return record.rerun(inputs).front() * w;
  };
  term.spread = [&record, data](const Tensor& w, const Tensor& s) {
    Tensors gradients{s * w};
    for (std::size_t i = 1; i < record.outputs.size(); ++i) {
      gradients.push_back(at::zeros_like(record.outputs[i]));
    }
    return record.pull_back(record.inputs, data, gradients);
  };
  return {.terms = {term}, .z = record.outputs.front()};
}

/// An operator that adds what its values on the path give, each with coefficients of 1 at given places.
inline Sum sum_of_gathered(const Record& record) {
  Sum sum{.z = record.outputs.front()};
  Tensor constant = sum.z;
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    if (!record.on_path[i]) continue;
    const Tensor& x = record.inputs[i];
    Term term{.input = i, .x = x, .w = coefficient(1.0, x)};
    term.sum = [&record, i](const Tensor& values, const Tensor& w) {
      Tensors inputs = record.inputs;
      for (Tensor& each : inputs) {
        if (at::isFloatingType(each.scalar_type())) each = at::zeros_like(each);
      }
      inputs[i] = values;
      return record.rerun(inputs).front() * w;
    };
    term.spread = [&record, i](const Tensor& w, const Tensor& s) {
      return record.pull_back(record.inputs, i, {s * w});
    };
    constant = constant - term.sum(x, term.w);
    sum.terms.push_back(std::move(term));
  }
  sum.bias = constant;
  return sum;
}

/// A product of several values on the path as a sum over each of them, all of which take equal parts.
inline std::vector<Sum> sums_of_factors(const Record& record) {
  std::vector<Sum> sums;
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    if (!record.on_path[i]) continue;
    const Tensor& x = record.inputs[i];
    Term term{.input = i, .x = x, .w = coefficient(1.0, x)};
    term.sum = [&record, i](const Tensor& values, const Tensor& w) {
      Tensors inputs = record.inputs;
      inputs[i] = values;
      return record.rerun(inputs).front() * w;
    };
    term.spread = [&record, i](const Tensor& w, const Tensor& s) {
      return record.pull_back(record.inputs, i, {s * w});
    };
    sums.push_back({.terms = {std::move(term)},
                    .z = record.outputs.front(),
                    .part = 1.0 / static_cast<double>(record.paths())});
  }
  return sums;
}

/// The weights with each channel scaled, [C]: those of the output, or those of the input.
inline Tensor scaled_weights(const Record& record, const Tensor& weight, const Tensor& scale,
                             bool of_output) {
  const bool transposed = record.kind.starts_with("conv_transpose");
  const std::size_t first =
      transposed || !(record.kind.starts_with("conv") || record.kind == "linear") ? 1 : 0;
  const std::size_t dim = of_output ? first : 1 - first;
  std::vector<std::int64_t> shape = weight.sizes().vec();
  // dimension 0 lists the channels of one group after those of another, dimension 1 those of each group
  const std::int64_t groups = groups_of(record);
  shape.front() /= groups;
  shape.insert(shape.begin(), groups);
  std::vector<std::int64_t> factor(shape.size(), 1);
  factor[0] = groups;
  factor[dim + 1] = shape[dim + 1];
  return (weight.reshape(shape) * scale.reshape(factor)).reshape(weight.sizes());
}

/// What a weighted operator adds: its position among the inputs and its shape as it broadcasts to the output.
struct Addend {
  std::size_t input = 0;
  double factor = 1.0;
  std::vector<std::int64_t> shape{};
};

inline std::optional<Addend> addend(const Record& record) {
  if (trace::data_position(record.kind) == 1) {
    return Addend{0, record.argument("beta").toScalar().toDouble(), record.inputs[0].sizes().vec()};
  }
  if (record.inputs.size() < 3 || record.kind == "einsum") return std::nullopt;
  Addend result{.input = 2, .shape = record.inputs[2].sizes().vec()};
  if (record.kind.starts_with("conv")) {
    const std::int64_t trailing = record.inputs[1].dim() - 2;
    result.shape.insert(result.shape.end(), static_cast<std::size_t>(trailing), 1);
  }
  return result;
}

/// Takes the normalisation before the operator into its one term.
inline void merge_norm_before(const Record& record, const op::ChannelMap& map, Sum& sum) {
  Term& term = sum.terms.front();
  const Tensor given = term.sum(on_channels(map.shift, term.x).expand_as(term.x), term.w);
  sum.bias = sum.bias.defined() ? sum.bias + given : given;
  const Record& before = *record.producers[term.input];
  term.x = before.inputs[before.data()];
  term.w = scaled_weights(record, term.w, map.scale, false);
}

/// A weighted operator: its data are inputs[data], its weights inputs[weight].
inline Sum weighted_sum(const Record& record, std::size_t data, std::size_t weight) {
  require(record.inputs.size() == 2 || record.kind != "einsum", [&] {
    return text("LRP: ", record.where(), " multiplies ", record.inputs.size(),
                " tensors, expected 2; write it as several products");
  });
  Tensors neutral = record.inputs;
  const std::optional<Addend> added = addend(record);
  if (added) neutral[added->input] = at::zeros_like(neutral[added->input]);
  const c10::IValue alpha = record.argument("alpha");  // addmm scales its product
  const double factor = alpha.isScalar() ? alpha.toScalar().toDouble() : 1.0;
  const auto filled = [neutral, data, weight, factor](const Tensor& x, const Tensor& w) {
    Tensors inputs = neutral;
    inputs[data] = x;
    inputs[weight] = factor == 1.0 ? w : w / factor;
    return inputs;
  };
  Term term{.input = data, .x = record.inputs[data], .w = record.inputs[weight]};
  if (factor != 1.0) term.w = term.w * factor;
  term.sum = [&record, filled](const Tensor& x, const Tensor& w) {
    return record.rerun(filled(x, w)).front();
  };
  term.spread = [&record, filled, data, x = term.x](const Tensor& w, const Tensor& s) {
    const Tensor direct = data == 0 ? convolution_back(record, x, w, s) : Tensor();
    return direct.defined() ? direct : record.pull_back(filled(x, w), data, {s});
  };
  Sum sum{.terms = {std::move(term)}, .z = record.outputs.front()};
  if (added && record.on_path[added->input]) {
    const Tensor& x = record.inputs[added->input];
    sum.terms.push_back(elementwise(added->input, x, coefficient(added->factor, x), added->shape));
  } else if (added) {
    sum.bias = record.inputs[added->input].reshape(added->shape) * added->factor;
  }
  if (record.norm_after) {
    const Tensor scale = on_channels(record.norm_after->scale, sum.z);
    const Tensor shift = on_channels(record.norm_after->shift, sum.z);
    sum.terms.front().w = scaled_weights(record, sum.terms.front().w, record.norm_after->scale, true);
    sum.z = sum.z * scale + shift;
    sum.bias = sum.bias.defined() ? sum.bias * scale + shift : shift;
  }
  return sum;
}

/// A product of two factors, elementwise, or with a number.
inline Sum product(const Record& record, std::size_t data, std::size_t other) {
  const Tensor& x = record.inputs[data];
  const Tensor& z = record.outputs.front();
  Tensor w = other < record.inputs.size() ? record.inputs[other]
                                          : coefficient(record.argument("other").toScalar().toDouble(), x);
  if (!record.kind.starts_with("mul")) w = data == 0 ? w.reciprocal() : (z / x).masked_fill(x == 0, 0);
  return {.terms = {elementwise(data, x, w)}, .z = z};
}

}  // namespace detail

/// The sums that an operator is: one, or for a product of two values on the path one for each that takes relevance.
/// They refer to `record`.
[[nodiscard]] inline std::vector<Sum> sums_of(const Record& record) {
  using namespace detail;
  static const Kinds of_values{"add", "sub", "subtract", "rsub", "neg"};
  if (of_values.contains(record.kind)) return {sum_of_values(record)};
  if (kinds::multilinear.contains(record.kind)) return sums_of_factors(record);
  if (kinds::gatherings.contains(record.kind) || kinds::scatters.contains(record.kind)) {
    return {sum_of_gathered(record)};
  }
  if (kinds::norms_fixed.contains(record.kind)) {
    const std::size_t data = record.data();
    const Tensor& x = record.inputs[data];
    const op::ChannelMap map = channel_map(record);
    return {{.terms = {elementwise(data, x, on_channels(map.scale, x))},
             .bias = on_channels(map.shift, x),
             .z = record.outputs.front()}};
  }
  const bool weighted = kinds::weighted.contains(record.kind);
  if (!weighted && !kinds::products.contains(record.kind)) return {sum_without_weights(record)};
  std::size_t first = trace::data_position(record.kind), second = first + 1;
  if (!weighted && record.inputs.size() == 1) return {product(record, 0, 1)};
  if (first == 1 && !record.on_path[1] && !record.on_path[2]) {  // only what it adds is on the path
    const Addend added = *addend(record);
    const Tensor& x = record.inputs[0];
    Sum sum{.terms = {elementwise(0, x, coefficient(added.factor, x), added.shape)},
            .z = record.outputs.front()};
    sum.bias = sum.z - x * added.factor;
    return {sum};
  }
  const Shares parts = shares(record, first, second);
  std::vector<Sum> sums;
  for (const double part : {parts.first, parts.second}) {
    if (part > 0) {
      sums.push_back(weighted ? weighted_sum(record, first, second) : product(record, first, second));
      sums.back().part = part;
    }
    std::swap(first, second);
  }
  if (record.norm_before) merge_norm_before(record, *record.norm_before, sums.front());
  return sums;
}

}  // namespace lumen::rule::lrp
