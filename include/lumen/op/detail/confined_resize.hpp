// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/op/confined.hpp>
#include <lumen/op/detail/confined_sliding.hpp>

namespace lumen::op::detail {

/// A place of the operand and its share in a place of the result.
struct Share {
  std::int64_t place = 0;
  double weight = 0.0;
};
/// What each place of a result's dimension is made of.
using Shares = std::vector<std::vector<Share>>;

inline Shares adaptive_shares(std::int64_t size, std::int64_t result_size) {
  Shares all;
  for (std::int64_t o = 0; o < result_size; ++o) {
    const std::int64_t begin = o * size / result_size, end = ((o + 1) * size + result_size - 1) / result_size;
    std::vector<Share>& of = all.emplace_back();
    for (std::int64_t i = begin; i < end; ++i) of.push_back({i, 1.0 / static_cast<double>(end - begin)});
  }
  return all;
}

/// The weights of linear and cubic (Keys, a = -0.75) interpolation, at the border those of its places added up.
/// @param single  whether positions are computed in single precision
inline Shares interpolation_shares(const Resizing& by, bool cubic, std::int64_t size,
                                   std::int64_t result_size, bool single) {
  Shares all;
  for (std::int64_t o = 0; o < result_size; ++o) {
    double centre = by.centre(o);
    if (single) {
      const auto scale = static_cast<float>(by.scale), place = static_cast<float>(o);
      centre = by.align_corners ? scale * place : scale * (place + 0.5f) - 0.5f;
    }
    if (!cubic) centre = std::max(centre, 0.0);
    const double floor = std::floor(centre), t = centre - floor;
    const auto first = static_cast<std::int64_t>(floor);
    const auto near = [](double x) { return ((-0.75 + 2.0) * x - (-0.75 + 3.0)) * x * x + 1.0; };
    const auto far = [](double x) { return ((-0.75 * x - 5.0 * -0.75) * x + 8.0 * -0.75) * x - 4.0 * -0.75; };
    std::vector<Share>& of = all.emplace_back();
    const auto add = [&](std::int64_t place, double weight) {
      of.push_back({std::clamp(place, std::int64_t{0}, size - 1), weight});
    };
    if (cubic) {
      add(first - 1, far(t + 1.0)), add(first, near(t)), add(first + 1, near(1.0 - t)),
          add(first + 2, far(2.0 - t));
    } else {
      add(first, 1.0 - t), add(first + 1, t);
    }
  }
  return all;
}

/// Sums along each dimension by itself: a small matrix for each dimension and row.
/// @param shares  of each of the last dimensions
inline Confined confined_separable(const std::vector<Shares>& shares, const std::vector<std::int64_t>& sizes,
                                   std::size_t leading) {
  const auto range = [shares, leading](std::size_t d, std::int64_t begin, std::int64_t count) {
    Interval all;
    for (std::int64_t o = begin; o < begin + count; ++o) {
      for (const Share& each : shares[d - leading][static_cast<std::size_t>(o)])
        all = hull(all, {each.place, each.place + 1});
    }
    return all;
  };
  const auto footprint = [=](const Boxes& boxes) {
    Boxes read = boxes;
    for (std::size_t d = leading; d < boxes.dims(); ++d) {
      read.extent[d] = 0;
      for (const Places& origin : boxes.origins) {
        read.extent[d] = std::max(read.extent[d], range(d, origin[d], boxes.extent[d]).size());
      }
      for (std::size_t b = 0; b < boxes.rows(); ++b) {
        read.origins[b][d] =
            std::min(range(d, boxes.origins[b][d], boxes.extent[d]).begin, sizes[d + 1] - read.extent[d]);
      }
    }
    return read;
  };
  Confined confined{.whole = std::vector<bool>(leading + shares.size(), false)};
  confined.footprint = [footprint](std::size_t, const Boxes& boxes) {
    return Footprint{.boxes = footprint(boxes)};
  };
  confined.value = [=](Tensors crops, const Boxes& boxes) {
    const Boxes read = footprint(boxes);
    const auto rows = static_cast<std::int64_t>(boxes.rows());
    Tensor result = crops.front();
    for (std::size_t d = leading; d < boxes.dims(); ++d) {
      const std::int64_t n = boxes.extent[d], m = read.extent[d], dim = static_cast<std::int64_t>(d) + 1;
      std::vector<double> matrix(static_cast<std::size_t>(rows * n * m), 0.0);
      for (std::size_t b = 0; b < boxes.rows(); ++b) {
        for (std::int64_t j = 0; j < n; ++j) {
          for (const Share& each : shares[d - leading][static_cast<std::size_t>(boxes.origins[b][d] + j)]) {
            matrix[static_cast<std::size_t>((static_cast<std::int64_t>(b) * n + j) * m + each.place -
                                            read.origins[b][d])] += each.weight;
          }
        }
      }
      const Tensor by = at::tensor(matrix, at::kDouble).reshape({rows, n, m}).to(result.options());
      const Tensor lines = result.movedim(dim, 1);
      std::vector<std::int64_t> shape = lines.sizes().vec();
      shape[1] = n;
      result = at::bmm(by, lines.reshape({rows, m, -1})).view(shape).movedim(1, dim);
    }
    return result;
  };
  return confined;
}

/// Interpolation, and averages that share out the places evenly.
inline std::optional<Confined> confined_resize(const trace::Step& step) {
  const std::string_view name = bare_name(step);
  const bool adaptive = name.find("adaptive") != std::string_view::npos;
  const auto dims = static_cast<std::size_t>(name[name.find_first_of("123")] - '0');
  const std::vector<std::int64_t>&sizes = step.operands.front().sizes,
        &result_sizes = step.result_sizes.front();
  if (sizes.size() != dims + 2 || name.ends_with("_aa")) return std::nullopt;
  const detail::Subject subject{step, 0, 0};
  std::vector<Shares> shares;
  for (std::size_t d = 0; d < dims; ++d) {
    const std::int64_t size = sizes[d + 2], result_size = result_sizes[d + 2];
    if (adaptive) {
      shares.push_back(adaptive_shares(size, result_size));
    } else {
      shares.push_back(interpolation_shares(resizing(subject, d, dims, size, result_size),
                                            name.find("cubic") != std::string_view::npos, size, result_size,
                                            step.operands.front().dtype != at::kDouble));
    }
  }
  return confined_separable(shares, sizes, 1);
}

}  // namespace lumen::op::detail
