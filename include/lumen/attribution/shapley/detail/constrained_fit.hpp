// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::detail {

/// The weighted least squares v - v0 = Z a under sum a = v1 - v0, and how its solution moves with the right hand side.
class ConstrainedFit {
 public:
  /// @param z  coalitions [K, m], float64
  /// @param w  their weights [K]
  /// @throws Error if they do not determine all m values
  ConstrainedFit(const Tensor& z, const Tensor& w) : z_(z), w_(w) {
    const std::int64_t m = z.size(1);
    const Tensor gram = at::matmul(z.t(), z * w.unsqueeze(1));
    // a multiple of the constraint's own square changes nothing where the constraint holds
    add_ = gram.diagonal().mean();
    const auto [root, info] = at::linalg_cholesky_ex(gram + add_);
    const Tensor pivots = root.diagonal().square();
    const bool determined =
        info.item<std::int64_t>() == 0 && (pivots.min() > pivots.max() * 1e-10).item<bool>();
    require(determined, [&] {
      return text("KernelShap: ", z.size(0), " coalitions do not determine the values of ", m,
                  " features; give more samples, at least ", 2 * m, ", or make larger groups");
    });
    inverse_ = at::cholesky_inverse(root);
    along_ = inverse_.sum(1);
    // of changes of the right hand side that keep the sum
    project_ = inverse_ - at::outer(along_, along_) / along_.sum();
  }

  /// @param v       scores [K, n]
  /// @param none    of the empty coalition [n]
  /// @param change  v1 - v0 [n]
  /// @return a [n, m]
  [[nodiscard]] Tensor solve(const Tensor& v, const Tensor& none, const Tensor& change) const {
    const Tensor right = at::matmul((v - none).t() * w_, z_) + (add_ * change).unsqueeze(1);  // [n, m]
    const Tensor free = at::matmul(right, inverse_);
    return free - at::outer((free.sum(1) - change) / along_.sum(), along_);
  }

  /// The standard errors [n, m] of `a`, which come of the random pairs: rows from `first` on, two by two, equally likely.
  [[nodiscard]] Tensor standard_error(const Tensor& v, const Tensor& none, const Tensor& a,
                                      std::int64_t first) const {
    const std::int64_t m = z_.size(1), n = v.size(1), pairs = (z_.size(0) - first) / 2;
    if (pairs == 0) return at::zeros({n, m}, at::kDouble);
    const Tensor left = (v - none - at::matmul(z_, a.t())) * w_.unsqueeze(1);  // [K, n]
    const Tensor own = z_.narrow(0, first, 2 * pairs);
    Tensor result = at::empty({n, m}, at::kDouble);
    for (std::int64_t s = 0; s < n; ++s) {
      const Tensor pull =
          (own * left.narrow(0, first, 2 * pairs).select(1, s).unsqueeze(1)).reshape({pairs, 2, m}).sum(1);
      const Tensor away = at::matmul(pull - pull.mean(0, true), project_);
      // residuals of a fit are smaller than errors, by what its values take up
      const double rows = static_cast<double>(z_.size(0)) / 2,
                   spare = std::max(rows - static_cast<double>(m), 1.0);
      const double scale = static_cast<double>(pairs) / static_cast<double>(pairs - 1) * rows / spare;
      result[s].copy_((away.square().sum(0) * scale).sqrt());
    }
    return result;
  }

 private:
  Tensor z_, w_, add_, inverse_, along_, project_;
};

}  // namespace lumen::detail
