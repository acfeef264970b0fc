// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/rule/pass.hpp>
#include <lumen/rule/statistics.hpp>

/// Scores that are affine, constant + <g, value>, told by the operators that ran.
namespace lumen::detail {

/// Changes no gradient; sets `affine` to false when an operator on the path is not known to be affine in it.
inline rule::Composite affine_composite(bool& affine) {
  namespace kinds = rule::kinds;
  rule::Composite composite{.method = "affine"};
  composite.pass(kinds::moves | kinds::dropouts | kinds::sums | kinds::averages);
  // these may cut values off, from the graph or from their fractions, without a trace in the gradient
  for (const char* kind : {"detach", "to", "_to_copy", "type_as"}) composite.kinds.erase(kind);
  composite.otherwise = [&affine](const rule::Record& record) -> std::optional<rule::Backward> {
    const bool alone = std::count(record.on_path.begin(), record.on_path.end(), true) == 1;
    const bool scales = kinds::products.contains(record.kind) && alone && record.on_path.front();
    const bool normalises =
        kinds::norms_fixed.contains(record.kind) && alone && rule::batch_statistics(record).empty();
    if (!rule::is_weighted(record) && !scales && !normalises) affine = false;
    return rule::Backward();
  };
  return composite;
}

/// A target's derivative at an output, and whether the target is affine there.
struct Affine {
  Tensor derivative;
  bool affine = true;
};

inline Affine affine_at(const AnyTarget& target, const Tensor& output) {
  Affine result;
  rule::Pass pass(affine_composite(result.affine));
  const engine::Function same = [](const Tensors& values) { return values.front(); };
  result.derivative = engine::differentiate(pass.bind(same), {output}, pass.bind(Targets{target}), false)
                          .gradients.front()
                          .front();
  return result;
}

}  // namespace lumen::detail
