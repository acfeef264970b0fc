// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen {

/// How a layer's map is brought to the input's resolution. Corners are not aligned: a cell is an area, not a point.
enum class Upsample {
  none,      ///< not at all: the layer's own resolution
  nearest,   ///< each pixel takes its cell's value
  bilinear,  ///< what the papers do for pictures
  bicubic,   ///< may exceed the map's range
  area,      ///< the mean of the cells under a pixel
};

/// `map` at another size; with Upsample::none, `map` itself.
/// @param map   [N, C, h, w]
/// @throws Error if the map is not [N, C, h, w]
[[nodiscard]] inline Tensor upsampled(const Tensor& map, std::int64_t height, std::int64_t width,
                                      Upsample how) {
  if (how == Upsample::none) return map;
  require(map.dim() == 4, [&] {
    return text("upsampling needs a map [N, C, h, w], this one is ", map.sizes(),
                "; choose a layer with rows and columns, or Upsample::none");
  });
  const std::vector<std::int64_t> size{height, width};
  switch (how) {
    case Upsample::nearest:
      return at::upsample_nearest2d(map, size);
    case Upsample::bicubic:
      return at::upsample_bicubic2d(map, size, false);
    case Upsample::area:
      return at::adaptive_avg_pool2d(map, size);
    default:
      return at::upsample_bilinear2d(map, size, false);
  }
}

/// `map` at another size, each cell's value shared out over the pixels so that its sum stays what it was: by the
/// bilinear weights of the cell divided by their sum, or where there are fewer pixels than cells, whole.
/// @param map  [N, C, h, w]
[[nodiscard]] inline Tensor spread(Tensor map, std::int64_t height, std::int64_t width) {
  const std::int64_t h = std::min(map.size(2), height), w = std::min(map.size(3), width);
  if (map.size(2) > h || map.size(3) > w) {
    map = at::upsample_nearest2d_backward(map, map.sizes().slice(2), {map.size(0), map.size(1), h, w});
  }
  if (h == height && w == width) return map;
  const std::vector<std::int64_t> size{height, width};
  const Tensor shares = at::upsample_bilinear2d_backward(at::ones({1, 1, height, width}, map.options()), size,
                                                         {1, 1, h, w}, false);
  return at::upsample_bilinear2d(map / shares, size, false);
}

namespace detail {

/// The rows and columns of the first part of `x` that is [N, C, H, W]. @throws Error if there is none
inline const Tensor& image_of(const Tensors& x) {
  for (const Tensor& part : x) {
    if (part.dim() == 4) return part;
  }
  throw Error(text("no input is [N, C, H, W], the first one is ", x.front().sizes(),
                   ", so that there is no resolution to upsample the map to; choose Upsample::none"));
}

/// What comes last: the positive part if it is asked for, then the input's resolution.
inline Tensor finished(Tensor map, bool positive_part, Upsample how, const Tensors& x) {
  if (positive_part) map = map.clamp_min(0);
  if (how == Upsample::none) return map;
  const Tensor& image = image_of(x);
  return upsampled(map, image.size(2), image.size(3), how);
}

}  // namespace detail

}  // namespace lumen
