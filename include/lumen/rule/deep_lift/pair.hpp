// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/rule/deep_lift/rescale.hpp>

namespace lumen::rule::detail {

/// Whether both inputs of a record are the same values, as in xlogy(p, p).
inline bool is_one_twice(const Record& record) {
  return record.inputs[0].sizes() == record.inputs[1].sizes() && record.inputs[0].equal(record.inputs[1]);
}

/// An elementwise function of two values on the path, exactly: the two ways of changing one after the other, averaged,
/// which is the Shapley value of the two.
///
///     2 (f(a, b) - f(a', b')) = [f(a, b) - f(a', b) + f(a, b') - f(a', b')] + [f(a, b) - f(a, b') + f(a', b) - f(a', b')]
///
/// The first is what a gets, the second what b does, over what each moved by; where one did not move, its own slope.
/// Of one value given twice each gets half of the secant.
inline Tensors pairwise(DeepLiftPasses& passes, const Record& record, const Tensors& gradients) {
  const Record& origin = passes.origin(record);
  const auto at = at::broadcast_tensors(record.inputs), before = at::broadcast_tensors(origin.inputs);
  const bool twice = is_one_twice(record) && is_one_twice(origin);
  const Tensor &end = record.outputs.front(), &start = origin.outputs.front();
  Tensor first, second;  // f with one value of each pass
  if (!twice) {
    first = record.rerun({at[0], before[1]}).front();
    second = record.rerun({before[0], at[1]}).front();
  }
  Tensors result(2);
  for (std::size_t i = 0; i < 2; ++i) {
    const Tensor step = at[i] - before[i], moved = step.abs() >= passes.epsilon;
    const Tensor change = twice    ? (end - start) * 0.5
                          : i == 0 ? ((end - second) + (first - start)) * 0.5
                                   : ((end - first) + (second - start)) * 0.5;
    const Tensor own = record.pull_back(at, i, {at::ones_like(end)});
    const Tensor slope =
        at::where(moved, change / step, own.masked_fill(at::isfinite(own).logical_not_(), 0));
    const Tensor& value = record.inputs[i];
    result[i] = flowing(slope, gradients.front()).sum_to_size(value.sizes()).to(value.scalar_type());
  }
  return result;
}

/// Of functions of two values; those that are known by their parts are left to them.
inline DeepLiftChoice pair_choice(const Record& record) {
  static const Kinds by_parts{"hypot", "logaddexp", "logaddexp2"};
  const bool both = record.inputs.size() == 2 && record.paths() == 2;
  if (!both || !kinds::binaries.contains(record.kind) || by_parts.contains(record.kind)) return std::nullopt;
  return pairwise;
}

}  // namespace lumen::rule::detail
