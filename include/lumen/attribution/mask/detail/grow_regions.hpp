// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::detail {

/// The pixels of each segment of some segmentations of one image, every segment grown by `dilation` pixels.
/// @param labels  int64 [H, W] each, on the processor
[[nodiscard]] inline std::vector<std::vector<std::int64_t>> segments_of(const Tensors& labels,
                                                                        std::int64_t dilation) {
  std::vector<std::vector<std::int64_t>> segments;
  for (const Tensor& each : labels) {
    for (const Tensor& number : std::get<0>(at::_unique(each.reshape({-1}))).unbind()) {
      Tensor inside = (each == number).to(at::kFloat);
      const std::int64_t side = 2 * dilation + 1;
      if (dilation > 0) {
        // a window is larger than no image that is padded by as much
        inside = at::max_pool2d(inside.reshape({1, 1, each.size(0), each.size(1)}), {side, 1}, {1, 1},
                                {dilation, 0});
        inside = at::max_pool2d(inside, {1, side}, {1, 1}, {0, dilation});
      }
      const Tensor places = inside.reshape({-1}).nonzero().reshape({-1}).contiguous();
      const auto* first = places.data_ptr<std::int64_t>();
      segments.emplace_back(first, first + places.size(0));
    }
  }
  return segments;
}

/// XRAI's order of regions: again and again the segment whose pixels that are not yet taken have the greatest mean, of
/// which each gets that mean; those with fewer than `least` such pixels are passed over. What no segment is left for gets
/// its own mean.
/// @param values  of the pixels
[[nodiscard]] inline std::vector<double> grow_regions(const std::vector<double>& values,
                                                      const std::vector<std::vector<std::int64_t>>& segments,
                                                      std::int64_t least) {
  const std::size_t pixels = values.size();
  std::vector<double> sum(segments.size(), 0.0), result(pixels, 0.0);
  std::vector<std::int64_t> left(segments.size());
  std::vector<std::vector<std::size_t>> holders(pixels);
  for (std::size_t s = 0; s < segments.size(); ++s) {
    left[s] = static_cast<std::int64_t>(segments[s].size());
    for (const std::int64_t pixel : segments[s]) {
      const auto i = static_cast<std::size_t>(pixel);
      sum[s] += values[i];
      holders[i].push_back(s);
    }
  }
  std::vector<bool> taken(pixels, false), used(segments.size(), false);
  while (true) {
    std::size_t best = segments.size();
    for (std::size_t s = 0; s < segments.size(); ++s) {
      if (used[s] || left[s] < std::max<std::int64_t>(least, 1)) continue;
      if (best == segments.size() ||
          sum[s] / static_cast<double>(left[s]) > sum[best] / static_cast<double>(left[best]))
        best = s;
    }
    if (best == segments.size()) break;
    used[best] = true;
    const double mean = sum[best] / static_cast<double>(left[best]);
    for (const std::int64_t pixel : segments[best]) {
      const auto i = static_cast<std::size_t>(pixel);
      if (taken[i]) continue;
      taken[i] = true;
      result[i] = mean;
      for (const std::size_t s : holders[i]) {
        sum[s] -= values[i];
        --left[s];
      }
    }
  }
  double rest = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    if (taken[i]) continue;
    rest += values[i];
    ++count;
  }
  for (std::size_t i = 0; i < pixels && count > 0; ++i) {
    if (!taken[i]) result[i] = rest / static_cast<double>(count);
  }
  return result;
}

}  // namespace lumen::detail
