// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/perturb/segment/detail/join_small.hpp>
#include <lumen/perturb/segment/detail/lab.hpp>
#include <lumen/perturb/segment/detail/planes.hpp>

namespace lumen::perturb {

/// Superpixels by local k-means in colour and place: SLIC, Achanta, Shaji, Smith, Lucchi, Fua and Suesstrunk, "SLIC
/// Superpixels Compared to State-of-the-Art Superpixel Methods", TPAMI 34(11), 2012.
///
///     D^2 = |colour difference|^2 + (compactness / S)^2 |distance|^2,   S = sqrt(pixels / segments)
///
/// Centres start on a grid, each at the flattest of its nine pixels, and look S pixels around. Pixels that came to lie
/// apart from their segment are joined to a neighbour. Deterministic; about 10 ms for 256 x 256.
struct Slic {
  std::int64_t segments = 50;  ///< how many are asked for, at least 1; about as many come out
  double compactness =
      10.0;  ///< m, >= 0: against differences of colour of 0 ... 100; the larger, the squarer
  std::int64_t iterations = 10;  ///< at most, >= 1
  double smallest = 0.25;        ///< pieces below this part of S^2 join a neighbour, 0 to 1

  /// @param x  [N, C, H, W], floating point; its values are brought to 0 ... 1 sample by sample: three channels are taken
  ///           for sRGB and become CIELAB, others are each multiplied by 100, the range of lightness
  /// @return   int64 [N, 1, H, W], numbers from 0 on for each sample; each segment is connected by edges
  /// @throws Error for an option out of range, or an input that is no picture
  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    require(segments >= 1 && std::isfinite(compactness) && compactness >= 0 && iterations >= 1 &&
                smallest >= 0 && smallest <= 1,
            [&] {
              return text("perturb::Slic: segments ", segments, ", compactness ", compactness,
                          ", iterations ", iterations, " and smallest ", smallest,
                          " must be at least 1, at least 0, at least 1, and from 0 to 1");
            });
    return detail::label_samples(x, "perturb::Slic", [&](const Tensor& planes) {
      return superpixels(planes.size(0) == 3 ? detail::lab_of(planes) : planes * 100);
    });
  }

 private:
  /// Values of each channel, then row and column.
  using Centre = std::vector<float>;

  [[nodiscard]] Tensor superpixels(const Tensor& planes) const {
    const std::int64_t channels = planes.size(0), rows = planes.size(1), columns = planes.size(2),
                       size = rows * columns;
    const float* values = planes.data_ptr<float>();
    const double step = std::max(1.0, std::sqrt(static_cast<double>(size) / static_cast<double>(segments)));
    Tensor labels = at::empty({rows, columns}, at::kLong);
    std::vector<std::int32_t> label(static_cast<std::size_t>(size));
    std::vector<Centre> centres = seeds(values, channels, rows, columns, step, label);
    const auto weight = static_cast<float>(compactness * compactness / (step * step));
    std::vector<float> nearest(static_cast<std::size_t>(size)), distance(static_cast<std::size_t>(columns));
    for (std::int64_t turn = 0; turn < iterations; ++turn) {
      std::fill(nearest.begin(), nearest.end(), std::numeric_limits<float>::infinity());
      const std::vector<std::int32_t> before = label;
      for (std::size_t k = 0; k < centres.size(); ++k) {
        const Centre& centre = centres[k];
        const double row = centre[static_cast<std::size_t>(channels)], column = centre.back();
        const auto begin = [&](double at) {
          return std::max<std::int64_t>(std::llround(std::ceil(at - step)), 0);
        };
        const auto end = [&](double at, std::int64_t most) {
          return std::min<std::int64_t>(std::llround(std::floor(at + step)) + 1, most);
        };
        const std::int64_t left = begin(column), width = end(column, columns) - left;
        for (std::int64_t r = begin(row); r < end(row, rows); ++r) {
          const auto y = static_cast<float>(r) - static_cast<float>(row);
          for (std::int64_t j = 0; j < width; ++j) {
            const float d = static_cast<float>(left + j) - static_cast<float>(column);
            distance[static_cast<std::size_t>(j)] = weight * (y * y + d * d);
          }
          const std::int64_t first = r * columns + left;
          for (std::int64_t c = 0; c < channels; ++c) {
            const float* value = values + c * size + first;
            const float mean = centre[static_cast<std::size_t>(c)];
            for (std::int64_t j = 0; j < width; ++j)
              distance[static_cast<std::size_t>(j)] += (value[j] - mean) * (value[j] - mean);
          }
          for (std::int64_t j = 0; j < width; ++j) {
            const auto at = static_cast<std::size_t>(first + j);
            const float d = distance[static_cast<std::size_t>(j)];
            label[at] = d < nearest[at] ? static_cast<std::int32_t>(k) : label[at];
            nearest[at] = std::min(nearest[at], d);
          }
        }
      }
      if (label == before) break;
      move(centres, label, values, channels, rows, columns);
    }
    std::copy(label.begin(), label.end(), labels.data_ptr<std::int64_t>());
    detail::join_small(labels.data_ptr<std::int64_t>(), rows, columns, smallest * step * step);
    return labels;
  }

  /// Centres on a grid, and `label` with the one whose cell a pixel lies in.
  static std::vector<Centre> seeds(const float* values, std::int64_t channels, std::int64_t rows,
                                   std::int64_t columns, double step, std::vector<std::int32_t>& label) {
    const auto cells = [&](std::int64_t length) {
      return std::max<std::int64_t>(1, std::llround(static_cast<double>(length) / step));
    };
    const std::int64_t down = cells(rows), across = cells(columns);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < columns; ++c)
        label[static_cast<std::size_t>(r * columns + c)] =
            static_cast<std::int32_t>(r * down / rows * across + c * across / columns);
    const auto steepness = [&](std::int64_t r, std::int64_t c) {
      const std::int64_t up = std::max<std::int64_t>(r - 1, 0), low = std::min(r + 1, rows - 1),
                         left = std::max<std::int64_t>(c - 1, 0), right = std::min(c + 1, columns - 1);
      float total = 0;
      for (const float* plane = values; plane != values + channels * rows * columns;
           plane += rows * columns) {
        const float y = plane[low * columns + c] - plane[up * columns + c],
                    x = plane[r * columns + right] - plane[r * columns + left];
        total += y * y + x * x;
      }
      return total;
    };
    std::vector<Centre> centres;
    for (std::int64_t i = 0; i < down; ++i) {
      for (std::int64_t j = 0; j < across; ++j) {
        const std::int64_t row = (2 * i + 1) * rows / (2 * down),
                           column = (2 * j + 1) * columns / (2 * across);
        std::int64_t best_row = row, best_column = column;
        float best = steepness(row, column);
        for (std::int64_t r = std::max<std::int64_t>(row - 1, 0); r <= std::min(row + 1, rows - 1); ++r)
          for (std::int64_t c = std::max<std::int64_t>(column - 1, 0); c <= std::min(column + 1, columns - 1);
               ++c)
            if (const float here = steepness(r, c); here < best) best = here, best_row = r, best_column = c;
        Centre centre;
        for (std::int64_t c = 0; c < channels; ++c)
          centre.push_back(values[(c * rows + best_row) * columns + best_column]);
        centre.push_back(static_cast<float>(best_row));
        centre.push_back(static_cast<float>(best_column));
        centres.push_back(centre);
      }
    }
    return centres;
  }

  /// Each centre to the mean of its pixels; one without any stays.
  static void move(std::vector<Centre>& centres, const std::vector<std::int32_t>& label, const float* values,
                   std::int64_t channels, std::int64_t rows, std::int64_t columns) {
    const auto numbers = static_cast<std::size_t>(channels + 2);
    std::vector<double> sums(centres.size() * numbers, 0.0), counts(centres.size(), 0.0);
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      const auto k = static_cast<std::size_t>(label[static_cast<std::size_t>(i)]);
      double* sum = sums.data() + k * numbers;
      for (std::int64_t c = 0; c < channels; ++c)
        *sum++ += static_cast<double>(values[c * rows * columns + i]);
      *sum++ += static_cast<double>(i / columns);
      *sum += static_cast<double>(i % columns);
      counts[k] += 1;
    }
    for (std::size_t k = 0; k < centres.size(); ++k)
      for (std::size_t d = 0; counts[k] > 0 && d < numbers; ++d)
        centres[k][d] = static_cast<float>(sums[k * numbers + d] / counts[k]);
  }
};

}  // namespace lumen::perturb
