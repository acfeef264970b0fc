// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/picture.hpp>

namespace lumen::view {

/// How much of the map's colour a pixel gets.
enum class Blend : std::uint8_t {
  Constant,   ///< `alpha` everywhere
  Magnitude,  ///< `alpha` times the magnitude, 1 at the range's end: where the map says nothing, the image is
              ///< seen
};

/// A map laid over the image that it explains.
struct Overlay {
  Colormap colors = colormap::rd_yl_gn;
  std::optional<Range> range = std::nullopt;  ///< by default `symmetric_range(map, 99.5)`
  double alpha = 0.8;                         ///< 0 shows only the image, 1 only the map
  Blend blend = Blend::Magnitude;

  /// @param image  what `picture` takes, of the map's height and width
  /// @param map    [H, W], or with leading axes of length 1; a NaN leaves the image as it is
  /// @return a picture, uint8 [3, H, W]
  /// @throws Error when the sizes differ, or alpha lies outside 0..1
  [[nodiscard]] Tensor operator()(const Tensor& image, const Tensor& map) const {
    require(alpha >= 0.0 && alpha <= 1.0, "Overlay: alpha lies in 0..1");
    const Tensor below = picture(image), values = plane(map);
    require(below.size(1) == values.size(0) && below.size(2) == values.size(1), [&] {
      return text("Overlay: the image is ", below.size(1), " x ", below.size(2), ", but the map ",
                  values.size(0), " x ", values.size(1), "; resize the map to the image first");
    });
    const Range ends = range.value_or(symmetric_range(values, 99.5));
    Tensor share = at::full_like(values, alpha);
    if (blend == Blend::Magnitude) {
      const double most = std::max(std::abs(ends.low), std::abs(ends.high));
      share = most > 0.0 ? (values.abs() / most).clamp(0, 1) * alpha : at::zeros_like(values);
    }
    share = at::where(values.isnan(), at::zeros_like(share), share);
    const Tensor above = colorize(values, colors, ends);
    return (below.to(at::kDouble) * (1 - share) + above.to(at::kDouble) * share).round().to(at::kByte);
  }
};

/// The outline of a mask: its pixels with a neighbour (up, down, left or right) outside the mask. The image's
/// border does not count as outside.
/// @param mask  [H, W] or with leading axes of length 1; bool, or numbers where above 0.5 is inside
/// @return bool [H, W]
[[nodiscard]] inline Tensor outline(const Tensor& mask) {
  const Tensor inside = plane(mask) > 0.5;
  const std::int64_t h = inside.size(0), w = inside.size(1);
  Tensor edge = at::zeros_like(inside);
  if (h > 1) {
    edge.narrow(0, 1, h - 1).logical_or_(inside.narrow(0, 0, h - 1).logical_not());
    edge.narrow(0, 0, h - 1).logical_or_(inside.narrow(0, 1, h - 1).logical_not());
  }
  if (w > 1) {
    edge.narrow(1, 1, w - 1).logical_or_(inside.narrow(1, 0, w - 1).logical_not());
    edge.narrow(1, 0, w - 1).logical_or_(inside.narrow(1, 1, w - 1).logical_not());
  }
  return edge.logical_and(inside);
}

/// The picture with the pixels of a mask in one colour, mixed in by `alpha`: a translucent region, or with
/// `outline(mask)` its border.
/// @throws Error when the sizes differ
[[nodiscard]] inline Tensor tint(const Tensor& image, const Tensor& mask, Rgb color, double alpha = 1.0) {
  const Tensor below = picture(image), inside = plane(mask) > 0.5;
  require(alpha >= 0.0 && alpha <= 1.0, "tint: alpha lies in 0..1");
  require(below.size(1) == inside.size(0) && below.size(2) == inside.size(1), [&] {
    return text("tint: the image is ", below.size(1), " x ", below.size(2), ", but the mask ", inside.size(0),
                " x ", inside.size(1));
  });
  const Tensor share = inside.to(at::kDouble) * alpha;
  const Tensor paint = blank(below.size(1), below.size(2), color).to(at::kDouble);
  return (below.to(at::kDouble) * (1 - share) + paint * share).round().to(at::kByte);
}

}  // namespace lumen::view
