// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <lumen/rule/detail/given.hpp>

/// Sums of products and the like as their parts.
namespace lumen::rule::detail {

/// beta * self + alpha * product, without factors of 1.
inline Tensor added(const Given& given, const Tensor& product) {
  const double alpha = given.number("alpha", given.number("value", 1.0)), beta = given.number("beta", 1.0);
  const Tensor scaled = alpha == 1.0 ? product : product * alpha;
  if (beta == 0.0) return scaled;
  return (beta == 1.0 ? given.tensor(0) : given.tensor(0) * beta) + scaled;
}

/// The product of a row's elements, one after the other.
inline Tensor product_over(const Tensor& x, std::int64_t dim) {
  Tensor result = x.select(dim, 0);
  for (std::int64_t i = 1; i < x.size(dim); ++i) result = result * x.select(dim, i);
  return result;
}

inline std::vector<c10::IValue> product_of_row(const Given& given) {
  const Tensor x = given.tensor(0);
  const bool whole = !given["dim"].isInt();
  const Tensor rows = whole ? x.reshape({-1}) : x;
  const std::int64_t dim = whole ? 0 : given["dim"].toInt();
  require(rows.size(dim) > 0, "the product of no values does not depend on the input");
  const Tensor result = product_over(rows, dim);
  return {given.flag("keepdim") ? result.unsqueeze(dim) : result};
}

/// self + weight * (end - self), so that each of both has its share.
inline std::vector<c10::IValue> interpolation(const Given& given) {
  const Tensor weight = given.tensor("weight");
  if (weight.defined()) return {given.tensor(0) * (1.0 - weight) + given.tensor(1) * weight};
  const double w = given.number("weight", 0.0);
  return {given.tensor(0) * (1.0 - w) + given.tensor(1) * w};
}

/// Both operands of an operator of two values, of which either may be a number, in one shape and type.
inline std::vector<Tensor> two_values(const Given& given, std::optional<at::ScalarType> type = {}) {
  const bool first = given.all()[0].isTensor(), second = given.all()[1].isTensor();
  const Tensor like = given.tensor(first ? 0 : 1);
  const auto value = [&](std::size_t i, bool tensor) {
    return tensor ? given.tensor(i) : at::scalar_tensor(given.all()[i].toScalar(), like.options());
  };
  const Tensor a = value(0, first), b = value(1, second);
  if (!type) type = first && second ? at::result_type(a, b) : like.scalar_type();
  return at::broadcast_tensors({a.to(*type), b.to(*type)});
}

/// x log y, 0 where x is 0 whatever y is.
inline std::vector<c10::IValue> x_log_y(const Given& given) {
  const auto pair = two_values(given);
  const Tensor nothing = (pair[0] == 0).logical_and(pair[1].isnan().logical_not_());
  return {(pair[0] * pair[1].masked_fill(nothing, 1).log()).masked_fill(nothing, 0)};
}

/// x log (1 + y), 0 where x is 0 whatever y is.
inline std::vector<c10::IValue> x_log_1_y(const Given& given) {
  const auto pair = two_values(given);
  const Tensor nothing = (pair[0] == 0).logical_and(pair[1].isnan().logical_not_());
  return {(pair[0] * pair[1].masked_fill(nothing, 0).log1p()).masked_fill(nothing, 0)};
}

/// |x|^y = exp(y log |x|), times what is left: the sign, and 0 where x is 0.
inline std::vector<c10::IValue> power(const Given& given) {
  const bool widened = given.op().schema().name().find("float_power") != std::string::npos;
  const auto pair = two_values(given, widened ? std::optional(at::kDouble) : std::nullopt);
  const Tensor none = pair[0].detach() == 0;
  const Tensor magnitude = (pair[1] * pair[0].abs().masked_fill(none, 1).log()).exp();
  return {magnitude * (at::pow(pair[0].detach(), pair[1].detach()) / magnitude.detach())};
}

/// a - n b, n being how often b is in a: constant but for jumps.
inline std::vector<c10::IValue> what_remains(const Given& given, bool towards_zero) {
  const auto pair = two_values(given);
  const Tensor a = pair[0].detach(), b = pair[1].detach();
  const Tensor rest = towards_zero ? at::fmod(a, b) : at::remainder(a, b);
  return {pair[0] - pair[1] * ((a - rest) / b).round()};
}

inline Decompositions algebra() {
  using Values = std::vector<c10::IValue>;
  return {
      {"_add_relu", [](const Given& g) -> Values { return {added(g, g.tensor(1)).relu()}; }},
      {"_addmm_activation",
       [](const Given& g) -> Values {
         const Tensor sum =
             at::addmm(g.tensor(0), g.tensor(1), g.tensor(2), g.number("beta", 1.0), g.number("alpha", 1.0));
         return {g.flag("use_gelu") ? at::gelu(sum) : sum.relu()};
       }},
      {"addbmm", [](const Given& g) -> Values { return {added(g, g.tensor(1).bmm(g.tensor(2)).sum(0))}; }},
      {"addcdiv", [](const Given& g) -> Values { return {added(g, g.tensor(1) / g.tensor(2))}; }},
      {"addcmul", [](const Given& g) -> Values { return {added(g, g.tensor(1) * g.tensor(2))}; }},
      {"addmv", [](const Given& g) -> Values { return {added(g, g.tensor(1).mv(g.tensor(2)))}; }},
      {"addr",
       [](const Given& g) -> Values {
         return {added(g, g.tensor(1).unsqueeze(1) * g.tensor(2).unsqueeze(0))};
       }},
      {"aminmax",
       [](const Given& g) -> Values {
         const Tensor x = g.tensor(0);
         const std::vector<std::int64_t> dims = g.dims(x.dim());
         return {x.amin(dims, g.flag("keepdim")), x.amax(dims, g.flag("keepdim"))};
       }},
      {"cudnn_convolution_relu",
       [](const Given& g) -> Values {
         const auto list = [&](const char* name) { return g[name].toIntVector(); };
         const std::vector<std::int64_t> none(list("stride").size(), 0);
         return {at::convolution(g.tensor(0), g.tensor(1), g.tensor("bias"), list("stride"), list("padding"),
                                 list("dilation"), false, none, g.integer("groups", 1))
                     .relu()};
       }},
      {"float_power", power},
      {"fmod", [](const Given& g) -> Values { return what_remains(g, true); }},
      {"hypot",
       [](const Given& g) -> Values { return {(g.tensor(0).square() + g.tensor(1).square()).sqrt()}; }},
      {"ldexp", [](const Given& g) -> Values { return {g.tensor(0) * at::pow(2.0, g.tensor(1))}; }},
      {"lerp", interpolation},
      {"logaddexp",
       [](const Given& g) -> Values {
         return {at::stack(at::broadcast_tensors({g.tensor(0), g.tensor(1)}), 0).logsumexp(0)};
       }},
      {"logaddexp2",
       [](const Given& g) -> Values {
         const double ln2 = std::log(2.0);
         const auto pair = at::broadcast_tensors({g.tensor(0), g.tensor(1)});
         return {at::stack({pair[0] * ln2, pair[1] * ln2}, 0).logsumexp(0) / ln2};
       }},
      {"pow", power},
      {"prod", product_of_row},
      {"remainder", [](const Given& g) -> Values { return what_remains(g, false); }},
      {"special_xlog1py", x_log_1_y},
      {"xlogy", x_log_y},
  };
}

}  // namespace lumen::rule::detail
