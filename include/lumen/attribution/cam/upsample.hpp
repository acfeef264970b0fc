// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen {

/// How a layer's map is brought to the input's resolution. Corners are not aligned: a cell is an area, not a point.
enum class Upsample {
  None,      ///< not at all: the layer's own resolution
  Nearest,   ///< each pixel takes its cell's value
  Bilinear,  ///< what the papers do for pictures; linear in one dimension, trilinear in three
  Bicubic,   ///< may exceed the map's range; not in three dimensions
  Area,      ///< the mean of the cells under a pixel
};

/// `map` at another size; with Upsample::None, `map` itself.
/// @param map   [N, C, l], [N, C, h, w] or [N, C, d, h, w]
/// @param size  of each dimension after the channels
/// @throws Error if the map has not one to three such dimensions, as many as the size, or Upsample::Bicubic three
[[nodiscard]] inline Tensor upsampled(const Tensor& map, const std::vector<std::int64_t>& size,
                                      Upsample how) {
  if (how == Upsample::None) return map;
  const std::int64_t rank = map.dim() - 2;
  require(rank >= 1 && rank <= 3 && size.size() == static_cast<std::size_t>(rank), [&] {
    return text("upsampling to ", size.size(),
                " dimensions needs a map [N, C, ...] with as many, 1 to 3, this one is ", map.sizes(),
                "; choose a layer with cells like the input's, or Upsample::None");
  });
  require(rank < 3 || how != Upsample::Bicubic,
          "Upsample::Bicubic is for one and two dimensions; use Upsample::Bilinear for volumes");
  if (how == Upsample::Bicubic && rank == 1) {
    return at::upsample_bicubic2d(map.unsqueeze(2), {1, size[0]}, false).squeeze(2);
  }
  if (how == Upsample::Bicubic) return at::upsample_bicubic2d(map, size, false);
  if (how == Upsample::Nearest) {
    return rank == 1   ? at::upsample_nearest1d(map, size)
           : rank == 2 ? at::upsample_nearest2d(map, size)
                       : at::upsample_nearest3d(map, size);
  }
  if (how == Upsample::Area) {
    return rank == 1   ? at::adaptive_avg_pool1d(map, size)
           : rank == 2 ? at::adaptive_avg_pool2d(map, size)
                       : at::adaptive_avg_pool3d(map, size);
  }
  return rank == 1   ? at::upsample_linear1d(map, size, false)
         : rank == 2 ? at::upsample_bilinear2d(map, size, false)
                     : at::upsample_trilinear3d(map, size, false);
}

/// The same for maps [N, C, h, w].
[[nodiscard]] inline Tensor upsampled(const Tensor& map, std::int64_t height, std::int64_t width,
                                      Upsample how) {
  return upsampled(map, std::vector<std::int64_t>{height, width}, how);
}

/// `map` at another size, each cell's value shared out over the pixels so that its sum stays what it was: by the
/// linear weights of the cell divided by their sum, or where there are fewer pixels than cells, whole.
/// @param map   [N, C, l], [N, C, h, w] or [N, C, d, h, w]
/// @param size  of each dimension after the channels
[[nodiscard]] inline Tensor spread(Tensor map, const std::vector<std::int64_t>& size) {
  const auto rank = static_cast<std::int64_t>(size.size());
  std::vector<std::int64_t> cells;
  bool fewer = false, same = true;
  for (std::int64_t d = 0; d < rank; ++d) {
    const std::int64_t here = map.size(d + 2), there = size[static_cast<std::size_t>(d)];
    cells.push_back(std::min(here, there));
    fewer = fewer || here > there;
    same = same && cells.back() == there;
  }
  if (fewer) {
    std::vector<std::int64_t> shape{map.size(0), map.size(1)};
    shape.insert(shape.end(), cells.begin(), cells.end());
    const auto from = map.sizes().slice(2);
    map = rank == 1   ? at::upsample_nearest1d_backward(map, from, shape)
          : rank == 2 ? at::upsample_nearest2d_backward(map, from, shape)
                      : at::upsample_nearest3d_backward(map, from, shape);
  }
  if (same) return map;
  std::vector<std::int64_t> ones{1, 1}, shape{1, 1};
  ones.insert(ones.end(), size.begin(), size.end());
  shape.insert(shape.end(), cells.begin(), cells.end());
  const Tensor even = at::ones(ones, map.options());
  const Tensor shares = rank == 1   ? at::upsample_linear1d_backward(even, size, shape, false)
                        : rank == 2 ? at::upsample_bilinear2d_backward(even, size, shape, false)
                                    : at::upsample_trilinear3d_backward(even, size, shape, false);
  return upsampled(map / shares, size, Upsample::Bilinear);
}

/// The same for maps [N, C, h, w].
[[nodiscard]] inline Tensor spread(const Tensor& map, std::int64_t height, std::int64_t width) {
  return spread(map, std::vector<std::int64_t>{height, width});
}

namespace detail {

/// The first part of `x` that is explained and has cells: [N, C, H, W], else [N, C, L] or [N, C, D, H, W].
/// @param rank  of the part that is looked for; 0: any
/// @throws Error, which says `remedy`, if there is none
inline const Tensor& image_of(const Tensors& x, std::int64_t rank, const char* remedy) {
  for (const bool picture : {true, false}) {
    for (const Tensor& part : x) {
      const std::int64_t dims = part.dim();
      const bool fits = rank > 0 ? dims == rank : picture ? dims == 4 : dims == 3 || dims == 5;
      if (fits && engine::explained(part)) return part;
    }
  }
  throw Error(text("no input is ",
                   rank == 0   ? "[N, C, L], [N, C, H, W] or [N, C, D, H, W]"
                   : rank == 3 ? "[N, C, L]"
                   : rank == 5 ? "[N, C, D, H, W]"
                               : "[N, C, H, W]",
                   ", the first one is ", x.front().sizes(), "; ", remedy));
}

/// A part's sizes after the channels.
inline std::vector<std::int64_t> cells_of(const Tensor& part) { return part.sizes().slice(2).vec(); }

/// What comes last: the positive part if it is asked for, then the input's resolution.
inline Tensor finished(Tensor map, bool positive_part, Upsample how, const Tensors& x) {
  if (positive_part) map = map.clamp_min(0);
  if (how == Upsample::None) return map;
  const Tensor& image =
      image_of(x, map.dim(),
               "there is no resolution to upsample the map to: choose Upsample::None, or a layer with "
               "as many dimensions as the input");
  return upsampled(map, cells_of(image), how);
}

}  // namespace detail

}  // namespace lumen
