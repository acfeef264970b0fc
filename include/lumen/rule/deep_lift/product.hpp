// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/rule/deep_lift/rescale.hpp>

namespace lumen::rule::detail {

/// Operators that are at most quadratic in all that they are given: sums of products of two, and variances.
inline const Kinds quadratic = kinds::weighted | kinds::products | kinds::multilinear |
                               Kinds{"addbmm", "addcmul", "addmv", "addr", "lerp", "var"};

/// The exact split of an operator B that is at most quadratic: the two ways of changing one factor after the other,
/// averaged, which is its gradient half way.
///
///     B(x) - B(x') = sum over i of dB/dx_i at (x + x') / 2 . (x_i - x'_i);   ab - a'b' = mean(b) Da + mean(a) Db
///
/// The Shapley value of the two factors; on softmax attention, gates and the like.
inline Tensors halfway(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  Tensors middle = record.inputs, result(record.inputs.size());
  for (std::size_t i = 0; i < middle.size(); ++i) {
    if (record.on_path[i]) middle[i] = (record.inputs[i] + origin.inputs[i]).mul_(0.5);
  }
  const bool plain_product = record.kind == "mul";
  for (std::size_t i = 0; i < middle.size(); ++i) {
    if (!record.on_path[i]) continue;
    result[i] = plain_product ? (gradients.front() * middle[1 - i]).sum_to_size(middle[i].sizes())
                              : record.pull_back(middle, i, gradients);
  }
  return result;
}

/// a / b with b on the path, exactly: mean(1 / b) Da - mean(a) / (b b') Db.
inline Tensors quotient(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const Tensor &a = record.inputs[0], &b = record.inputs[1], &g = gradients.front();
  const Tensor &a0 = origin.inputs[0], &b0 = origin.inputs[1];
  Tensors result(2);
  if (record.on_path[0])
    result[0] = (g * (b.reciprocal() + b0.reciprocal()).mul_(0.5)).sum_to_size(a.sizes());
  result[1] = (g * (a + a0) / (b * b0)).mul_(-0.5).sum_to_size(b.sizes());
  return result;
}

/// What is known for products and quotients of values on the path.
inline DeepLiftChoice product_choice(const Record& record) {
  if (!quadratic.contains(record.kind)) return std::nullopt;
  const std::int64_t factors = record.paths();
  const bool quotients = record.kind == "div";
  if (quotients && !record.argument("rounding_mode").isNone()) return std::nullopt;
  if (record.kind == "var") return halfway;
  static const Kinds any_number{"einsum", "chain_matmul", "_trilinear", "bilinear"};
  if (any_number.contains(record.kind) && factors > 2) return std::nullopt;
  if (quotients && record.inputs.size() == 2 && record.on_path[1]) return quotient;
  if (factors == 1) return DeepLiftBackward();
  return halfway;
}

}  // namespace lumen::rule::detail
