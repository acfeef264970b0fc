// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/detail/each_row.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// How far the weight of a row lies from its output pixel: {rows, columns} from the pixel to the centroid of the
/// magnitudes, [B, 2], in pixels of the image; 0 for a row of zeros.
struct CentroidOffset {
  Tensor operator()(const Windows& rows) const {
    const Tensor magnitudes = rows.magnitudes();
    const Tensor by_row = magnitudes.sum(2, false, at::kDouble).cpu(),
                 by_column = magnitudes.sum(1, false, at::kDouble).cpu();
    const Tensor mass = by_row.sum(1);
    const auto mean = [&](const Tensor& weights, const Tensor& first, const Tensor& centre) {
      const Tensor place = at::mv(weights, at::arange(weights.size(1), at::kDouble));
      return at::where(mass.eq(0), 0,
                       place / at::where(mass.eq(0), 1, mass) + first.to(at::kDouble) - centre);
    };
    return at::stack(
        {mean(by_row, rows.top(), rows.centre_row()), mean(by_column, rows.left(), rows.centre_column())}, 1);
  }
};

/// The length of the centroid's offset, [B], in pixels.
struct CentroidDistance {
  Tensor operator()(const Windows& rows) const { return CentroidOffset{}(rows).square().sum(1).sqrt(); }
};

/// The smallest distance from the output pixel within which `percent` % of a row's energy (the sum of its squares) lies,
/// [B], in pixels from centre to centre; 0 for a row of zeros. Where the output has another size than the image, its
/// pixels' centres are taken to the nearest half of a pixel. On the CPU, O(pixels of the window + squared radius).
struct EnergyRadius {
  double percent = 90.0;  ///< in (0, 100]

  Tensor operator()(const Windows& rows) const {
    require(percent > 0 && percent <= 100, [&] {
      return text("influence::EnergyRadius: percent is ", percent, "; expected a number in (0, 100]");
    });
    Tensor result = at::zeros({rows.count()}, at::kDouble);
    auto* out = result.data_ptr<double>();
    // in half pixels, so that all squares are integers
    const Tensor up = half_pixels(rows.centre_row() - rows.top()),
                 left = half_pixels(rows.centre_column() - rows.left());
    const bool whole = (up.bitwise_and(1) + left.bitwise_and(1)).sum().item<std::int64_t>() == 0;
    const std::int64_t unit = whole ? 1 : 2;
    detail::for_each_row(rows, [&](const auto& values, std::int64_t b) {
      const auto from_row = up.data_ptr<std::int64_t>()[b] / (2 / unit),
                 from_column = left.data_ptr<std::int64_t>()[b] / (2 / unit);
      const std::int64_t h = rows.height(), w = rows.width();
      const auto farthest = [&](std::int64_t from, std::int64_t extent) {
        const std::int64_t most = std::max(std::abs(from), std::abs((extent - 1) * unit - from));
        return most * most;
      };
      std::vector<double> energy(
          static_cast<std::size_t>(farthest(from_row, h) + farthest(from_column, w) + 1));
      std::vector<std::int64_t> square(static_cast<std::size_t>(w));
      for (std::int64_t c = 0; c < w; ++c)
        square[static_cast<std::size_t>(c)] = (c * unit - from_column) * (c * unit - from_column);
      double total = 0;
      const auto* value = values.data();
      for (std::int64_t r = 0; r < h; ++r) {
        const std::int64_t down = (r * unit - from_row) * (r * unit - from_row);
        for (std::int64_t c = 0; c < w; ++c, ++value) {
          const double e = static_cast<double>(*value) * static_cast<double>(*value);
          energy[static_cast<std::size_t>(down + square[static_cast<std::size_t>(c)])] += e;
          total += e;
        }
      }
      const double wanted = total * (percent / 100) * (1 - 1e-12);
      double held = 0;
      std::size_t d = 0;
      while (d + 1 < energy.size() && (held += energy[d]) < wanted) ++d;
      out[b] = std::sqrt(static_cast<double>(d)) / static_cast<double>(unit);
    });
    return result;
  }

 private:
  static Tensor half_pixels(const Tensor& distance) {
    return (distance * 2).round().to(at::kLong).contiguous();
  }
};

}  // namespace lumen::influence
