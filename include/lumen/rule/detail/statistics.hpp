// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <lumen/rule/detail/given.hpp>

/// Variances, norms and distances as their parts.
namespace lumen::rule::detail {

/// The operator of another name with the same overload and arguments.
inline Tensor same_overload(const Given& given, const char* name) {
  const auto op =
      c10::Dispatcher::singleton().findSchemaOrThrow(name, given.op().schema().overload_name().c_str());
  std::vector<c10::IValue> stack = given.all();
  op.callBoxed(&stack);
  return stack.front().toTensor();
}

/// mean((x - mean(x))^2), with n - correction in the place of n.
inline Tensor variance(const Given& given) {
  const Tensor x = given.tensor(0);
  const std::vector<std::int64_t> dims = given.dims(x.dim());
  double correction = given["unbiased"].isBool() && !given.flag("unbiased") ? 0.0 : 1.0;
  correction = given.number("correction", correction);
  double count = 1.0;
  for (const std::int64_t d : dims) count *= static_cast<double>(x.size(d));
  const Tensor apart = x - x.mean(dims, /*keepdim=*/true);
  return apart.square().sum(dims, given.flag("keepdim")) / (count - correction);
}

inline Tensor mean_beside(const Given& given) {
  const Tensor x = given.tensor(0);
  return x.mean(given.dims(x.dim()), given.flag("keepdim"));
}

/// (sum of |x|^p)^(1/p) over dimensions; p = 2 if it is none.
inline Tensor power_norm(const Tensor& x, double p, const std::vector<std::int64_t>& dims, bool keepdim) {
  require(p != 0.0, "the norm of order 0 counts values, which has no derivative; use one of order > 0");
  if (p == 2.0) return x.square().sum(dims, keepdim).sqrt();
  if (p == 1.0) return x.abs().sum(dims, keepdim);
  if (std::isinf(p)) return p > 0 ? x.abs().amax(dims, keepdim) : x.abs().amin(dims, keepdim);
  return x.abs().pow(p).sum(dims, keepdim).pow(1.0 / p);
}

inline std::vector<c10::IValue> norm(const Given& given) {
  Tensor x = given.tensor(0);
  const c10::IValue type = given["dtype"];
  if (type.isInt()) x = x.to(static_cast<at::ScalarType>(type.toInt()));
  const double p = given.number("p", given.number("ord", 2.0));
  return {power_norm(x, p, given.dims(x.dim()), given.flag("keepdim"))};
}

/// The norm of a difference, over its last dimension.
inline std::vector<c10::IValue> pairs(const Tensor& a, const Tensor& b, double p) {
  return {power_norm(a.unsqueeze(-2) - b.unsqueeze(-3), p, {-1}, false)};
}

/// The product of both values over their norms, which are at least eps.
inline std::vector<c10::IValue> cosine(const Given& given) {
  const auto pair = at::broadcast_tensors({given.tensor(0), given.tensor(1)});
  const std::int64_t dim = given.integer("dim", 1);
  const double eps = given.number("eps", 1e-8);
  const auto unit = [&](const Tensor& x) { return x / power_norm(x, 2.0, {dim}, true).clamp_min(eps); };
  return {(unit(pair.at(0)) * unit(pair.at(1))).sum(dim)};
}

inline Decompositions statistics() {
  const auto cdist = [](const Given& g) { return pairs(g.tensor(0), g.tensor(1), g.number("p", 2.0)); };
  const auto pdist = [](const Given& g) -> std::vector<c10::IValue> {
    const Tensor x = g.tensor(0);
    const Tensor at = at::triu_indices(x.size(0), x.size(0), 1, at::TensorOptions().device(x.device()));
    return {power_norm(x.index_select(0, at[0]) - x.index_select(0, at[1]), g.number("p", 2.0), {-1}, false)};
  };
  return {
      {"_cdist_forward", cdist},
      {"_euclidean_dist", cdist},
      {"_pdist_forward", pdist},
      {"cdist", cdist},
      {"cosine_similarity", cosine},
      {"dist",
       [](const Given& g) -> std::vector<c10::IValue> {
         const Tensor apart = g.tensor(0) - g.tensor(1);
         return {power_norm(apart, g.number("p", 2.0), g.dims(apart.dim()), false)};
       }},
      {"frobenius_norm", norm},
      {"linalg_vector_norm", norm},
      {"norm", norm},
      {"pdist", pdist},
      {"std",
       [](const Given& g) -> std::vector<c10::IValue> { return {same_overload(g, "aten::var").sqrt()}; }},
      {"std_mean",
       [](const Given& g) -> std::vector<c10::IValue> {
         return {same_overload(g, "aten::var").sqrt(), mean_beside(g)};
       }},
      {"var", [](const Given& g) -> std::vector<c10::IValue> { return {variance(g)}; }},
      {"var_mean", [](const Given& g) -> std::vector<c10::IValue> { return {variance(g), mean_beside(g)}; }},
  };
}

}  // namespace lumen::rule::detail
