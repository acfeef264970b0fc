// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include <lumen/rule/lrp/batch_norm.hpp>

namespace lumen::rule::lrp {

/// Normalisation by the data's own statistics (layer, group and instance norms): Ali, Schnake, Eberle, Montavon,
/// Müller and Wolf, "XAI for Transformers: Better Explanations through Conservative Propagation", 2022,
/// arXiv:2202.07304, section 3.2. The scale is taken for constant, so that the operator is linear:
///
///     z_k = w_k (x_k - mean(x)) / sigma + b_k,   R_j = sum_k x_j (delta_jk - 1/n) w_k / sigma / z_k R_k
///
/// with n the number of values that are normalised together; b takes its share.
struct LayerNorm {
  double epsilon = 1e-6;  ///< >= 0, in units of z

  Tensors operator()(const Record& record, const Tensors& relevance) const {
    const std::size_t data = record.data();
    const Tensor& x = record.inputs[data];
    const c10::IValue own = record.argument("use_input_stats");
    if (own.isBool() && !own.toBool())
      return BatchNorm{.merge = false, .epsilon = epsilon}(record, relevance);

    const std::vector<std::int64_t> shape = groups(record, x);
    const auto channels = [&](const char* name) {
      const c10::IValue given = record.argument(name);
      const bool missing = !given.isTensor() || !given.toTensor().defined();
      if (missing) return Tensor();
      const bool trailing = record.position("normalized_shape") >= 0;
      return trailing ? given.toTensor() : detail::on_channels(given.toTensor(), x);
    };
    const c10::IValue eps = record.argument("eps");
    const Tensor rows = x.reshape(shape);
    const Tensor inverse = at::rsqrt(rows.var({1}, /*unbiased=*/false, /*keepdim=*/true) + eps.toDouble());
    const Tensor bias = channels("bias"), weight = channels("weight");
    Tensor s = detail::quotient(relevance.front(), record.outputs.front(), epsilon, bias);
    if (weight.defined()) s = s * weight;
    const Tensor back = s.reshape(shape) * inverse;
    return only(record, data, x * (back - back.mean({1}, /*keepdim=*/true)).reshape(x.sizes()));
  }

 private:
  /// [how many groups, how many values each has]
  static std::vector<std::int64_t> groups(const Record& record, const Tensor& x) {
    std::int64_t rows = x.size(0);
    if (record.kind == "group_norm") {
      rows *= record.argument("num_groups").toInt();
    } else if (record.kind == "instance_norm") {
      rows *= x.size(1);
    } else {
      std::int64_t values = 1;
      for (const std::int64_t size : record.argument("normalized_shape").toIntVector()) values *= size;
      rows = x.numel() / values;
    }
    return {rows, x.numel() / rows};
  }
};

}  // namespace lumen::rule::lrp
