// SPDX-License-Identifier: BSD-3-Clause
#include "picture.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/panel.hpp>

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

/// What is needed to draw an answer.
struct Plan {
  Tensor plane, below;
  v::Colormap colors;
  v::Range range;
  std::int64_t magnify;

  Plan(const Answer& answer, const Drawing& how) : plane(plane_of(answer)) {
    require(plane.defined(), [&] {
      return text("the map of ", answer.sample.name, " has shape ", answer.map.map.sizes(),
                  ", which is no picture; leave --picture and --panel out, or explain an image");
    });
    const bool sign = plane.lt(0).any().item<bool>();
    colors = chosen(how.colors, sign);
    range = sign ? v::symmetric_range(plane, 99.5) : v::Range{0.0, v::percentile_range(plane, 0, 99.5).high};
    // a few values among zeros: their percentile is 0 too
    if (range.high <= 0) range.high = plane.max().item<double>();
    if (!sign && range.high <= 0) range = {0, 1};
    below = v::blank(plane.size(0), plane.size(1), {255, 255, 255});
    const Tensor& image = answer.sample.picture;
    if (image.defined()) {
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

Tensor overlay_of(const Answer& answer, const Drawing& how) {
  const Plan plan(answer, how);
  return v::magnify(plan.overlay(how.alpha), plan.magnify);
}

Tensor panel_of(const Answer& answer, const std::string& method, const Drawing& how) {
  const Plan plan(answer, how);
  std::string caption = text("score ", v::number(answer.map.score.item<double>()));
  if (answer.map.completeness_error.defined()) {
    caption += text(", completeness error ", v::number(answer.map.completeness_error.item<double>(), 2));
  }
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
