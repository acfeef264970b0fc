// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/detail/each_row.hpp>
#include <lumen/influence/windows.hpp>
#include <lumen/map/magnitude.hpp>

namespace lumen::influence {

namespace detail {

/// How many pixels a row is judged as having. @throws Error if that is fewer than its window holds in the image
inline std::int64_t population_of(std::int64_t wanted, const Windows& rows, const char* who) {
  const std::int64_t image = rows.chunk().height * rows.chunk().width;
  if (wanted == 0) return image;
  const std::int64_t least = std::min(image, rows.height() * rows.width());
  require(wanted >= least, [&] {
    return text(who, ": the population is ", wanted, " pixels, but a window holds ", least,
                "; give at least as many, such as the area of the receptive field, or 0 for the image");
  });
  return wanted;
}

}  // namespace detail

/// The Gini index of each row's magnitudes (Hurley and Rickard, IEEE Trans. Inf. Theory 55(10), 2009,
/// arXiv:0811.4706), [B], in [0, 1 - 1/N]: 0 for an even row, 1 - 1/N for one pixel; 0 for a row of zeros, which is
/// even. On the CPU, O(pixels of the window).
struct Gini {
  /// Pixels that a row is taken to have, those outside of its window being 0: the image's if 0. Give the area of the
  /// receptive field for a number that does not depend on the image's size.
  std::int64_t population = 0;

  Tensor operator()(const Windows& rows) const {
    const auto n = static_cast<double>(detail::population_of(population, rows, "influence::Gini"));
    Tensor result = at::zeros({rows.count()}, at::kDouble);
    auto* out = result.data_ptr<double>();
    detail::for_each_row(rows, [&](const auto& values, std::int64_t b) {
      const auto sorted = map::sorted_magnitudes(values);
      const auto m = static_cast<double>(sorted.size());
      const auto largest = static_cast<double>(sorted.back());
      if (largest == 0) return;
      double sum = 0, weighted = 0;
      for (std::size_t i = 0; i < sorted.size(); ++i) {
        const double c = static_cast<double>(sorted[i]) / largest;
        sum += c;
        weighted += c * (m - static_cast<double>(i) - 0.5);
      }
      out[b] = std::max(0.0, 1 - 2 * weighted / (sum * n));
    });
    return result;
  }
};

/// Hoyer's sparseness of each row (JMLR 5, 2004), (sqrt(N) - |a|_1 / |a|_2) / (sqrt(N) - 1), [B], in [0, 1]; 0 for a
/// row of zeros, and for an image of one pixel.
struct Hoyer {
  std::int64_t population = 0;  ///< as of `Gini`

  Tensor operator()(const Windows& rows) const {
    const auto n = static_cast<double>(detail::population_of(population, rows, "influence::Hoyer"));
    Tensor result = at::zeros({rows.count()}, at::kDouble);
    auto* out = result.data_ptr<double>();
    const Tensor largest =
        at::maximum(rows.extremes().first.abs(), rows.extremes().second.abs()).contiguous();
    detail::for_each_row(rows, [&](const auto& values, std::int64_t b) {
      const double most = largest.data_ptr<double>()[b];
      if (most == 0 || n == 1) return;
      double sum = 0, squares = 0;
      for (const auto value : values) {
        const double c = std::abs(static_cast<double>(value)) / most;
        sum += c;
        squares += c * c;
      }
      const double root = std::sqrt(n);
      out[b] = std::clamp((root - sum / std::sqrt(squares)) / (root - 1), 0.0, 1.0);
    });
    return result;
  }
};

}  // namespace lumen::influence
