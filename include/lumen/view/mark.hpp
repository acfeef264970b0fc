// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/view/picture.hpp>

namespace lumen::view {

/// The form of a mark.
enum class MarkShape : std::uint8_t {
  Cross,  ///< four arms around the pixel, which itself stays visible
  Dot,    ///< a filled disk
  Box,    ///< a square frame
};

/// A place on an image, in pixels of the image, whatever it is magnified by.
struct Mark {
  std::int64_t row = 0, column = 0;
  MarkShape shape = MarkShape::Cross;
  std::int64_t radius =
      6;  ///< from the pixel to the end of an arm, edge of the disk, frame; in screen pixels
  Rgb color{255, 214, 10};
  Rgb rim{20, 20, 20};  ///< a one-pixel border, so that the mark is seen on every background
};

/// Draws a mark into a picture, in place.
/// @param magnified  the factor that the picture was magnified by
/// @throws Error when the marked pixel lies outside the picture
inline void draw(Tensor& picture, const Mark& mark, std::int64_t magnified = 1) {
  Canvas canvas(picture);
  require(magnified >= 1 && mark.row >= 0 && mark.column >= 0 && mark.row * magnified < canvas.height() &&
              mark.column * magnified < canvas.width(),
          [&] {
            return text("the mark at row ", mark.row, ", column ", mark.column,
                        " lies outside the picture of ", canvas.height() / magnified, " x ",
                        canvas.width() / magnified, " pixels");
          });
  require(mark.radius >= 1 && mark.radius <= 4096, "the radius of a mark lies in 1..4096");
  const std::int64_t y = mark.row * magnified + magnified / 2, x = mark.column * magnified + magnified / 2;
  const std::int64_t r = mark.radius, hole = std::max<std::int64_t>(r / 3, 1);
  const std::int64_t reach = r + 1;
  const auto inside = [&](std::int64_t dy, std::int64_t dx) {
    const std::int64_t a = std::abs(dy), b = std::abs(dx);
    switch (mark.shape) {
      case MarkShape::Cross:
        return (a == 0 && b > hole && b <= r) || (b == 0 && a > hole && a <= r);
      case MarkShape::Dot:
        return dy * dy + dx * dx <= r * r;
      case MarkShape::Box:
        return std::max(a, b) == r;
    }
    return false;
  };
  for (const bool rim : {true, false})
    for (std::int64_t dy = -reach; dy <= reach; ++dy)
      for (std::int64_t dx = -reach; dx <= reach; ++dx) {
        if (!inside(dy, dx) && !rim) continue;
        if (!rim) {
          canvas.dot(y + dy, x + dx, mark.color);
          continue;
        }
        bool near = false;
        for (std::int64_t i = -1; i <= 1; ++i)
          for (std::int64_t j = -1; j <= 1; ++j) near = near || inside(dy + i, dx + j);
        if (near) canvas.dot(y + dy, x + dx, mark.rim);
      }
}

}  // namespace lumen::view
