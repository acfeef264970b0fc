// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/panel.hpp>
#include <lumen/view/picture.hpp>
#include <lumen/view/text.hpp>

namespace lumen::view {

/// An image with a map of it.
struct Pair {
  Tensor image{};  ///< what `picture` takes; undefined: the map stands alone
  Tensor map{};    ///< [H, W], leading axes of length 1 dropped; of the image's size
  std::string title{};
};

/// Many images beside their maps, with one range of values for all maps and one colour bar: maps that are compared by
/// eye must share their scale.
struct PairGrid {
  std::vector<Pair> pairs{};
  std::int64_t columns = 5;  ///< pairs in a row
  std::int64_t magnify = 3;  ///< each pixel becomes a square of this side
  Colormap colors = colormap::greens;
  std::optional<Range> range = std::nullopt;  ///< by default from the least to the largest value of all maps
  std::string unit{};                         ///< what the bar's numbers are: "log-odds"
  std::int64_t text = 2;                      ///< the scale of titles and numbers

  /// The range of values of all maps.
  /// @throws Error without pairs, or where no value is finite
  [[nodiscard]] Range ends() const {
    if (range) return *range;
    Range found{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    for (const Pair& pair : pairs) {
      const Tensor values = plane(pair.map), finite = values.masked_select(values.isfinite());
      if (finite.numel() == 0) continue;
      found.low = std::min(found.low, finite.min().item<double>());
      found.high = std::max(found.high, finite.max().item<double>());
    }
    require(found.low <= found.high, "PairGrid: no map holds a finite value");
    return found;
  }

  /// @return the grid as a picture
  /// @throws Error without pairs, or for a map of another size than its image
  [[nodiscard]] Tensor draw() const {
    require(!pairs.empty(), "PairGrid: there is nothing to draw; add pairs");
    const Range scale = ends();
    Panel panel{.columns = columns, .magnify = magnify, .text = text, .gap = 10};
    for (const Pair& pair : pairs) {
      Tensor shown = colorize(pair.map, colors, scale);
      if (pair.image.defined()) {
        const Tensor image = picture(pair.image);
        require(image.sizes() == shown.sizes(), [&] {
          return lumen::text("PairGrid: an image is ", image.sizes(), " and its map ", shown.sizes(),
                             "; resize the map to the image first");
        });
        shown = at::cat({image, blank(image.size(1), 1, panel.ground), shown}, 2);
      }
      panel.cells.push_back({.picture = shown, .title = pair.title});
    }
    const Tensor grid = panel.draw();
    const std::int64_t bar_width = std::min<std::int64_t>(grid.size(2) - 2 * panel.gap, 180 * text);
    Tensor out =
        at::cat({grid, blank(panel.bar_height() + 11 * text + panel.gap, grid.size(2), panel.ground)}, 1);
    Canvas canvas(out);
    panel.draw_bar(canvas, {colors, scale}, grid.size(1), panel.gap, bar_width);
    const TextStyle style{.scale = text, .color = panel.soft_ink};
    draw_text(canvas, unit, grid.size(1) + panel.bar_height(), panel.gap, style);
    return out;
  }
};

}  // namespace lumen::view
