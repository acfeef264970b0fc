// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <lumen/rule/lrp/batch_norm.hpp>

namespace lumen::rule::lrp {

/// Normalisation by the data's own statistics (layer, group and instance norms; RMS norms, without the mean): Ali, Schnake, Eberle, Montavon,
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
      const Tensor given = record.tensor(name);
      if (!given.defined() || record.position("normalized_shape") >= 0) return given;
      return detail::on_channels(given, x);
    };
    const Tensor rows = x.reshape(shape);
    const bool centred = record.kind != "rms_norm";
    const Tensor spread = centred ? rows.var({1}, /*unbiased=*/false, /*keepdim=*/true)
                                  : rows.square().mean({1}, /*keepdim=*/true);
    const c10::IValue eps = record.argument("eps");
    const Tensor inverse = at::rsqrt(spread + (eps.isDouble() ? eps.toDouble() : machine_epsilon(x)));
    const Tensor bias = channels("bias"), weight = channels("weight");
    Tensor s = detail::quotient(relevance.front(), record.outputs.front(), epsilon, bias);
    if (weight.defined()) s = s * weight;
    Tensor back = s.reshape(shape) * inverse;
    if (centred) back = back - back.mean({1}, /*keepdim=*/true);
    return only(record, data, x * back.reshape(x.sizes()));
  }

 private:
  /// What rms_norm takes for its eps if it is given none.
  static double machine_epsilon(const Tensor& x) {
    return x.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                          : std::numeric_limits<float>::epsilon();
  }

  /// [how many groups, how many values each has]
  static std::vector<std::int64_t> groups(const Record& record, const Tensor& x) {
    std::int64_t rows = x.size(0);
    if (record.kind == "group_norm") {
      rows *= record.argument(record.position("group") >= 0 ? "group" : "num_groups").toInt();
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
