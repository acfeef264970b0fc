// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/labelled.hpp>
#include <lumen/data/random.hpp>

namespace lumen::data {

/// A pixel of a drawn image.
struct Place {
  std::int64_t row = 0, column = 0;
};

/// Points of light and a disk, as a blurred camera sees them: single pixels of value `brightness`, a square of 5 x 5
/// pixels of value 255 in the place of what is there, all blurred by a Gaussian of one pixel (cut at four, the image
/// mirrored beyond its border), rounded down and cut at 255. So were the disks of the study that lumen re-creates made,
/// to the last bit.
/// @param disks  centres of the squares, at least 2 pixels from the border; none is noise alone
/// @return uint8 [size, size]
[[nodiscard]] inline Tensor paint_disks(std::int64_t size, const std::vector<Place>& points,
                                        const std::vector<Place>& disks, double brightness = 255.0) {
  constexpr std::int64_t half = 4;
  require(size >= half,
          [&] { return text("paint_disks: an image of ", size, " pixels; expected 4 or more"); });
  Tensor canvas = at::zeros({size, size}, at::kDouble);
  for (const Place& p : points) canvas[p.row][p.column] = brightness;
  for (const Place& d : disks) {
    require(d.row >= 2 && d.column >= 2 && d.row < size - 2 && d.column < size - 2, [&] {
      return text("paint_disks: a disk at row ", d.row, ", column ", d.column, " leaves an image of ", size);
    });
    canvas.narrow(0, d.row - 2, 5).narrow(1, d.column - 2, 5).fill_(255.0);
  }
  const Tensor offset = at::arange(-half, half + 1, at::kDouble);
  Tensor kernel = (offset.square() * -0.5).exp();
  kernel = kernel / kernel.sum();
  Tensor mirrored = at::arange(-half, size + half, at::kLong);
  mirrored = at::where(mirrored < 0, -1 - mirrored, mirrored);
  mirrored = at::where(mirrored >= size, 2 * size - 1 - mirrored, mirrored);
  Tensor blurred =
      canvas.index_select(0, mirrored).index_select(1, mirrored).reshape({1, 1, -1, size + 2 * half});
  blurred = at::conv2d(blurred, kernel.reshape({1, 1, -1, 1}));
  blurred = at::conv2d(blurred, kernel.reshape({1, 1, 1, -1}));
  return blurred.reshape({size, size}).add(1e-9).floor().clamp(0, 255).to(at::kByte);
}

/// Draws sets of disks on noise by the recipe of the study that lumen re-creates. Its three sets are
///
///     easier     DrawnDisks{}                      faint points, the disk in the middle
///     harder     DrawnDisks{.brightness = 1000}    points about as bright as the disk
///     vary_disk  DrawnDisks{.anywhere = true}      faint points, the disk anywhere
///
/// Image i is a function of the seed and i alone, the same with every compiler.
struct DrawnDisks {
  std::int64_t size = 28;   ///< side of the images, pixels, at least 8
  double points = 15;       ///< of light, on each 28 x 28 pixels; two may fall on one pixel
  double brightness = 255;  ///< of a point before the blur, which leaves 0.159 of it
  bool anywhere = false;    ///< the disk's centre: in the middle, or 3 to size - 4, uniform
  std::uint64_t seed = 0;

  struct Drawn {
    Tensor disk;   ///< uint8 [size, size]: points and a disk
    Tensor noise;  ///< uint8 [size, size]: the same points alone
    Tensor mask;   ///< int64 [size, size]: 1 on the disk's 5 x 5 pixels
  };

  /// @throws Error  an option is out of its range
  [[nodiscard]] Drawn operator()(std::uint64_t index) const {
    require(size >= 8 && points >= 0 && brightness >= 0,
            "DrawnDisks: `size` must be at least 8, `points` and `brightness` not negative");
    Random random({seed, index});
    const auto below = [&](std::int64_t count) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(count)));
    };
    Place centre{size / 2, size / 2};
    if (anywhere) centre.row = 3 + below(size - 6), centre.column = 3 + below(size - 6);
    const auto count = std::llround(points * static_cast<double>(size * size) / (28.0 * 28.0));
    std::vector<Place> lights;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = below(size), column = below(size);
      lights.push_back({row, column});
    }
    Tensor mask = at::zeros({size, size}, at::kLong);
    mask.narrow(0, centre.row - 2, 5).narrow(1, centre.column - 2, 5).fill_(1);
    return {paint_disks(size, lights, {centre}, brightness), paint_disks(size, lights, {}, brightness), mask};
  }

  /// `count` images with a disk (label 1), then the same points without (label 0).
  [[nodiscard]] Labelled to_classify(std::int64_t count) const {
    std::vector<Tensor> with, without;
    for (std::int64_t i = 0; i < count; ++i) {
      const Drawn drawn = (*this)(static_cast<std::uint64_t>(i));
      with.push_back(drawn.disk);
      without.push_back(drawn.noise);
    }
    with.insert(with.end(), without.begin(), without.end());
    return {.images = images_of(with),
            .labels = at::cat({at::ones({count}, at::kLong), at::zeros({count}, at::kLong)})};
  }

  /// `count` images with a disk, and for every pixel whether it is on it.
  [[nodiscard]] Labelled to_segment(std::int64_t count) const {
    std::vector<Tensor> images, masks;
    for (std::int64_t i = 0; i < count; ++i) {
      const Drawn drawn = (*this)(static_cast<std::uint64_t>(i));
      images.push_back(drawn.disk);
      masks.push_back(drawn.mask);
    }
    return {.images = images_of(images), .labels = at::stack(masks)};
  }

  // Not for callers: an aggregate has no private members.
  [[nodiscard]] static Tensor images_of(const std::vector<Tensor>& images) {
    require(!images.empty(), "DrawnDisks: a set holds at least one image");
    return at::stack(images).unsqueeze(1).to(at::kFloat).div(255);
  }
};

}  // namespace lumen::data
