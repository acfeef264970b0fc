// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <limits>

#include <lumen/rule/deep_lift/passes.hpp>
#include <lumen/rule/statistics.hpp>

namespace lumen::rule::detail {

/// Normalisation by statistics of the data, over the last dimension of `at` and `before`, exactly: centring is
/// linear, the variance quadratic, the root rescaled, the quotient a product.
///
///     u = x - mean(x), v = mean(u^2), r = (v + e)^(-1/2), y = u r;  with bars for means of both passes
///     D y = r-bar Du + u-bar Dr,   Dr = -(r r')^2 / (r + r') Dv,   Dv = mean(2 u-bar Du)
///
/// @param flow  what flows back to y
/// @param centred  false leaves the mean where it is, as RMS norms do
inline Tensor normalised(const Tensor& at, const Tensor& before, double e, const Tensor& flow,
                         bool centred = true) {
  const Tensor u = centred ? at - at.mean(-1, true) : at,
               u0 = centred ? before - before.mean(-1, true) : before;
  const Tensor r = (u.square().mean(-1, true) + e).rsqrt(), r0 = (u0.square().mean(-1, true) + e).rsqrt();
  const Tensor middle = (u + u0).mul_(0.5);
  const Tensor to_variance = (flow * middle).sum(-1, true) * (r * r0).square() / (r + r0).neg();
  const Tensor to_u =
      flow * ((r + r0) * 0.5) + to_variance * middle * (2.0 / static_cast<double>(at.size(-1)));
  return centred ? to_u - to_u.mean(-1, true) : to_u;
}

inline Tensors layer_norm(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Tensor& x = record.inputs.front();
  const auto dims = static_cast<std::int64_t>(record.argument("normalized_shape").toIntVector().size());
  const Tensor weight = record.tensor("weight");
  const auto rows = [&](const Tensor& t) { return t.flatten(-dims); };
  const Tensor flow = weight.defined() ? gradients.front() * weight : gradients.front();
  const c10::IValue eps = record.argument("eps");
  const double machine = x.scalar_type() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                                        : std::numeric_limits<float>::epsilon();
  const Tensor result =
      normalised(rows(x), rows(passes.origin(record).inputs.front()),
                 eps.isDouble() ? eps.toDouble() : machine, rows(flow), record.kind != "rms_norm");
  return only(record, 0, result.reshape(x.sizes()));
}

/// group_norm; instance_norm is one of as many groups as channels.
inline Tensors group_norm(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Tensor& x = record.inputs.front();
  const c10::IValue named = record.argument(record.position("group") >= 0 ? "group" : "num_groups");
  const std::int64_t groups = named.isInt() ? named.toInt() : x.size(1);
  const Tensor weight = record.tensor("weight");
  const auto rows = [&](const Tensor& t) { return t.reshape({x.size(0), groups, -1}); };
  std::vector<std::int64_t> channels(static_cast<std::size_t>(x.dim()), 1);
  channels[1] = x.size(1);
  const Tensor flow = weight.defined() ? gradients.front() * weight.reshape(channels) : gradients.front();
  const Tensor result = normalised(rows(x), rows(passes.origin(record).inputs.front()),
                                   record.argument("eps").toDouble(), rows(flow));
  return only(record, 0, result.reshape(x.sizes()));
}

/// What is known for normalisations with one value on the path.
inline DeepLiftChoice norm_choice(const Record& record) {
  if (record.paths() != 1 || !record.on_path.front()) return std::nullopt;
  if (record.kind == "layer_norm" || record.kind == "rms_norm") return layer_norm;
  if (record.kind == "group_norm") return group_norm;
  if (kinds::norms_fixed.contains(record.kind)) {
    if (batch_statistics(record).empty()) return DeepLiftBackward();
    return [](DeepLiftPasses&, const Record& at, const Tensors&) -> Tensors {
      throw Error(text("DeepLift: ", batch_statistics(at)));
    };
  }
  if (record.kind != "instance_norm") return std::nullopt;
  return record.argument("use_input_stats").toBool() ? DeepLiftChoice(group_norm)
                                                     : DeepLiftChoice(DeepLiftBackward());
}

}  // namespace lumen::rule::detail
