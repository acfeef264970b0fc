// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/influence/reducer/extremes.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/mark.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/picture.hpp>

namespace lumen::view {

/// An output pixel from near by: the image around it, and there the row of the Jacobian that tells what it depends on, in
/// red (negative), yellow and green over the darkened image. The pixel bears a cross. For outputs of the image's size.
struct CloseUp {
  std::int64_t side = 64;  ///< pixels a side, as far as the image has so many; at least 1
  /// Outlines the smallest box that holds the row's values above this magnitude; 0: none.
  double box_above = 0;

  struct Pictures {
    Tensor image{}, influence{};  ///< uint8 [3, side, side]
  };

  /// @param image  [C, H, W]
  /// @param kept   a row, as `influence::Extremes` keeps them
  /// @throws Error  the image has another shape, or the pixel or the row's window lies outside of it
  [[nodiscard]] Pictures operator()(const Tensor& image, const influence::KeptRow& kept) const {
    require(image.dim() == 3 && side >= 1 && box_above >= 0,
            [&] { return lumen::text("CloseUp: expected an image [C, H, W], not ", image.sizes()); });
    const std::int64_t rows = image.size(1), columns = image.size(2);
    require(kept.window.dim() == 2 && kept.row >= 0 && kept.row < rows && kept.column >= 0 &&
                kept.column < columns && kept.top >= 0 && kept.left >= 0 &&
                kept.top + kept.window.size(0) <= rows && kept.left + kept.window.size(1) <= columns,
            [&] {
              return lumen::text("CloseUp: the row of (", kept.row, ", ", kept.column,
                                 ") does not lie in the image of ", rows, " x ", columns, " pixels");
            });
    const std::int64_t height = std::min(side, rows), width = std::min(side, columns),
                       top = std::clamp<std::int64_t>(kept.row - side / 2, 0, rows - height),
                       left = std::clamp<std::int64_t>(kept.column - side / 2, 0, columns - width);
    const auto part = [&](const Tensor& whole) {
      return whole.narrow(-2, top, height).narrow(-1, left, width).contiguous();
    };
    const Tensor plane = image.mean(0);
    const Range grays = percentile_range(plane, 0.5, 99.5);
    Pictures out{.image = part(grays.high > grays.low ? picture(plane, grays) : picture(plane))};
    const Tensor dimmed = (out.image.to(at::kDouble) * 0.6).to(at::kByte);
    Tensor row = at::zeros({rows, columns}, kept.window.options().dtype(at::kDouble));
    row.narrow(0, kept.top, kept.window.size(0)).narrow(1, kept.left, kept.window.size(1)).copy_(kept.window);
    const Tensor map = part(row);
    Range range = symmetric_range(map, 98.0);
    if (range.high == 0) range = symmetric_range(map);  // fewer than 2 % of the pixels matter
    out.influence = Overlay{.colors = colormap::rd_yl_gn, .range = range, .alpha = 1.0}(dimmed, map);
    if (box_above > 0) frame(out.influence, map.abs().gt(box_above));
    for (Tensor* each : {&out.image, &out.influence})
      draw(*each, {.row = kept.row - top, .column = kept.column - left, .radius = 4});
    return out;
  }

 private:
  static void frame(Tensor& shown, const Tensor& above) {
    if (!above.any().item<bool>()) return;
    const Tensor down = above.any(1).nonzero().flatten(), along = above.any(0).nonzero().flatten();
    Tensor box = at::zeros_like(above);
    const auto between = [](const Tensor& ends, std::int64_t axis, const Tensor& plane) {
      const std::int64_t first = ends[0].item<std::int64_t>(), last = ends[-1].item<std::int64_t>();
      return plane.narrow(axis, first, last - first + 1);
    };
    between(along, 1, between(down, 0, box)).fill_(true);
    shown = tint(shown, outline(box), {64, 160, 255});
  }
};

}  // namespace lumen::view
