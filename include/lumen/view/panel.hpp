// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/io/image.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/mark.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/picture.hpp>
#include <lumen/view/text.hpp>

namespace lumen::view {

/// A colour bar's scale, drawn beneath a picture with its ends, and zero where it lies inside, in numbers.
struct ColorBar {
  Colormap colors{};
  Range range{};
};

/// One picture of a panel.
struct Cell {
  Tensor picture{};  ///< uint8 [3, H, W]; undefined leaves the place empty
  std::string title{};
  std::string caption{};
  std::optional<ColorBar> bar = std::nullopt;
  std::vector<Mark> marks{};
};

/// Pictures in a grid, with titles above and captions below, on a light ground: one PNG.
struct Panel {
  std::vector<Cell> cells{};
  std::int64_t columns = 4;  ///< pictures in a row
  std::int64_t magnify = 2;  ///< each pixel becomes a square of this side
  std::string title{};       ///< above everything, one scale larger
  std::int64_t text = 2;     ///< the scale of the text; titles and captions are broken to the picture's width
  std::int64_t gap = 16;     ///< around and between the pictures, screen pixels
  Rgb ground{252, 252, 253};
  Rgb ink{28, 28, 30};
  Rgb soft_ink{96, 96, 102};  ///< captions and numbers

  /// @return the panel as a picture
  /// @throws Error without cells, for a cell that is no picture, or a mark outside its picture
  [[nodiscard]] Tensor draw() const {
    require(!cells.empty(), "Panel: there is nothing to draw; add cells");
    require(columns >= 1 && magnify >= 1 && text >= 1 && gap >= 0,
            "Panel: columns, magnify and text are at least 1, gap at least 0");
    const std::int64_t line = 11 * text, width = cell_width(), across = std::min(columns, count());
    const std::int64_t down = (count() + across - 1) / across;
    const std::int64_t whole_width = gap + across * (width + gap);
    const TextStyle head{.scale = text + 1, .color = ink};
    const auto heading =
        title.empty() ? std::vector<std::string>{} : wrap_text(title, whole_width - 2 * gap, head);
    const std::int64_t heading_height = static_cast<std::int64_t>(heading.size()) * 11 * (text + 1);

    std::vector<Extent> rows(static_cast<std::size_t>(down));
    for (std::int64_t i = 0; i < count(); ++i) {
      Extent& row = rows[static_cast<std::size_t>(i / across)];
      const Cell& cell = at(i);
      row.title = std::max(row.title, lines(cell.title, width) * line);
      row.picture = std::max(row.picture, cell.picture.defined() ? cell.picture.size(1) * magnify : 0);
      row.bar = std::max(row.bar, cell.bar ? bar_height() : 0);
      row.caption = std::max(row.caption, lines(cell.caption, width) * line);
    }
    std::int64_t height = gap + (heading.empty() ? 0 : heading_height + gap / 2);
    for (const Extent& row : rows) height += row.title + row.picture + row.bar + row.caption + 4 * text + gap;

    Tensor out = blank(height, whole_width, ground);
    Canvas canvas(out);
    std::int64_t y = gap;
    for (const std::string& part : heading) draw_text(canvas, part, y, gap, head), y += 11 * (text + 1);
    if (!heading.empty()) y += gap / 2;
    for (std::int64_t i = 0; i < count(); ++i) {
      const Extent& row = rows[static_cast<std::size_t>(i / across)];
      draw_cell(canvas, at(i), row, y, gap + i % across * (width + gap), width);
      if (i % across == across - 1) y += row.title + row.picture + row.bar + row.caption + 4 * text + gap;
    }
    return out;
  }

  /// Draws and writes it, .png (or .bmp, .jpg).
  /// @throws Error as `draw` and `io::write_image`
  void save(const std::filesystem::path& path) const { io::write_image(path, draw()); }

  // Not for callers: an aggregate has no private members.
  struct Extent {
    std::int64_t title = 0, picture = 0, bar = 0, caption = 0;
  };
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(cells.size()); }
  [[nodiscard]] const Cell& at(std::int64_t i) const { return cells[static_cast<std::size_t>(i)]; }
  [[nodiscard]] std::int64_t bar_height() const { return 17 * text; }
  [[nodiscard]] std::int64_t lines(const std::string& words, std::int64_t width) const {
    if (words.empty()) return 0;
    return static_cast<std::int64_t>(wrap_text(words, width, {.scale = text}).size());
  }
  [[nodiscard]] std::int64_t cell_width() const {
    std::int64_t width = 0;
    for (const Cell& cell : cells) {
      if (!cell.picture.defined()) continue;
      require_picture(cell.picture);
      width = std::max(width, cell.picture.size(2) * magnify);
    }
    return std::max(width, 40 * text);
  }
  void draw_cell(Canvas& canvas, const Cell& cell, const Extent& row, std::int64_t y, std::int64_t x,
                 std::int64_t width) const {
    const std::int64_t line = 11 * text;
    const auto write = [&](const std::string& words, std::int64_t top, Rgb color) {
      if (words.empty()) return;
      for (const std::string& part : wrap_text(words, width, {.scale = text})) {
        draw_text(canvas, part, top, x, {.scale = text, .color = color});
        top += line;
      }
    };
    write(cell.title, y + row.title - lines(cell.title, width) * line, ink);
    y += row.title;
    if (cell.picture.defined()) {
      Tensor shown = view::magnify(cell.picture, magnify);
      for (const Mark& mark : cell.marks) view::draw(shown, mark, magnify);
      canvas.paste(shown, y, x);
    }
    y += row.picture + 2 * text;
    if (cell.bar)
      draw_bar(canvas, *cell.bar, y, x, cell.picture.defined() ? cell.picture.size(2) * magnify : width);
    write(cell.caption, y + row.bar + text, soft_ink);
  }
  void draw_bar(Canvas& canvas, const ColorBar& bar, std::int64_t y, std::int64_t x,
                std::int64_t width) const {
    const double low = bar.range.low, high = bar.range.high;
    for (std::int64_t i = 0; i < width; ++i)
      canvas.fill(
          y, x + i, 4 * text, 1,
          bar.colors(static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(width - 1, 1))));
    const TextStyle style{.scale = text, .color = soft_ink};
    const std::int64_t row = y + 6 * text;
    const std::string first = number(low, 2), last = number(high, 2);
    const std::int64_t first_end = text_width(first, style), last_start = width - text_width(last, style);
    draw_text(canvas, first, row, x, style);
    if (last_start > first_end + 4 * text) draw_text(canvas, last, row, x + last_start, style);
    if (low < 0.0 && high > 0.0) {
      const auto zero = static_cast<std::int64_t>(-low / (high - low) * static_cast<double>(width));
      const std::int64_t start = zero - text_width("0", style) / 2;
      if (start > first_end + 4 * text && start + text_width("0", style) + 4 * text < last_start) {
        canvas.fill(y + 4 * text, x + zero, text, 1, soft_ink);
        draw_text(canvas, "0", row, x + start, style);
      }
    }
  }
};

}  // namespace lumen::view
