// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include <lumen/rule/detail/given.hpp>

/// Attention and gates as their parts.
namespace lumen::rule::detail {

/// softmax(q k^T / sqrt(d) + mask) v, whatever kernel LibTorch has for it.
inline std::vector<c10::IValue> scaled_dot_product(const Given& given) {
  require(given.number("dropout_p", 0.0) == 0.0,
          "scaled_dot_product_attention drops values at random; put the model into its evaluation mode");
  const Tensor query = given.tensor("query");
  Tensor key = given.tensor("key"), value = given.tensor("value");
  if (given.flag("enable_gqa")) {
    key = key.repeat_interleave(query.size(-3) / key.size(-3), -3);
    value = value.repeat_interleave(query.size(-3) / value.size(-3), -3);
  }
  const double scale = given.number("scale", 1.0 / std::sqrt(static_cast<double>(query.size(-1))));
  Tensor scores = (query * scale).matmul(key.transpose(-2, -1));
  const double nothing = -std::numeric_limits<double>::infinity();
  if (given.flag("is_causal")) {
    const Tensor later =
        at::ones({query.size(-2), key.size(-2)}, at::TensorOptions().dtype(at::kBool).device(query.device()))
            .tril()
            .logical_not();
    scores = scores.masked_fill(later, nothing);
  }
  Tensor mask = given.tensor("attn_mask");
  if (!mask.defined()) mask = given.tensor("attn_bias");
  if (mask.defined()) {
    scores =
        mask.scalar_type() == at::kBool ? scores.masked_fill(mask.logical_not(), nothing) : scores + mask;
  }
  const Tensor weights = scores.softmax(-1);
  const Tensor result = weights.matmul(value);
  const bool told = given["need_attn_weights"].isNone() || given.flag("need_attn_weights");
  const bool beside =
      given.op().schema().returns().size() == 2;  // others give what their backward pass needs
  return beside ? std::vector<c10::IValue>{result, told ? weights : Tensor()}
                : std::vector<c10::IValue>{result};
}

/// The first half times the sigmoid of the second.
inline std::vector<c10::IValue> gated_linear_unit(const Given& given) {
  const auto halves = given.tensor(0).chunk(2, given.integer("dim", -1));
  return {halves.at(0) * halves.at(1).sigmoid()};
}

inline Decompositions attention() {
  return {{"glu", gated_linear_unit}, {"scaled_dot_product_attention", scaled_dot_product}};
}

}  // namespace lumen::rule::detail
