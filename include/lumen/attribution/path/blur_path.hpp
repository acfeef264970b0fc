// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/path.hpp>
#include <lumen/baseline/blur.hpp>

namespace lumen::path {

/// The path of blur integrated gradients: the input blurred by a Gaussian of standard deviation sigma (1 - t), along
/// all dimensions after the channels.
struct Blur {
  Tensors x;
  double sigma;  ///< at t = 0, pixels

  [[nodiscard]] Rows rows(const std::vector<double>& t, const Tensor& samples) const {
    Rows result;
    for (const Tensor& part : x) {
      const Tensor rows = part.index_select(0, samples.to(part.device()));
      if (!engine::explained(part)) {
        result.points.push_back(rows);
        result.velocities.push_back(at::zeros_like(rows));
        continue;
      }
      Tensors points, velocities;
      for (std::size_t first = 0; first < t.size();) {
        std::size_t end = first;
        while (end < t.size() && t[end] == t[first]) ++end;
        const auto [point, slope] =
            blurred(rows.narrow(0, static_cast<std::int64_t>(first), static_cast<std::int64_t>(end - first)),
                    sigma * (1.0 - t[first]));
        points.push_back(point);
        velocities.push_back(slope * -sigma);
        first = end;
      }
      result.points.push_back(at::cat(points));
      result.velocities.push_back(at::cat(velocities));
    }
    return result;
  }

 private:
  /// `values` blurred, and the derivative of that in the standard deviation; the radius is that of the largest one.
  [[nodiscard]] std::pair<Tensor, Tensor> blurred(const Tensor& values, double deviation) const {
    Tensor blurred = values, derivative = at::zeros_like(values);
    for (std::int64_t axis = 2; axis < values.dim(); ++axis) {
      const GaussianMatrix matrix =
          gaussian_matrix(values.size(axis), deviation, lumen::detail::gaussian_radius(sigma));
      derivative = lumen::detail::along(derivative, axis, matrix.blur) +
                   lumen::detail::along(blurred, axis, matrix.derivative);
      blurred = lumen::detail::along(blurred, axis, matrix.blur);
    }
    return {blurred, derivative};
  }
};

}  // namespace lumen::path
