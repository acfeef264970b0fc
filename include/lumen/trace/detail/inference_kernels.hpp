// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <ATen/core/dispatch/Dispatcher.h>

#include <lumen/core/tensor.hpp>

/// The fused kernels by which torch.nn's transformers run where nothing needs gradients, as the operators by which they
/// run where something does: linear layers, attention, norms.
namespace lumen::trace::detail {

/// The arguments of an operator, by their names.
class Named {
 public:
  Named(const c10::OperatorHandle& op, const std::vector<c10::IValue>& values) : op_(op), values_(values) {}

  [[nodiscard]] c10::IValue operator[](std::string_view name) const {
    const auto& declared = op_.schema().arguments();
    for (std::size_t i = 0; i < declared.size(); ++i) {
      if (declared[i].name() == name) return values_[i];
    }
    return {};
  }
  [[nodiscard]] Tensor tensor(std::string_view name) const {
    const c10::IValue value = (*this)[name];
    return value.isTensor() ? value.toTensor() : Tensor();
  }

 private:
  const c10::OperatorHandle& op_;
  const std::vector<c10::IValue>& values_;
};

/// Softmax attention of `heads` heads, projected: the result, and the weights [N, heads, L, S].
inline std::pair<Tensor, Tensor> attention_of_heads(const Tensor& query, const Tensor& keys,
                                                    const Tensor& values, const Named& given,
                                                    std::int64_t heads) {
  const Tensor weight = given.tensor("qkv_weight"), bias = given.tensor("qkv_bias");
  Tensor q, k, v;
  if (query.is_same(keys) && keys.is_same(values)) {
    const auto all = at::linear(query, weight, bias).chunk(3, -1);
    q = all[0], k = all[1], v = all[2];
  } else {
    const auto weights = weight.chunk(3, 0);
    const auto biases = bias.chunk(3, 0);
    q = at::linear(query, weights[0], biases[0]);
    k = at::linear(keys, weights[1], biases[1]);
    v = at::linear(values, weights[2], biases[2]);
  }
  const std::int64_t size = q.size(-1) / heads;
  const auto split = [&](const Tensor& whole) {
    return whole.reshape({whole.size(0), whole.size(1), heads, size}).transpose(1, 2);
  };
  Tensor scores = at::matmul(split(q) / std::sqrt(static_cast<double>(size)), split(k).transpose(-2, -1));
  if (Tensor mask = given.tensor("mask"); mask.defined()) {
    mask = mask.to(at::kBool);
    if (given["mask_type"].toInt() == 1) mask = mask.unsqueeze(1).unsqueeze(1);  // of keys, [N, S]
    scores = scores.masked_fill(mask, -std::numeric_limits<double>::infinity());
  }
  const Tensor weights = scores.softmax(-1);
  const Tensor mixed = at::matmul(weights, split(v)).transpose(1, 2).reshape(q.sizes());
  return {at::linear(mixed, given.tensor("proj_weight"), given.tensor("proj_bias")), weights};
}

inline std::vector<c10::IValue> opened_attention(const Named& given) {
  const auto [result, weights] = attention_of_heads(given.tensor("query"), given.tensor("key"),
                                                    given.tensor("value"), given, given["num_head"].toInt());
  const c10::IValue need = given["need_weights"], average = given["average_attn_weights"];
  if (need.isBool() && !need.toBool()) return {result, Tensor()};
  return {result, average.isBool() && !average.toBool() ? weights : weights.mean(1)};
}

inline std::vector<c10::IValue> opened_encoder_layer(const Named& given) {
  const bool first = given["norm_first"].toBool();
  const auto norm = [&](const Tensor& x, const char* weight, const char* bias) {
    return at::layer_norm(x, {x.size(-1)}, given.tensor(weight), given.tensor(bias), given["eps"].toDouble());
  };
  const Tensor source = given.tensor("src");
  const Tensor asked = first ? norm(source, "norm_weight_1", "norm_bias_1") : source;
  Tensor x = source + attention_of_heads(asked, asked, asked, given, given["num_heads"].toInt()).first;
  if (!first) x = norm(x, "norm_weight_1", "norm_bias_1");
  Tensor inner = first ? norm(x, "norm_weight_2", "norm_bias_2") : x;
  inner = at::linear(inner, given.tensor("ffn_weight_1"), given.tensor("ffn_bias_1"));
  inner = given["use_gelu"].toBool() ? at::gelu(inner) : at::relu(inner);
  x = x + at::linear(inner, given.tensor("ffn_weight_2"), given.tensor("ffn_bias_2"));
  return {first ? x : norm(x, "norm_weight_2", "norm_bias_2")};
}

/// The results of such a kernel by those operators, which are heard; none if it is another operator, or works on
/// nested tensors, or on a mask of unknown kind.
inline std::optional<std::vector<c10::IValue>> opened(const c10::OperatorHandle& op,
                                                      const std::vector<c10::IValue>& stack) {
  const std::string& name = op.schema().name();
  const bool layer = name == "aten::_transformer_encoder_layer_fwd";
  if (!layer && name != "aten::_native_multi_head_attention") return std::nullopt;
  const auto count = static_cast<std::ptrdiff_t>(op.schema().arguments().size());
  const std::vector<c10::IValue> values(stack.end() - count, stack.end());
  const Named given(op, values);
  for (const char* each : {"src", "query", "key", "value"}) {
    const Tensor value = given.tensor(each);
    if (value.defined() && (value.is_nested() || value.dim() != 3)) return std::nullopt;
  }
  if (const Tensor mask = given.tensor("mask"); mask.defined()) {
    const c10::IValue type =
        given["mask_type"];  // before 2.0 all masks of two dimensions were taken for those of keys
    if (!type.isInt() || (TORCH_VERSION_MAJOR < 2 && type.toInt() != 1)) return std::nullopt;
  }
  return layer ? opened_encoder_layer(given) : opened_attention(given);
}

}  // namespace lumen::trace::detail
