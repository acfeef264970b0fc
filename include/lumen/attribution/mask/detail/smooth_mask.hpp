// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <lumen/core/tensor.hpp>

namespace lumen::detail {

/// Smooth masks of an image from a coarse grid of values in [0, 1], by the maximum convolution of Fong, Patrick and
/// Vedaldi, ICCV 2019, arXiv:1910.08485, section 3.2 and equation 11:
///
///     m(u) = smax over cells i of k(|u - i|) g(i),  smax f = sum f exp(f / T) / sum exp(f / T),  T = 1/20
///
/// Unlike a mean it keeps full and empty regions full and empty. k(d) = exp(-max(0, d / step - 1)^2), cut off at three
/// cells. Differentiable.
class SmoothMask {
 public:
  /// @param height, width  of the mask
  /// @param step           side of a cell, pixels
  SmoothMask(std::int64_t height, std::int64_t width, std::int64_t step, const at::TensorOptions& options)
      : height_(height),
        width_(width),
        step_(step),
        rows_(cells(height, step)),
        columns_(cells(width, step)) {
    constexpr std::int64_t side = 2 * reach + 1;
    Tensor kernel = at::zeros({side, side, step, step}, at::kDouble);
    const double centre = static_cast<double>(step - 1) / 2;
    for (std::int64_t i = 0; i < side; ++i) {
      for (std::int64_t j = 0; j < side; ++j) {
        for (std::int64_t y = 0; y < step; ++y) {
          for (std::int64_t x = 0; x < step; ++x) {
            const double down = static_cast<double>(y) - centre - static_cast<double>((i - reach) * step);
            const double across = static_cast<double>(x) - centre - static_cast<double>((j - reach) * step);
            const double away = std::max(0.0, std::hypot(down, across) / static_cast<double>(step) - 1);
            kernel[i][j][y][x] = std::exp(-away * away);
          }
        }
      }
    }
    kernel_ = kernel.to(options).reshape({1, side * side, 1, step, 1, step});
  }

  [[nodiscard]] std::vector<std::int64_t> grid() const { return {rows_, columns_}; }

  /// @param grid  [N, 1, rows, columns]
  /// @return [N, 1, height, width]
  [[nodiscard]] Tensor operator()(const Tensor& grid) const {
    const std::int64_t n = grid.size(0);
    constexpr std::int64_t side = 2 * reach + 1;
    const Tensor near = at::im2col(grid, {side, side}, {1, 1}, {reach, reach}, {1, 1});
    const Tensor f = near.reshape({n, side * side, rows_, 1, columns_, 1}) * kernel_;
    const Tensor shares = at::softmax(f * 20, 1);
    return (f * shares)
        .sum(1)
        .reshape({n, 1, rows_ * step_, columns_ * step_})
        .narrow(2, 0, height_)
        .narrow(3, 0, width_);
  }

 private:
  static constexpr std::int64_t reach = 3;
  static std::int64_t cells(std::int64_t size, std::int64_t step) { return (size + step - 1) / step; }

  std::int64_t height_, width_, step_, rows_, columns_;
  Tensor kernel_;
};

}  // namespace lumen::detail
