// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/view/html.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/picture.hpp>

namespace lumen::view {

/// One line of a chart.
struct Series {
  std::string name{};
  std::vector<double> y{};
  std::vector<double> x{};  ///< as many as `y`; empty counts 1, 2, 3, ...
  bool dashed = false;
  bool line = true;  ///< false: points alone
};

/// Lines over a common axis, as SVG that stands in a page: training curves, deletion curves. Its colours are
/// the page's CSS variables --ink, --soft, --line and --series-1 to --series-6, with fallbacks for a light
/// page. A value that is not finite leaves a gap.
struct LineChart {
  std::string title{};
  std::string x_label{};
  std::string y_label{};
  std::vector<Series> series{};
  std::optional<Range> y_range = std::nullopt;  ///< by default from the values, widened to round numbers
  double width = 560;                           ///< of the drawing's own units; it scales with the page
  double height = 300;

  /// @throws Error without a finite value, or when a series has other counts of x and y
  [[nodiscard]] std::string svg() const {
    const Frame frame = fit();
    std::string out =
        text("<svg class=\"chart\" viewBox=\"0 0 ", width, " ", height, "\" role=\"img\" aria-label=\"",
             escape(title.empty() ? y_label : title), "\" font-family=\"inherit\" font-size=\"12\">");
    if (!title.empty())
      out += label(frame.left, 16, title, "start", "--ink, #1c1c1e", " font-weight=\"600\"");
    for (const double v : ticks(frame.y.low, frame.y.high, frame.y_step)) {
      out += line(frame.left, frame.row(v), frame.right, frame.row(v), "--line, #e3e3e8");
      out += label(frame.left - 8, frame.row(v) + 4, number(v), "end");
    }
    for (const double v : ticks(frame.x.low, frame.x.high, tick_step(frame.x.low, frame.x.high, 6))) {
      out += line(frame.column(v), frame.bottom, frame.column(v), frame.bottom + 4, "--soft, #6b6b73");
      out += label(frame.column(v), frame.bottom + 18, number(v, 6), "middle");
    }
    out += line(frame.left, frame.bottom, frame.right, frame.bottom, "--soft, #6b6b73");
    if (!x_label.empty()) out += label((frame.left + frame.right) / 2, frame.bottom + 36, x_label, "middle");
    if (!y_label.empty()) out += label(frame.left, frame.top - 10, y_label, "start");
    for (std::size_t i = 0; i < series.size(); ++i) out += path(i, frame);
    return out + legend(frame) + "</svg>";
  }

  // Not for callers: an aggregate has no private members.
  struct Frame {
    Range x{}, y{};
    double y_step = 1;
    double left = 52, right = 0, top = 0, bottom = 0;
    [[nodiscard]] double column(double v) const {
      return left + (v - x.low) / (x.high - x.low) * (right - left);
    }
    [[nodiscard]] double row(double v) const {
      return bottom - (v - y.low) / (y.high - y.low) * (bottom - top);
    }
  };
  [[nodiscard]] static std::string at(double v) { return decimals(v, 1); }
  [[nodiscard]] static std::string label(double x, double y, const std::string& words, const char* anchor,
                                         const char* color = "--soft, #6b6b73", const char* more = "") {
    return text("<text x=\"", at(x), "\" y=\"", at(y), "\" text-anchor=\"", anchor, "\" style=\"fill:var(",
                color, ")\"", more, ">", escape(words), "</text>");
  }
  [[nodiscard]] static std::string line(double x1, double y1, double x2, double y2, const char* color) {
    return text("<line x1=\"", at(x1), "\" y1=\"", at(y1), "\" x2=\"", at(x2), "\" y2=\"", at(y2),
                "\" style=\"stroke:var(", color, ")\"/>");
  }
  [[nodiscard]] static std::string color(std::size_t i) {
    static constexpr const char* fallback[] = {"#2b6cb0", "#c05621", "#2f855a",
                                               "#97266d", "#6b46c1", "#4a5568"};
    return text("var(--series-", i % 6 + 1, ", ", fallback[i % 6], ")");
  }
  [[nodiscard]] static double x_of(const Series& s, std::size_t i) {
    return s.x.empty() ? static_cast<double>(i + 1) : s.x[i];
  }
  [[nodiscard]] std::string stroke(std::size_t i) const {
    return text("style=\"fill:none;stroke:", color(i), ";stroke-width:2;stroke-linejoin:round\"",
                series[i].dashed ? " stroke-dasharray=\"5 4\"" : "");
  }

  [[nodiscard]] Frame fit() const {
    constexpr double most = std::numeric_limits<double>::infinity();
    Frame frame{.x = {most, -most}, .y = {most, -most}};
    for (const Series& s : series) {
      require(s.x.empty() || s.x.size() == s.y.size(), [&] {
        return text("LineChart: the series '", s.name, "' has ", s.x.size(), " x but ", s.y.size(), " y");
      });
      for (std::size_t i = 0; i < s.y.size(); ++i) {
        const double x = x_of(s, i);
        if (!std::isfinite(x) || !std::isfinite(s.y[i])) continue;
        frame.x = {std::min(frame.x.low, x), std::max(frame.x.high, x)};
        frame.y = {std::min(frame.y.low, s.y[i]), std::max(frame.y.high, s.y[i])};
      }
    }
    require(frame.x.low <= frame.x.high, "LineChart: there is no finite value to draw");
    const auto widen = [](Range r) {
      if (r.high > r.low) return r;
      const double room = std::max(std::abs(r.low) * 0.1, 0.5);
      return Range{r.low - room, r.high + room};
    };
    frame.x = widen(frame.x);
    frame.y = widen(frame.y);
    if (y_range) {
      require(y_range->high > y_range->low, "LineChart: the y range's high end must lie above its low end");
      frame.y = *y_range;
    }
    const double step = frame.y_step = tick_step(frame.y.low, frame.y.high, 4);
    if (!y_range)
      frame.y = {std::floor(frame.y.low / step + 1e-9) * step, std::ceil(frame.y.high / step - 1e-9) * step};
    frame.right = width - 12;
    frame.top = (title.empty() ? 8 : 30) + (y_label.empty() ? 0 : 18) + (series.size() > 1 ? 22 : 0);
    frame.bottom = height - (x_label.empty() ? 26 : 44);
    require(frame.right > frame.left + 40 && frame.bottom > frame.top + 40,
            "LineChart: width or height is too small");
    return frame;
  }

  [[nodiscard]] std::string path(std::size_t index, const Frame& frame) const {
    const Series& s = series[index];
    std::string points, dots;
    bool pen = false;
    const bool shown = !s.line || s.y.size() <= 12;
    for (std::size_t i = 0; i < s.y.size(); ++i) {
      const double x = x_of(s, i);
      if (!std::isfinite(x) || !std::isfinite(s.y[i])) {
        pen = false;
        continue;
      }
      const std::string column = at(frame.column(x));
      const std::string row = at(frame.row(std::clamp(s.y[i], frame.y.low, frame.y.high)));
      points += text(pen ? "L" : "M", column, " ", row);
      pen = true;
      dots += text("<circle cx=\"", column, "\" cy=\"", row, "\" r=\"",
                   !s.line ? 2.2
                   : shown ? 3.0
                           : 6.0,
                   "\" style=\"fill:", shown ? color(index) : "transparent", s.line ? "" : ";fill-opacity:.6",
                   "\"><title>", escape(s.name), ": ", number(s.y[i], 4), " (",
                   escape(x_label.empty() ? "x" : x_label), " ", number(x, 6), ")</title></circle>");
    }
    return s.line ? text("<path d=\"", points, "\" ", stroke(index), "/>", dots) : dots;
  }

  [[nodiscard]] std::string legend(const Frame& frame) const {
    if (series.size() < 2) return {};
    std::string out;
    double x = frame.left;
    const double y = title.empty() ? 12 : 38;
    for (std::size_t i = 0; i < series.size(); ++i) {
      if (series[i].line)
        out += text("<path d=\"M", at(x), " ", at(y - 4), "h18\" ", stroke(i), "/>");
      else
        out += text("<circle cx=\"", at(x + 9), "\" cy=\"", at(y - 4), "\" r=\"3\" style=\"fill:", color(i),
                    "\"/>");
      out += label(x + 24, y, series[i].name, "start", "--ink, #1c1c1e");
      x += 24 + 7.0 * static_cast<double>(series[i].name.size()) + 18;
    }
    return out;
  }
};

}  // namespace lumen::view
