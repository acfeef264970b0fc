// SPDX-License-Identifier: BSD-3-Clause
#include "plot.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <lumen/view/number.hpp>
#include <lumen/view/picture.hpp>
#include <lumen/view/text.hpp>

namespace cli {

namespace {

namespace v = lm::view;

constexpr std::int64_t left = 78, width = 640, right = 16, band = 150, gap = 26;
constexpr v::Rgb for_it{26, 150, 65}, against{215, 25, 28}, ink{60, 60, 67}, rule{205, 205, 212};

/// A band of the plot, in whose rows values lie.
struct Band {
  std::int64_t top;
  double low, high;

  [[nodiscard]] std::int64_t row(double value) const {
    const double share = high > low ? (value - low) / (high - low) : 0.5;
    return top + static_cast<std::int64_t>(std::lround((1.0 - share) * static_cast<double>(band - 1)));
  }
  void label(v::Canvas& canvas) const {
    for (const double value : {high, low}) {
      const std::string words = v::number(value, 3);
      v::draw_text(canvas, words, row(value) - 4, left - 8 - v::text_width(words, {.scale = 1}),
                   {.scale = 1, .color = ink});
    }
  }
};

std::int64_t column(std::int64_t i, std::int64_t length) { return left + i * width / length; }

void draw_line(v::Canvas& canvas, const Band& band_of, const Tensor& values, v::Rgb color) {
  const std::int64_t length = values.size(0);
  const Tensor at = values.contiguous();
  const auto* y = at.data_ptr<double>();
  std::int64_t before = band_of.row(y[0]);
  for (std::int64_t i = 0; i < length; ++i) {
    const std::int64_t row = band_of.row(y[i]), from = column(i, length), to = column(i + 1, length);
    canvas.fill(std::min(before, row), from, std::abs(row - before) + 1, 1, color);
    canvas.fill(row, from, 1, std::max<std::int64_t>(to - from, 1), color);
    before = row;
  }
}

}  // namespace

Tensor Plot::draw() const {
  const std::int64_t length = map.size(0);
  const std::int64_t head = title.empty() ? 12 : 30;
  const std::int64_t below = head + (input.defined() ? band + gap : 0);
  Tensor picture = v::blank(below + band + 24, left + width + right, {255, 255, 255});
  v::Canvas canvas(picture);
  if (!title.empty()) v::draw_text(canvas, title, 10, left, {.scale = 1, .color = ink});
  if (input.defined()) {
    const Tensor lines = (input.dim() == 1 ? input.unsqueeze(0) : input).detach().to(at::kCPU, at::kDouble);
    const Band band_of{head, lines.min().item<double>(), lines.max().item<double>()};
    const std::int64_t shown = std::min<std::int64_t>(lines.size(0), 12);
    for (std::int64_t c = 0; c < shown; ++c) {
      const auto gray = static_cast<std::uint8_t>(40 + 150 * c / std::max<std::int64_t>(shown, 1));
      draw_line(canvas, band_of, lines[c], {gray, gray, gray});
    }
    band_of.label(canvas);
  }
  const double most = map.abs().max().item<double>();
  const Band bars{below, map.min().item<double>() < 0 ? -most : 0.0, most > 0 ? most : 1.0};
  const std::int64_t zero = bars.row(0.0);
  const Tensor values = map.contiguous();
  for (std::int64_t i = 0; i < length; ++i) {
    const double value = values.data_ptr<double>()[i];
    const std::int64_t row = bars.row(value), from = column(i, length), to = column(i + 1, length);
    const std::int64_t thick = std::max<std::int64_t>(to - from - (to - from > 3 ? 1 : 0), 1);
    canvas.fill(std::min(row, zero), from, std::abs(row - zero), thick, value > 0 ? for_it : against);
  }
  canvas.fill(zero, left, 1, width, rule);
  bars.label(canvas);
  const std::string last = std::to_string(length - 1);
  v::draw_text(canvas, "0", below + band + 8, left, {.scale = 1, .color = ink});
  v::draw_text(canvas, last, below + band + 8, left + width - v::text_width(last, {.scale = 1}),
               {.scale = 1, .color = ink});
  return picture;
}

}  // namespace cli
