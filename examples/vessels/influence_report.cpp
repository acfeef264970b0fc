// SPDX-License-Identifier: BSD-3-Clause
#include "influence_report.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <lumen/view/close_up.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>

namespace lm = lumen;
namespace v = lumen::view;

namespace vessels {

namespace {

using v::decimals;
using v::Figure;

/// From 0 to all but the largest values.
Tensor shaded(const Tensor& map) {
  return v::colorize(map, v::colormap::viridis,
                     {0.0, std::max(v::percentile_range(map, 0, 99.5).high, 1e-300)});
}

/// The middle of a field, `half` pixels to each side of its output's pixel; its square root, so that the eye sees the tails.
Tensor around(const lm::influence::Field& field, std::int64_t half) {
  const auto middle_row = static_cast<std::int64_t>(field.row),
             middle_column = static_cast<std::int64_t>(field.column);
  const Tensor padded = at::constant_pad_nd(field.energy, {half, half, half, half});
  return padded.narrow(0, middle_row, 2 * half + 1)
      .narrow(1, middle_column, 2 * half + 1)
      .sqrt()
      .contiguous();
}

void extremes(v::Section& section, const Influence& influence, const Story& story) {
  const Tensor& image = story.sample.image;
  v::Matrix matrix{.columns = {"Image", "Its influence on the pixel"}, .side = 180};
  for (std::size_t kind = 0; kind < 2; ++kind) {
    for (const lm::influence::KeptRow& kept : influence.extremes[kind]) {
      const v::CloseUp::Pictures close = v::CloseUp{}(image, kept);
      matrix.rows.push_back(
          {.label =
               lm::text(kind == 0 ? "Many: " : "Few: ", static_cast<std::int64_t>(kept.value), " pixels"),
           .note = lm::text("row ", kept.row, ", column ", kept.column, "; probability ",
                            decimals(story.probability[kept.row][kept.column].item<double>())),
           .figures = {Figure{.picture = close.image}, Figure{.picture = close.influence}}});
    }
  }
  section.heading("Pixels that depend on the most and on the fewest others");
  section.matrix(matrix);
}

/// Means of a statistic over tenths of the probability.
v::LineChart against_probability(const Influence& influence) {
  std::vector<double> sums(10), places(10), counts(10);
  const Tensor p = influence.probability.flatten().contiguous(), y = influence.count.flatten().contiguous();
  for (std::int64_t i = 0; i < p.numel(); ++i) {
    const double at = p.data_ptr<double>()[i];
    const auto bin = static_cast<std::size_t>(std::clamp(at * 10, 0.0, 9.0));
    sums[bin] += y.data_ptr<double>()[i];
    places[bin] += at;
    ++counts[bin];
  }
  v::Series means{.name = "mean of each tenth"},
      line{.name = "line through the pixels above 0.5", .dashed = true};
  for (std::size_t bin = 0; bin < 10; ++bin) {
    if (counts[bin] == 0) continue;
    means.x.push_back(places[bin] / counts[bin]);
    means.y.push_back(sums[bin] / counts[bin]);
  }
  const Tensor sure = p.masked_select(p.gt(0.5));
  const double first = sure.numel() > 0 ? sure.min().item<double>() : 0.5,
               last = sure.numel() > 0 ? sure.max().item<double>() : 1.0;
  for (const double x : {first, last}) {
    line.x.push_back(x);
    line.y.push_back(influence.confidence.slope * x + influence.confidence.intercept);
  }
  v::LineChart chart{.title = "Pixels that matter, against confidence",
                     .x_label = "probability of vessel",
                     .series = {means}};
  if (influence.confidence.count > 1) chart.series.push_back(line);
  return chart;
}

v::LineChart near_vessel(const Influence& influence) {
  v::Series shares{.name = "share of the influence, %"};
  for (std::size_t k = 0; k < influence.near_vessel.size(); ++k) {
    shares.x.push_back(k == 0 ? 0.0 : distance_edges[k - 1]);
    shares.y.push_back(100 * influence.near_vessel[k]);
  }
  return {.title = "Where the influence comes from",
          .x_label = "distance from the label's vessels, pixels, from",
          .series = {shares}};
}

}  // namespace

void influence_section(v::Report& report, const Influence& influence, const Story& story) {
  auto& section = report.section("What every pixel depends on");
  section.text(
      lm::text("So far one question was asked of an image. Here ",
               influence.step == 1 ? "every pixel"
                                   : lm::text("one pixel of every ", influence.step, " x ", influence.step),
               " of the output of ", influence.image,
               " is asked: which pixels of the image change its log-odds of vessel, and by how much? ",
               influence.rows, " gradients, each exact, ", influence.way, "."));
  const double each = influence.seconds / static_cast<double>(influence.rows);
  section.facts({{decimals(1000 * each, 1) + " ms", "a pixel",
                  lm::text(decimals(influence.whole_pass_seconds / each, 1),
                           " times as fast as a backward pass of the whole image")},
                 {decimals(influence.seconds, 0) + " s", "for all of them",
                  lm::text("and ", decimals(influence.reducing_seconds, 1), " s to measure them")},
                 {lm::text(influence.theoretical), "pixels a side", "is as far as one can see at most"},
                 {decimals(influence.fields[1].radius(90), 1), "pixels",
                  "hold 90 % of what a vessel's pixel depends on"}});
  std::vector<Figure> figures{
      Figure{.picture = shaded(influence.count),
             .title = "Count",
             .caption = "pixels above 1 % of the image's largest influence"},
      Figure{.picture = shaded(influence.fulfilment),
             .title = "Fulfilment",
             .caption = "share of their box (10 % of the pixel's own largest)"},
      Figure{.picture = shaded(influence.mass),
             .title = "Mass",
             .caption = "sum of all influences, signs aside"},
      Figure{.picture = v::colorize(influence.of_input.mean, v::colormap::rd_yl_gn,
                                    v::symmetric_range(influence.of_input.mean, 99.5)),
             .title = "Of each image pixel",
             .caption = "its mean influence on all outputs: green for vessel, red against"}};
  for (const std::size_t g : {std::size_t{0}, std::size_t{1}}) {
    const lm::influence::Field& field = influence.fields[g];
    if (field.rows == 0) continue;
    const auto half = static_cast<std::int64_t>(std::ceil(std::max(6.0, 1.5 * field.radius(99))));
    const lm::influence::Gaussian& fit = influence.gaussians[g];
    figures.push_back({.picture = v::magnify(shaded(around(field, half)), 4),
                       .title = g == 0 ? "Field of background" : "Field of vessel",
                       .caption = lm::text("effective, ", 2 * half + 1, " pixels wide; sigma ",
                                           decimals(fit.sigma_row, 1), " x ", decimals(fit.sigma_column, 1),
                                           " pixels, R squared ", decimals(fit.r_squared))});
  }
  section.grid(figures);
  section.plots({against_probability(influence), near_vessel(influence)});
  section.note(
      lm::text("Effective receptive field: the mean squared derivative at each offset from the output's "
               "pixel (arXiv:1701.04128), its "
               "root shown; sigma: of the Gaussian that fits it best. The line has a correlation of ",
               decimals(influence.confidence.correlation), " over ", influence.confidence.count, " pixels."));
  if (!influence.extremes[0].empty()) extremes(section, influence, story);
}

}  // namespace vessels
