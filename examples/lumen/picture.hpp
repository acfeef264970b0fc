// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "summary.hpp"

namespace cli {

/// How maps are drawn.
struct Drawing {
  std::string colors =
      "auto";  ///< auto: green and red for maps with a sign, viridis for others; or a colour map's name
  double alpha = 0.8;  ///< of the map over the image
  std::int64_t magnify =
      0;  ///< each pixel becomes a square of this side; 0: so that the picture has 256 pixels
};

/// The names of the colour maps, for messages.
[[nodiscard]] std::string color_names();

/// The map over its image in gray, uint8 [3, H, W]; of one axis: a plot of the input with the map as bars.
/// @throws Error for an unknown colour map or a map that is no picture
[[nodiscard]] Tensor overlay_of(const Answer& answer, std::size_t part, const Drawing& how);

/// Image, map and overlay side by side with what is known about them. @throws Error as overlay_of
[[nodiscard]] Tensor panel_of(const Answer& answer, std::size_t part, const std::string& method,
                              const Drawing& how);

}  // namespace cli
