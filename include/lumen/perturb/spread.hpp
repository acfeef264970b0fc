// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/perturb/regions.hpp>

namespace lumen::perturb {

namespace detail {

/// For each of k rows and each element what `join` makes of its regions' values, of which those without it count as
/// `without`.
template <Regions R, class Join>
Tensor folded(const R& regions, std::size_t part, const Tensor& values, const Tensor& samples, double without,
              const Join& join) {
  Tensor result;
  for (std::int64_t region = 0; region < regions.count(); ++region) {
    const Tensor inside = regions.where(part, at::full({values.size(0)}, region, at::kLong), samples);
    std::vector<std::int64_t> shape(static_cast<std::size_t>(inside.dim()), 1);
    shape.front() = values.size(0);
    const Tensor value = values.select(1, region).reshape(shape).to(inside.device());
    const Tensor own = at::where(inside, value, at::full_like(value, without));
    result = result.defined() ? join(result, own) : own;
  }
  return result;
}

}  // namespace detail

/// For each of k rows and each element of part `part` the value of its region: the least one where regions overlap,
/// and 1 where there is none. Regions that know a faster way have a member `spread`.
/// @param values   [k, count()]: bool, or numbers in [0, 1]
/// @param samples  int64 [k], the samples of the batch that the rows are copies of
/// @return of the values' type, broadcasts to k rows of the part
template <Regions R>
[[nodiscard]] Tensor spread(const R& regions, std::size_t part, const Tensor& values, const Tensor& samples) {
  if constexpr (requires { regions.spread(part, values, samples); }) {
    return regions.spread(part, values, samples);
  } else {
    return detail::folded(regions, part, values, samples, 1.0,
                          [](const Tensor& a, const Tensor& b) { return at::minimum(a, b); });
  }
}

/// For each of k rows and each element of part `part` the sum of the values of the regions that hold it, 0 where there is
/// none: how a map shows what regions are worth. Regions that know a faster way have a member `summed`.
/// @param values   k rows of numbers, [k, count()]
/// @param samples  int64 [k], the samples of the batch that the rows are copies of
/// @return of the values' type, broadcasts to k rows of the part
template <Regions R>
[[nodiscard]] Tensor summed(const R& regions, std::size_t part, const Tensor& values, const Tensor& samples) {
  if constexpr (requires { regions.summed(part, values, samples); }) {
    return regions.summed(part, values, samples);
  } else {
    return detail::folded(regions, part, values, samples, 0.0,
                          [](const Tensor& a, const Tensor& b) { return a + b; });
  }
}

/// The inverse way: the sum of what each region's elements hold. Regions that know a faster way have a member `totals`.
/// @param values   k rows of part `part`
/// @param samples  int64 [k], the samples of the batch that the rows are copies of
/// @return of the values' type, [k, count()]
template <Regions R>
[[nodiscard]] Tensor totals(const R& regions, std::size_t part, const Tensor& values, const Tensor& samples) {
  if constexpr (requires { regions.totals(part, values, samples); }) {
    return regions.totals(part, values, samples);
  } else {
    const std::int64_t rows = values.size(0);
    const Tensor result = at::zeros({rows, regions.count()}, values.options());
    for (std::int64_t region = 0; region < regions.count(); ++region) {
      const Tensor inside = regions.where(part, at::full({rows}, region, at::kLong), samples);
      result.select(1, region).copy_(
          at::where(inside, values, at::zeros_like(values)).reshape({rows, -1}).sum(1));
    }
    return result;
  }
}

}  // namespace lumen::perturb
