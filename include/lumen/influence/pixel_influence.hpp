// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/box.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::influence {

/// What one output pixel depends on, in a picture and in numbers.
struct PixelInfluence {
  Tensor row{};  ///< [H, W]: the derivative by every pixel of the image, channels summed; score / brightness
  double score = 0;     ///< of the pixel
  double peak = 0;      ///< the largest magnitude
  double count = 0;     ///< pixels above the threshold
  Interval box_rows{};  ///< of the smallest box about them, half open; empty if none counts
  Interval box_columns{};
  double box_area = 0;    ///< its pixels
  double fulfilment = 0;  ///< count / box_area, in [0, 1]
  double positive = 0;    ///< the sum of the derivatives above zero
  double negative = 0;    ///< the sum of those below, as a positive number
  double radius = 0;      ///< within which 90 % of the squared derivatives lie, pixels
  double inside = 0;      ///< share of the mass on the pixels of a mask, in [0, 1]; NaN without one
};

}  // namespace lumen::influence
