// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/detail/each_row.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// How much of each row's mass (the sum of its magnitudes) lies in each of several regions of the image, [B, regions], in
/// units of the gradient; or as shares of all of it, which sum to at most 1 and are 0 for a row of zeros. Pixels of a
/// label below 0 are in no region. On the CPU.
struct RegionMass {
  Tensor labels;             ///< int64 [H, W], each pixel's region; on any device
  std::int64_t regions = 0;  ///< how many; 0: as the labels tell, one more than the largest
  bool share = true;

  /// @throws Error if the labels are no integers of the image's size, or name a region that is not there
  Tensor operator()(const Windows& rows) const {
    require(labels.defined() && labels.scalar_type() == at::kLong,
            "influence::RegionMass: the labels are no int64 tensor; give [H, W], each pixel's region");
    const std::int64_t most = labels.numel() > 0 ? labels.max().item<std::int64_t>() : -1;
    const std::int64_t count = regions > 0 ? regions : most + 1;
    require(
        labels.dim() == 2 && labels.size(0) == rows.chunk().height && labels.size(1) == rows.chunk().width,
        [&] {
          return text("influence::RegionMass: the labels have shape ", labels.sizes(), "; expected [",
                      rows.chunk().height, ", ", rows.chunk().width, "] as the image");
        });
    require(count > 0 && most < count, [&] {
      return text("influence::RegionMass: the largest label is ", most, " for ", count,
                  " regions; expected 0 to regions - 1, or below 0 for none");
    });
    const Tensor plane = labels.to(at::kCPU).contiguous();
    Tensor result = at::zeros({rows.count(), count}, at::kDouble);
    detail::for_each_row(rows, [&](const auto& values, std::int64_t b) {
      const auto [first_row, height, first_column, width] = rows.chunk().inside(b);
      const auto* origin = rows.chunk().origins.data_ptr<std::int64_t>() + 2 * b;
      std::vector<double> mass(static_cast<std::size_t>(count) + 1);  // of no region first
      for (std::int64_t r = first_row; r < first_row + height; ++r) {
        const auto* label = plane.data_ptr<std::int64_t>() + (origin[0] + r) * plane.size(1) + origin[1];
        const auto* value = values.data() + r * rows.width();
        for (std::int64_t c = first_column; c < first_column + width; ++c)
          mass[static_cast<std::size_t>(std::max<std::int64_t>(label[c], -1) + 1)] +=
              std::abs(static_cast<double>(value[c]));
      }
      double total = 1;
      if (share) total = std::accumulate(mass.begin(), mass.end(), 0.0);
      if (total == 0) return;
      for (std::int64_t k = 0; k < count; ++k)
        result.data_ptr<double>()[b * count + k] = mass[static_cast<std::size_t>(k) + 1] / total;
    });
    return result;
  }
};

/// The share of each row's mass that lies in a mask, [B], in [0, 1]; 0 for a row of zeros.
struct MassInside {
  Tensor mask;  ///< [H, W]; what is not 0 is inside
  Tensor operator()(const Windows& rows) const {
    require(mask.defined(),
            "influence::MassInside: the mask is undefined; give one of the image's size, [H, W]");
    return RegionMass{.labels = mask.ne(0).to(at::kLong), .regions = 2}(rows).select(1, 1);
  }
};

/// The share that lies outside of it; 1 less that inside but for a row of zeros, where both are 0.
struct MassOutside {
  Tensor mask;  ///< [H, W]; what is 0 is outside
  Tensor operator()(const Windows& rows) const {
    require(mask.defined(),
            "influence::MassOutside: the mask is undefined; give one of the image's size, [H, W]");
    return RegionMass{.labels = mask.ne(0).to(at::kLong), .regions = 2}(rows).select(1, 0);
  }
};

/// Each row's mass by distance from the nearest pixel of a vessel (or any other mask), as a statistic: the shares at
/// distances below edges[0], from there to below edges[1], ..., and from the last edge on, [B, edges + 1]. In an image
/// without a vessel all of it is in the last.
/// @param distance  [H, W], in pixels, such as `map::distance_to` gives
/// @param edges     ascending
/// @throws Error if they are not so
[[nodiscard]] inline RegionMass by_distance(const Tensor& distance,
                                            const std::vector<double>& edges = {1, 2, 4, 8, 16, 32}) {
  require(distance.defined() && at::isFloatingType(distance.scalar_type()),
          "influence::by_distance: the distances are no floating point tensor; map::distance_to makes them");
  require(!edges.empty() && std::is_sorted(edges.begin(), edges.end()),
          "influence::by_distance: the edges must be ascending, at least one");
  const Tensor labels =
      at::bucketize(distance.detach().to(at::kCPU, at::kDouble), at::tensor(edges, at::kDouble),
                    /*out_int32=*/false, /*right=*/true);
  return {.labels = labels, .regions = static_cast<std::int64_t>(edges.size()) + 1};
}

}  // namespace lumen::influence
