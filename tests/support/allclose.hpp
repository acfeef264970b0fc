// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <limits>

#include <lumen/core/tensor.hpp>

namespace lumen::testing {

/// The largest absolute difference; infinite when shape or dtype differ or when either is undefined or holds
/// NaN.
inline double max_error(const Tensor& a, const Tensor& b) {
  constexpr double never = std::numeric_limits<double>::infinity();
  if (!a.defined() || !b.defined() || a.sizes() != b.sizes() || a.scalar_type() != b.scalar_type())
    return never;
  if (a.numel() == 0) return 0.0;
  const double error = (a.detach().to(at::kDouble) - b.detach().to(at::kDouble)).abs().max().item<double>();
  return error == error ? error : never;
}

/// Whether `a` and `b` have the same shape and dtype and differ nowhere by more than `tolerance`.
inline bool all_close(const Tensor& a, const Tensor& b, double tolerance = 1e-10) {
  return max_error(a, b) <= tolerance;
}

}  // namespace lumen::testing
