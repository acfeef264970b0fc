// SPDX-License-Identifier: BSD-3-Clause
#include "picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/panel.hpp>

#include "plot.hpp"

namespace cli {

namespace {

namespace v = lm::view;

constexpr std::array<std::pair<std::string_view, v::Colormap>, 7> color_maps{
    {{"rd-yl-gn", v::colormap::rd_yl_gn},
     {"rd-bu", v::colormap::rd_bu},
     {"viridis", v::colormap::viridis},
     {"greens", v::colormap::greens},
     {"reds", v::colormap::reds},
     {"blues", v::colormap::blues},
     {"gray", v::colormap::gray}}};

/// Whether the answer is one line, which is plotted.
bool is_line(const Answer& answer, std::size_t part) {
  return !plane_of(answer, part).defined() && line_of(answer.map.map[part]).defined();
}

Plot plot_of(const Answer& answer, std::size_t part) {
  Plot plot{.map = line_of(answer.map.map[part])};
  const auto& pictures = answer.sample.pictures;
  const Tensor input = part < pictures.size() ? pictures[part] : Tensor();
  if (input.defined() && input.dim() <= 2 && input.size(-1) == plot.map.size(0)) plot.input = input;
  return plot;
}

/// What is needed to draw an answer.
struct Plan {
  Tensor plane, below;
  v::Colormap colors;
  v::Range range;
  std::int64_t magnify;

  Plan(const Answer& answer, std::size_t part, const Drawing& how) : plane(plane_of(answer, part)) {
    require(plane.defined(), [&] {
      return text("the map of ", answer.sample.name, " has shape ", answer.map.map[part].sizes(),
                  ", which is no picture; leave --picture and --panel out, or explain an image or a signal");
    });
    const double least = plane.min().item<double>(), most = plane.max().item<double>();
    // one sign, and nowhere near 0, as RISE's, whose values lie about the mean score
    const bool far =
        least < most && least * most > 0 &&
        2 * std::min(std::abs(least), std::abs(most)) > std::max(std::abs(least), std::abs(most));
    const bool sign = !far && least < 0;
    colors = chosen(how.colors, sign);
    range = far    ? v::percentile_range(plane, 0.5, 99.5)
            : sign ? v::symmetric_range(plane, 99.5)
                   : v::Range{0.0, v::percentile_range(plane, 0, 99.5).high};
    // a few values among zeros: their percentile is 0 too
    if (!far && range.high <= 0) range.high = most;
    if (!far && !sign && range.high <= 0) range = {0, 1};
    below = v::blank(plane.size(0), plane.size(1), {255, 255, 255});
    const auto& pictures = answer.sample.pictures;
    const Tensor image = part < pictures.size() ? pictures[part] : Tensor();
    if (image.defined() && image.dim() == 3) {
      const double low = image.min().item<double>(), high = image.max().item<double>();
      const bool shown = low >= 0 && high <= 1;  // an array in other units is stretched
      below = v::picture(image, shown || high <= low ? v::Range{} : v::Range{low, high});
    }
    const std::int64_t side = std::min(plane.size(0), plane.size(1));
    magnify = how.magnify > 0 ? how.magnify : std::max<std::int64_t>(1, (256 + side / 2) / side);
  }

  static v::Colormap chosen(const std::string& name, bool sign) {
    if (name == "auto") return sign ? v::colormap::rd_yl_gn : v::colormap::viridis;
    for (const auto& [known, map] : color_maps) {
      if (known == name) return map;
    }
    throw Error(text("--colors ", name, ": expected ", color_names()));
  }

  /// Over a gray image, whose colours cannot be taken for the map's.
  [[nodiscard]] Tensor overlay(double alpha) const {
    const Tensor gray = below.to(at::kFloat).mean(0, true) / 255;
    return v::Overlay{.colors = colors, .range = range, .alpha = alpha}(gray, plane);
  }
};

}  // namespace

std::string color_names() {
  std::string all = "auto";
  for (const auto& [name, map] : color_maps) all += ", " + std::string(name);
  return all;
}

Tensor overlay_of(const Answer& answer, std::size_t part, const Drawing& how) {
  if (is_line(answer, part)) return plot_of(answer, part).draw();
  const Plan plan(answer, part, how);
  return v::magnify(plan.overlay(how.alpha), plan.magnify);
}

Tensor panel_of(const Answer& answer, std::size_t part, const std::string& method, const Drawing& how) {
  std::string caption = text("score ", v::number(answer.map.score.item<double>()));
  if (answer.map.completeness_error.defined()) {
    caption += text(", completeness error ", v::number(answer.map.completeness_error.item<double>(), 2));
  }
  if (is_line(answer, part)) {
    Plot plot = plot_of(answer, part);
    plot.title = text(method, ", target ", answer.target, ", ", caption);
    return plot.draw();
  }
  const Plan plan(answer, part, how);
  return v::Panel{.cells = {{.picture = plan.below, .title = "Image", .caption = answer.sample.stem},
                            {.picture = v::colorize(plan.plane, plan.colors, plan.range),
                             .title = method,
                             .caption = caption,
                             .bar = v::ColorBar{plan.colors, plan.range}},
                            {.picture = plan.overlay(how.alpha), .title = "target " + answer.target}},
                  .columns = 3,
                  .magnify = plan.magnify}
      .draw();
}

}  // namespace cli
