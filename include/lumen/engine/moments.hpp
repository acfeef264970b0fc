// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <ATen/Parallel.h>

#include <lumen/core/tensor.hpp>
#include <lumen/engine/rows.hpp>

namespace lumen::engine {

namespace detail {

// What the moments' formulas need, of numbers and of tensors alike.
inline double squared(double value) { return value * value; }
inline Tensor squared(const Tensor& value) { return value.square(); }
inline double root(double value) { return std::sqrt(value); }
inline Tensor root(const Tensor& value) { return value.sqrt(); }
inline double not_negative(double value) { return value < 0 ? 0 : value; }
inline Tensor not_negative(const Tensor& value) { return value.clamp_min(0); }

}  // namespace detail

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
    if (n_ == 1 && is_plain(values)) {
      add_plain(values);
    } else if (n_ == 1) {
      Tensor away = values - origin_;
      sum_ += at::sum(away, {0}, true, at::kDouble);
      square_ += at::sum(away.square_(), {0}, true, at::kDouble);
    } else {
      const Tensor index = samples.to(values.device());
      const Tensor away = (values - origin_.index_select(0, index)).to(at::kDouble);
      sum_.index_add_(0, index, away);
      square_.index_add_(0, index, away.square());
    }
  }

  /// Draws so far, of each sample.
  [[nodiscard]] double draws() const { return static_cast<double>(rows_) / static_cast<double>(n_); }

  // All in the values' own type, and undefined if there were none.
  [[nodiscard]] Tensor mean() const {
    return in_type([this](const auto& sum, const auto&, const auto& origin) { return mean_of(sum, origin); });
  }
  /// The same in float64.
  [[nodiscard]] Tensor wide_mean() const {
    return origin_.defined() ? mean_of<Tensor>(sum_, origin_) : Tensor();
  }
  /// Mean of squares less square of the mean.
  [[nodiscard]] Tensor variance() const {
    return in_type([this](const auto& sum, const auto& square, const auto&) {
      return deviations(sum, square) / draws();
    });
  }
  [[nodiscard]] Tensor mean_square() const {
    return in_type([this](const auto& sum, const auto& square, const auto& origin) {
      return detail::squared(mean_of(sum, origin)) + deviations(sum, square) / draws();
    });
  }
  /// Of the mean; undefined for a single draw, too.
  [[nodiscard]] Tensor standard_error() const {
    if (draws() < 2) return {};
    return in_type([this](const auto& sum, const auto& square, const auto&) {
      return detail::root(deviations(sum, square) / (draws() * (draws() - 1)));
    });
  }

 private:
  /// Whether a loop may go over the memory, which costs less than several operators.
  static bool is_plain(const Tensor& values) {
    return values.is_cpu() && values.is_contiguous() && values.scalar_type() == at::kFloat;
  }

  void add_plain(const Tensor& values) {
    constexpr std::int64_t block = 8;
    const std::int64_t rows = values.size(0), size = origin_.numel();
    const float *value = values.data_ptr<float>(), *origin = origin_.data_ptr<float>();
    double *sum = sum_.data_ptr<double>(), *square = square_.data_ptr<double>();
    const auto columns = [&](std::int64_t at, auto width) {  // a constant, but for the last
      double sums[block] = {}, squares[block] = {};
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* const here = value + row * size + at;
        for (std::int64_t i = 0; i < width; ++i) {
          const double away = static_cast<double>(here[i]) - static_cast<double>(origin[at + i]);
          sums[i] += away;
          squares[i] += away * away;
        }
      }
      for (std::int64_t i = 0; i < width; ++i) {
        sum[at + i] += sums[i];
        square[at + i] += squares[i];
      }
    };
    const std::int64_t blocks = size / block;
    at::parallel_for(0, blocks, std::max<std::int64_t>(32768 / (block * rows), 1),
                     [&](std::int64_t begin, std::int64_t end) {
                       for (std::int64_t b = begin; b < end; ++b)
                         columns(b * block, std::integral_constant<std::int64_t, block>{});
                     });
    columns(blocks * block, size - blocks * block);
  }

  /// A formula of sum, sum of squares and origin, in the values' own type.
  template <class F>
  [[nodiscard]] Tensor in_type(const F& formula) const {
    if (!origin_.defined()) return {};
    if (!is_plain(origin_)) return formula(sum_, square_, origin_).to(origin_.scalar_type());
    Tensor result = at::empty_like(origin_);
    const double *sum = sum_.data_ptr<double>(), *square = square_.data_ptr<double>();
    const float* origin = origin_.data_ptr<float>();
    float* out = result.data_ptr<float>();
    at::parallel_for(0, result.numel(), 32768, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        out[i] = static_cast<float>(formula(sum[i], square[i], static_cast<double>(origin[i])));
    });
    return result;
  }

  template <class V>
  [[nodiscard]] V mean_of(const V& sum, const V& origin) const {
    return sum / draws() + origin;
  }
  /// The sum of squared deviations from the mean.
  template <class V>
  [[nodiscard]] V deviations(const V& sum, const V& square) const {
    return detail::not_negative(square - detail::squared(sum) / draws());
  }

  std::int64_t n_, rows_ = 0;
  Tensor origin_, sum_, square_;
};

}  // namespace lumen::engine
