// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <limits>

#include <lumen/rule/deep_lift/passes.hpp>

namespace lumen::rule::detail {

/// Softmax, log-softmax and log-sum-exp of each row, exactly, by rescaling exp and by the logarithmic mean for the
/// sum, as index theory decomposes one (Ang, "The LMDI approach to decomposition analysis", Energy Policy 2005,
/// 10.1016/j.enpol.2003.10.010).
///
///     with s = softmax(x), l_j = (s_j - s'_j) / (log s_j - log s'_j), the logarithmic mean of both passes:
///     D logsumexp = sum of l_j Dx_j / sum of l_j,   D s_j = l_j (Dx_j - D logsumexp)
///
/// It does not change when a constant is added to a row, and becomes the gradient as x' nears x.
inline Tensors rows_of_exponentials(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  std::vector<std::int64_t> dims;
  const c10::IValue dim = record.argument("dim");
  if (dim.isInt()) {
    dims = {dim.toInt()};
  } else {
    dims = dim.toIntVector();
  }
  const Tensor& x = record.inputs.front();
  const auto type = record.outputs.front().scalar_type();
  const auto logarithm = [&](const Tensor& values) {
    const Tensor v = values.to(type);
    return v - at::logsumexp(v, dims, true);
  };
  const Tensor log_s = logarithm(x), log_s0 = logarithm(origin.inputs.front());
  const Tensor apart = (log_s - log_s0).abs();
  const Tensor ratio = at::where(apart > std::numeric_limits<double>::min(), (-apart).expm1().neg() / apart,
                                 at::ones_like(apart));
  // the logarithmic mean; 0 where both are exp(-inf)
  const Tensor mean = at::maximum(log_s, log_s0).exp() * ratio;
  const Tensor share = mean / mean.sum(dims, true);
  Tensor flow = gradients.front();
  Tensor result;
  if (record.kind == "logsumexp") {
    const c10::IValue kept = record.argument("keepdim");
    if (!(kept.isBool() && kept.toBool())) {
      std::vector<std::int64_t> shape = x.sizes().vec();
      for (const std::int64_t d : dims) shape[static_cast<std::size_t>(d < 0 ? d + x.dim() : d)] = 1;
      flow = flow.reshape(shape);
    }
    result = flow * share;
  } else {
    if (!record.kind.ends_with("log_softmax")) flow = flow * mean;
    result = flow - share * flow.sum(dims, true);
  }
  return only(record, 0, result.to(x.scalar_type()));
}

}  // namespace lumen::rule::detail
