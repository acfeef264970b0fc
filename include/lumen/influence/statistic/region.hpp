// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/windows.hpp>

namespace lumen::influence {

/// How much of each row's mass (the sum of its magnitudes) lies in each of several regions of the image, [B, regions], in
/// units of the gradient; or as shares of all of it, which sum to at most 1 and are 0 for a row of zeros. Pixels of a
/// label below 0 are in no region.
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
    require(count > 0 && most < count, [&] {
      return text("influence::RegionMass: the largest label is ", most, " for ", count,
                  " regions; expected 0 to regions - 1, or below 0 for none");
    });
    // a bin for no region before the others, so that the windows' own places outside the image fall into it
    const Tensor shifted = labels.clamp_min(-1) + 1;
    const Tensor bins = rows.under(shifted.to(rows.values().device())) +
                        (at::arange(rows.count(), rows.values().options().dtype(at::kLong)) * (count + 1))
                            .reshape({-1, 1, 1});
    const Tensor mass = bins.flatten()
                            .bincount(rows.magnitudes().to(at::kDouble).flatten(), rows.count() * (count + 1))
                            .reshape({rows.count(), count + 1})
                            .cpu();
    const Tensor inside = mass.narrow(1, 1, count);
    if (!share) return inside.contiguous();
    const Tensor total = mass.sum(1, true);
    return inside / at::where(total.eq(0), 1, total);
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
