// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/rule/deep_lift/passes.hpp>
#include <lumen/rule/kinds.hpp>

namespace lumen::rule {

namespace detail {

/// Functions of one value, element by element, all else constant.
inline const Kinds univariate = kinds::rectifiers | kinds::squashers | kinds::binaries | kinds::steps;

/// Whether each element of the output is a function of that element of the one input on the path, all else constant.
inline bool is_elementwise(const Record& record) {
  if (record.paths() != 1) return false;
  if (univariate.contains(record.kind)) return true;
  return kinds::extrema.contains(record.kind) && record.inputs.size() == 2;
}

/// multiplier * flow, where 0 times infinity is 0: nothing flows there.
inline Tensor flowing(const Tensor& multiplier, const Tensor& flow) {
  const Tensor result = multiplier * flow;
  if (at::isfinite(result.sum()).item<bool>()) return result;
  return result.masked_fill((multiplier == 0).logical_or_(flow == 0), 0);
}

/// Df / Dx of an elementwise operator; its own slope at x where |Dx| < epsilon, or 0 where that is infinite, which is no
/// less exact for values that did not move.
inline Tensor secant(DeepLiftPasses& passes, const Record& record) {
  const Record& origin = passes.origin(record);
  const std::size_t data = record.data();
  const Tensor& x = record.inputs[data];
  const Tensor& y = record.outputs.front();
  require(x.sizes() == y.sizes(), [&] {
    return text("DeepLift: ", record.where(), " turns a value of shape ", x.sizes(), " into one of ",
                y.sizes(), "; expected an elementwise operator to keep it: expand the input first");
  });
  const Tensor step = x - origin.inputs[data];
  const Tensor moved = step.abs() >= passes.epsilon;
  const Tensor slope = (y - origin.outputs.front()).div_(step);
  if (moved.all().item<bool>()) return slope;
  if (record.kind == "relu") return at::where(moved, slope, (y > 0).to(y.scalar_type()));
  const Tensor own = record.pull_back(record.inputs, data, {at::ones_like(y)});
  return at::where(moved, slope, own.masked_fill(at::isfinite(own).logical_not_(), 0));
}

}  // namespace detail

/// DeepLIFT's Rescale rule: Shrikumar, Greenside and Kundaje, ICML 2017, arXiv:1704.02685, section 3.5.2.
///
///     multiplier of an elementwise nonlinearity y = f(x):   (f(x) - f(x')) / (x - x')
///
/// and f'(x) where |x - x'| < epsilon.
struct Rescale {
  DeepLiftChoice operator()(const Record& record) const {
    if (!detail::is_elementwise(record)) return std::nullopt;
    return [](DeepLiftPasses& passes, const Record& at, const Tensors& gradients) {
      return only(at, at.data(), detail::flowing(detail::secant(passes, at), gradients.front()));
    };
  }
};

}  // namespace lumen::rule
