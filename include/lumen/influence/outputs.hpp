// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::influence {

/// Which pixels of a dense output are asked about: from the output's height and width to their (row, column), int64
/// [P, 2] on the CPU, none twice.
using Outputs = std::function<Tensor(std::int64_t height, std::int64_t width)>;

/// A pixel as {row, column}.
using Place = std::array<std::int64_t, 2>;

namespace detail {

inline Tensor places_of(const std::vector<Place>& places) {
  Tensor result = at::empty({static_cast<std::int64_t>(places.size()), 2}, at::kLong);
  auto* out = result.data_ptr<std::int64_t>();
  for (const Place& place : places) {
    *out++ = place[0];
    *out++ = place[1];
  }
  return result;
}

}  // namespace detail

/// All pixels, row by row.
struct All {
  Tensor operator()(std::int64_t height, std::int64_t width) const {
    return at::stack({at::arange(height, at::kLong).repeat_interleave(width),
                      at::arange(width, at::kLong).repeat({height})},
                     1)
        .contiguous();
  }
};

/// The pixels of every `step`th row and column, the first at `offset`.
struct Every {
  std::int64_t step = 1;
  std::int64_t offset = 0;  ///< 0 to step - 1

  /// @throws Error if the step is not positive or the offset out of range
  Tensor operator()(std::int64_t height, std::int64_t width) const {
    require(step >= 1 && offset >= 0 && offset < step, [&] {
      return text("influence::Every: step ", step, " and offset ", offset,
                  "; expected a step of at least 1 and an offset of 0 to step - 1");
    });
    std::vector<Place> places;
    const std::int64_t next =
        std::min(step, std::max(height, width));  // a step beyond all is as good, and adds up
    for (std::int64_t row = offset; row < height; row += next) {
      for (std::int64_t column = offset; column < width; column += next) places.push_back({row, column});
    }
    return detail::places_of(places);
  }
};

/// The pixels where a mask [H, W] is true (or not zero): a label, a prediction, a skeleton.
struct Mask {
  Tensor mask;

  /// @throws Error if the mask has not the output's size
  Tensor operator()(std::int64_t height, std::int64_t width) const {
    require(mask.defined() && mask.dim() == 2 && mask.size(0) == height && mask.size(1) == width, [&] {
      return text("influence::Mask: the mask ", mask.defined() ? text(mask.sizes()) : "is undefined",
                  "; expected the output's height and width, [", height, ", ", width, "]");
    });
    return mask.detach().cpu().ne(0).nonzero().contiguous();
  }
};

/// The pixels of a list; one that is listed again is asked about once.
struct Pixels {
  std::vector<Place> places;  ///< {row, column}

  /// @throws Error if one is outside the output
  Tensor operator()(std::int64_t height, std::int64_t width) const {
    std::set<Place> seen;
    std::vector<Place> once;
    for (const Place& place : places) {
      require(place[0] >= 0 && place[0] < height && place[1] >= 0 && place[1] < width, [&] {
        return text("influence::Pixels: (row ", place[0], ", column ", place[1],
                    ") is outside the output of ", height, " rows and ", width, " columns");
      });
      if (seen.insert(place).second) once.push_back(place);
    }
    return detail::places_of(once);
  }
};

/// The pixels of a polyline through the given ones, from the first to the last: one for each step of the longer side
/// of each leg.
struct Path {
  std::vector<Place> corners;  ///< {row, column}

  /// @throws Error if a corner is outside the output
  Tensor operator()(std::int64_t height, std::int64_t width) const {
    (void)Pixels{corners}(height, width);  // before a leg is walked that has no end
    std::vector<Place> places;
    if (!corners.empty()) places.push_back(corners.front());
    for (std::size_t leg = 1; leg < corners.size(); ++leg) {
      const Place from = corners[leg - 1], to = corners[leg];
      const std::int64_t steps = std::max(std::abs(to[0] - from[0]), std::abs(to[1] - from[1]));
      // to the nearest pixel, a half upwards, in integers
      const auto at = [&](std::size_t axis, std::int64_t step) {
        const std::int64_t twice = 2 * step * (to[axis] - from[axis]) + steps;
        const std::int64_t whole = twice / (2 * steps);
        return from[axis] + whole - (twice < whole * 2 * steps ? 1 : 0);
      };
      for (std::int64_t step = 1; step <= steps; ++step) places.push_back({at(0, step), at(1, step)});
    }
    return Pixels{std::move(places)}(height, width);
  }
};

}  // namespace lumen::influence
