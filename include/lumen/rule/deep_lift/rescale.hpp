// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/rule/deep_lift/passes.hpp>
#include <lumen/rule/kinds.hpp>

namespace lumen::rule {

namespace detail {

/// Functions of one value, element by element.
inline const Kinds univariate =
    kinds::rectifiers | kinds::squashers |
    Kinds{"acos", "acosh", "asin", "asinh", "atan",  "atanh",     "ceil", "cosh", "erfc", "exp2", "floor",
          "frac", "log10", "log2", "logit", "round", "clamp_max", "sign", "sinh", "tan",  "trunc"};

/// The larger or the smaller of two.
inline const Kinds extrema{"fmax", "fmin", "max", "maximum", "min", "minimum"};

/// Whether a flag among the arguments says that this is training, in which results are random or depend on the
/// company of other samples.
inline bool is_training(const Record& record) {
  for (const char* const name : {"train", "training"}) {
    const c10::IValue flag = record.argument(name);
    if (flag.isBool() && flag.toBool()) return true;
  }
  return false;
}

/// Whether each element of the output is a function of that element of the one input on the path, all else constant.
inline bool is_elementwise(const Record& record) {
  if (std::count(record.on_path.begin(), record.on_path.end(), true) != 1 || is_training(record))
    return false;
  if (univariate.contains(record.kind)) return true;
  return extrema.contains(record.kind) && record.inputs.size() == 2;
}

/// Df / Dx of an elementwise operator, its own slope at x where |Dx| < epsilon.
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
  return at::where(moved, slope, record.pull_back(record.inputs, data, {at::ones_like(y)}));
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
      Tensor flow = detail::secant(passes, at).mul_(gradients.front());
      if (kinds::squashers.contains(at.kind)) {  // whose slope may be infinite where nothing flows back
        flow.masked_fill_(gradients.front() == 0, 0);
      }
      return only(at, at.data(), flow);
    };
  }
};

}  // namespace lumen::rule
