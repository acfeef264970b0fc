// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/engine/rows.hpp>

namespace lumen::engine {

/// Mean, variance and standard error over draws, of values that come in rows numbered draw * N + sample. Summed in
/// float64, each sample's values less those of its first draw, so that small spreads of large values keep their digits.
class Moments {
 public:
  explicit Moments(std::int64_t n = 1) : n_(n) {}

  /// Takes rows first ... of `values`, in order; `samples` tells whose they are.
  void add(std::int64_t first, const Tensor& samples, const Tensor& values) {
    if (!origin_.defined()) {
      std::vector<std::int64_t> shape = values.sizes().vec();
      shape.front() = n_;
      origin_ = at::zeros(shape, values.options());
      sum_ = at::zeros(shape, values.options().dtype(at::kDouble));
      square_ = at::zeros_like(sum_);
    }
    if (first < n_) {  // first draws
      const std::int64_t count = std::min(n_ - first, values.size(0));
      origin_.narrow(0, first, count).copy_(values.narrow(0, 0, count));
    }
    rows_ += values.size(0);
    if (n_ == 1) {
      Tensor away = values - origin_;
      sum_ += at::sum(away, {0}, true, at::kDouble);
      square_ += at::sum(away.square_(), {0}, true, at::kDouble);
      return;
    }
    const Tensor index = samples.to(values.device());
    const Tensor away = (values - origin_.index_select(0, index)).to(at::kDouble);
    sum_.index_add_(0, index, away);
    square_.index_add_(0, index, away.square());
  }

  /// Draws so far, of each sample.
  [[nodiscard]] double draws() const { return static_cast<double>(rows_) / static_cast<double>(n_); }

  // All in the values' own type, and undefined if there were none.
  [[nodiscard]] Tensor mean() const {
    return in_type([&] { return wide_mean(); });
  }
  /// The same in float64.
  [[nodiscard]] Tensor wide_mean() const { return origin_.defined() ? sum_ / draws() + origin_ : Tensor(); }
  /// Mean of squares less square of the mean.
  [[nodiscard]] Tensor variance() const {
    return in_type([&] { return deviations() / draws(); });
  }
  [[nodiscard]] Tensor mean_square() const {
    return in_type([&] { return wide_mean().square() + deviations() / draws(); });
  }
  /// Of the mean; undefined for a single draw, too.
  [[nodiscard]] Tensor standard_error() const {
    if (draws() < 2) return {};
    return in_type([&] { return (deviations() / (draws() * (draws() - 1))).sqrt(); });
  }

 private:
  template <class F>
  [[nodiscard]] Tensor in_type(const F& wide) const {
    return origin_.defined() ? wide().to(origin_.scalar_type()) : Tensor();
  }
  /// The sum of squared deviations from the mean.
  [[nodiscard]] Tensor deviations() const { return (square_ - sum_.square() / draws()).clamp_min(0); }

  std::int64_t n_, rows_ = 0;
  Tensor origin_, sum_, square_;
};

}  // namespace lumen::engine
