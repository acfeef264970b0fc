// SPDX-License-Identifier: BSD-3-Clause
// The original's experiments on vessels: noise around an image, penalties on the weights, and what single pixels depend on.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <lumen/view/close_up.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/panel.hpp>

#include "parts.hpp"

namespace lm = lumen;
namespace v = lumen::view;

namespace studies::vessels {

namespace {

using v::decimals;
using v::number;

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> list(const Tensor& values) {
  const Tensor flat = values.to(at::kCPU, at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

/// A histogram as a line: log10(1 + count) over the bins' centres.
v::Series line_of(const std::string& name, const Tensor& counts, double end) {
  v::Series out{.name = name};
  const std::vector<double> values = list(counts);
  const double width = 2 * end / static_cast<double>(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.x.push_back(-end + (static_cast<double>(i) + 0.5) * width);
    out.y.push_back(std::log10(1 + values[i]));
  }
  return out;
}

void about_weights(Findings& found, const std::vector<Network>& networks) {
  auto& section = found.report.section("Weights");
  v::Table table{
      .headers = {"Network", "Test IoU", "Weights", "above 0.001", "%", "at most 1e-8", "Gini index"},
      .best = {v::Best::None, v::Best::Highest}};
  std::vector<v::LineChart> charts{
      {.title = "Weights near zero", .x_label = "weight", .y_label = "log10 (1 + weights in the bin)"},
      {.title = "Weights", .x_label = "weight", .y_label = "log10 (1 + weights in the bin)"}};
  for (const Network& network : networks) {
    const Weights weights = weights_of(network);
    table.rows.push_back(
        {network.name, decimals(mean(network.ious)), lm::text(weights.count), lm::text(weights.above),
         decimals(100.0 * static_cast<double>(weights.above) / static_cast<double>(weights.count), 1),
         lm::text(weights.tiny), decimals(weights.gini)});
    charts[0].series.push_back(line_of(network.file, weights.near, near_end));
    charts[1].series.push_back(line_of(network.file, weights.whole, whole_end));
    found.numbers["networks"][network.file] = {{"test_iou", mean(network.ious)},
                                               {"l1", network.l1},
                                               {"l2", network.l2},
                                               {"weights",
                                                {{"count", weights.count},
                                                 {"above_1e-3", weights.above},
                                                 {"at_most_1e-8", weights.tiny},
                                                 {"gini", weights.gini}}}};
  }
  section.table(table);
  section.plots(charts);
  section.note(lm::text(
      "Weights of all convolutions, those of the transposed ones included; neither biases nor "
      "normalisation. ",
      weight_bins, " bins from -", near_end, " to ", near_end, ", and from -", whole_end, " to ", whole_end,
      ". Adam divides each weight's gradient by its size: a weight that the images do not need falls at the "
      "learning rate's pace, "
      "crosses zero and comes back, so that few end at it."));
}

/// A row's statistics as points, with the line through those above one half.
v::LineChart against_confidence(const std::string& title, const Rows& rows) {
  v::Series points{
      .name = "pixel", .y = list(rows.counts[one_percent]), .x = list(rows.probability), .line = false};
  v::LineChart chart{.title = title, .x_label = "probability of vessel", .y_label = "pixels that count"};
  if (rows.confidence.count > 1) {
    v::Series line{.name = "fit above 0.5", .dashed = true};
    for (const double x : {0.5, 1.0}) {
      line.x.push_back(x);
      line.y.push_back(rows.confidence.slope * x + rows.confidence.intercept);
    }
    chart.series = {points, line};
  } else {
    chart.series = {points};
  }
  return chart;
}

nlohmann::ordered_json json(const Rows& rows) {
  nlohmann::ordered_json out{{"peak", rows.peak},
                             {"mean_highest", rows.highest},
                             {"mean_lowest", rows.lowest},
                             {"mean_gini", rows.gini},
                             {"share_above_0.1", rows.large},
                             {"count_against_probability",
                              {{"slope", rows.confidence.slope},
                               {"intercept", rows.confidence.intercept},
                               {"correlation", rows.confidence.correlation},
                               {"pixels", rows.confidence.count}}}};
  for (std::size_t k = 0; k < levels.size(); ++k)
    out["thresholds"].push_back({{"part_of_peak", levels[k]},
                                 {"threshold", rows.levels[k]},
                                 {"mean_count", rows.counts[k].mean().item<double>()},
                                 {"mean_box_area", rows.areas[k].mean().item<double>()},
                                 {"mean_fulfilment", rows.fills[k].mean().item<double>()}});
  return out;
}

void about_rows(Findings& found, const std::vector<Network>& networks,
                const std::vector<std::array<Rows, 2>>& all, const std::vector<Place>& places,
                std::size_t images) {
  auto& section = found.report.section("Rows of pixels on centre lines");
  section.text(lm::text(
      "For each of ", places.size(), " pixels on the centre lines of ", images,
      " test images, drawn by the seed and the same for all networks: the derivatives of its probability of "
      "vessel by every pixel of the image, and those of its log-odds."));
  v::Table table{.headers = {"Network", "Largest magnitude", "Mean highest", "Mean lowest",
                             "Values above 0.1, %", "Gini index"}};
  v::LineChart values{.title = "Values of the rows (probability)",
                      .x_label = "derivative, 1 / brightness",
                      .y_label = "log10 (1 + values in the bin)"};
  std::vector<v::LineChart> scatters{{.title = "Sparsity against the pixel's probability",
                                      .x_label = "probability of vessel",
                                      .y_label = "Gini index of the row"},
                                     {.title = "Against the pixel's probability",
                                      .x_label = "probability of vessel",
                                      .y_label = "largest magnitude"},
                                     {.title = "Against its brightness",
                                      .x_label = "brightness (white is 1)",
                                      .y_label = "largest magnitude"}};
  for (std::size_t n = 0; n < networks.size(); ++n) {
    const Rows& rows = all[n][0];
    table.rows.push_back({networks[n].name, number(rows.peak), number(rows.highest), number(rows.lowest),
                          decimals(100 * rows.large, 2), decimals(rows.gini)});
    values.series.push_back(line_of(networks[n].file, rows.values.counts.to(at::kDouble), 1.0));
    const auto points = [&](const Tensor& y, const Tensor& x) {
      return v::Series{.name = networks[n].file, .y = list(y), .x = list(x), .line = false};
    };
    scatters[0].series.push_back(points(rows.sparsity, rows.probability));
    scatters[1].series.push_back(points(rows.extreme, rows.probability));
    scatters[2].series.push_back(points(rows.extreme, rows.brightness));
    for (const std::size_t t : {std::size_t{0}, std::size_t{1}})
      found.numbers["networks"][networks[n].file][t == 0 ? "rows_of_probability" : "rows_of_log_odds"] =
          json(all[n][t]);
  }
  section.table(table);
  section.plots({values, scatters[0], scatters[1], scatters[2]});
  section.note(
      "The table is of the probability. Gini index (arXiv:0811.4706) of each row's magnitudes over the whole "
      "image, the mean: 0 is even, "
      "near 1 is one pixel. A row's values far from its pixel are zero, and not in the histogram.");

  auto& thresholds = found.report.section("Thresholds and boxes");
  v::Table boxes{
      .headers = {"Network", "Part of the largest", "Threshold", "Count", "Box, pixels", "Fulfilment"}};
  for (std::size_t n = 0; n < networks.size(); ++n)
    for (std::size_t k = 0; k < levels.size(); ++k) {
      const Rows& rows = all[n][0];
      boxes.rows.push_back({networks[n].name, number(levels[k]), number(rows.levels[k]),
                            decimals(rows.counts[k].mean().item<double>(), 1),
                            decimals(rows.areas[k].mean().item<double>(), 1),
                            decimals(rows.fills[k].mean().item<double>())});
    }
  thresholds.table(boxes);
  thresholds.note(
      "Means over the pixels, of the rows of the probability. A value counts whose magnitude is above a part "
      "of the largest one of all "
      "the network's rows; box: the smallest rectangle that holds those of a row; fulfilment: count over "
      "box.");

  auto& confidence = found.report.section("Count against confidence");
  std::vector<v::LineChart> charts;
  v::Table fits{.headers = {"Network", "Derivatives of", "Slope, pixels", "Correlation", "Pixels above 0.5"}};
  for (std::size_t n = 0; n < networks.size(); ++n)
    for (const std::size_t t : {std::size_t{0}, std::size_t{1}}) {
      const Rows& rows = all[n][t];
      const std::string of = t == 0 ? "probability" : "log-odds";
      charts.push_back(against_confidence(networks[n].file + ", " + of, rows));
      fits.rows.push_back({networks[n].name, of, decimals(rows.confidence.slope, 1),
                           decimals(rows.confidence.correlation, 2), lm::text(rows.confidence.count)});
    }
  confidence.plots(charts);
  confidence.table(fits);
  confidence.note(
      "Values above 1 % of the largest one count. The probability is p = 1 / (1 + exp(-z)), so that its "
      "derivatives are those of the "
      "log-odds z times p (1 - p): where the network is sure they all fall below any threshold. The log-odds "
      "do not know that factor.");
}

void about_extremes(Findings& found, const std::vector<Network>& networks,
                    const std::vector<std::array<Rows, 2>>& all, const std::vector<Place>& places,
                    const VesselImages& images) {
  constexpr std::size_t shown = 3;
  auto& section = found.report.section("The rows of the largest and smallest counts");
  for (std::size_t n = 0; n < networks.size(); ++n) {
    const Rows& rows = all[n][0];
    const std::vector<double> counts = list(rows.counts[one_percent]);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < counts.size(); ++i)
      if (counts[i] >= 1) order.push_back(i);
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
    const std::size_t each = std::min(shown, order.size() / 2);
    v::Matrix matrix{.side = 130};
    v::MatrixRow image{.label = networks[n].name, .note = "image"},
        influence{.label = "", .note = "its influence"};
    for (std::size_t k = 0; k < 2 * each; ++k) {
      const std::size_t at = k < each ? order[k] : order[order.size() - 2 * each + k];
      const Place& place = places[at];
      const auto kept = kept_row(networks[n], images, place, rows.levels[one_percent]);
      const auto pictures =
          v::CloseUp{.side = 64, .box_above = rows.levels[one_percent]}(images.test[place.image].image, kept);
      matrix.columns.push_back(k < each ? "many" : "few");
      image.figures.push_back({.picture = v::magnify(pictures.image, 2)});
      influence.figures.push_back(
          {.picture = v::magnify(pictures.influence, 2),
           .caption = lm::text(static_cast<std::int64_t>(kept.value), " pixels, p ",
                               decimals(rows.probability[static_cast<std::int64_t>(at)].item<double>()))});
      found.numbers["networks"][networks[n].file][k < each ? "many" : "few"].push_back(
          {{"image", images.test[place.image].name},
           {"row", place.row},
           {"column", place.column},
           {"count", kept.value}});
    }
    if (each == 0) continue;
    matrix.rows = {std::move(image), std::move(influence)};
    section.matrix(matrix);
  }
  section.note(
      "64 x 64 pixels around the asked one (cross). Green raises, red lowers its probability of vessel; each "
      "picture has its own scale, "
      "symmetric, to the 98th percentile. Blue: the box of the values above 1 % of the network's largest. "
      "Rows without such a value are left out.");
}

void about_noise(Findings& found, const Setting& setting, const std::vector<Network>& networks,
                 const std::vector<Grid>& grids) {
  auto& section = found.report.section("Noise around the image");
  const std::array<std::string, 3> names{"SmoothGrad", "SmoothGrad-Squared", "VarGrad"},
      files{"smooth_grad", "smooth_grad_squared", "var_grad"};
  const Grid& grid = grids.front();
  const Tensor plane = grid.sample.image.mean(0);
  section.text(lm::text("Why does the network without a penalty see a vessel at row ", grid.row, ", column ",
                        grid.column, " of ", grid.sample.name,
                        "? Its gradient of the log-odds there, over noisy copies of the image. The "
                        "image's values have a standard deviation of ",
                        decimals(plane.std().item<double>()), "."));
  const std::int64_t side = std::min<std::int64_t>(64, std::min(plane.size(0), plane.size(1)));
  const std::int64_t top = std::clamp<std::int64_t>(grid.row - side / 2, 0, plane.size(0) - side),
                     left = std::clamp<std::int64_t>(grid.column - side / 2, 0, plane.size(1) - side);
  const auto part = [&](const Tensor& map) {
    return map.narrow(0, top, side).narrow(1, left, side).contiguous();
  };
  const Tensor shown = v::picture(part(plane), v::percentile_range(plane, 0.5, 99.5));
  const v::Mark cross{.row = grid.row - top, .column = grid.column - left, .radius = 6};
  const Tensor plain = part(grid.plain);
  const v::Range range = v::symmetric_range(plain, 99.0);
  v::Panel first{.columns = 3, .magnify = 3};
  first.cells = {{.picture = shown, .title = "image", .marks = {cross}},
                 {.picture = v::tint(shown, v::outline(part(grid.sample.label.eq(1))), {255, 214, 10}),
                  .title = "label"},
                 {.picture = v::colorize(plain, v::colormap::rd_yl_gn, range),
                  .title = "gradient without noise",
                  .bar = v::ColorBar{v::colormap::rd_yl_gn, range}}};
  section.figure({.picture = first.draw(),
                  .caption = "The gradient's unit is log-odds for a change of brightness by 1."});
  for (std::size_t k = 0; k < 3; ++k) {
    v::Panel panel{
        .columns = static_cast<std::int64_t>(setting.stdevs.size()), .magnify = 2, .text = 1, .gap = 10};
    for (const std::int64_t samples : setting.samples)
      for (const Noisy& cell : grid.cells) {
        if (cell.samples != samples) continue;
        const Tensor map = part(cell.maps[k]);
        const v::Range ends =
            k == 0 ? v::symmetric_range(map, 99.0) : v::Range{0, v::percentile_range(map, 0, 99.0).high};
        const v::Colormap& colors = k == 0 ? v::colormap::rd_yl_gn : v::colormap::greens;
        panel.cells.push_back({.picture = v::colorize(map, colors, ends),
                               .title = lm::text("noise ", number(cell.stdev), ", ", samples, " copies"),
                               .bar = v::ColorBar{colors, ends}});
      }
    section.heading(names[k]);
    section.figure({.picture = panel.draw(),
                    .caption = "Each map has its own scale, to its 99th percentile; noise: standard "
                               "deviation, in units of the image (white is 1).",
                    .alt = names[k]});
  }
  v::Table table{.headers = {"Network", "Noise", "Copies", "Cosine with the gradient", "Standard error, %",
                             "SmoothGrad in vessels, %", "Squared, %", "VarGrad, %"}};
  for (std::size_t n = 0; n < networks.size(); ++n) {
    found.numbers["noise"][networks[n].file]["gradient_in_vessels"] = grids[n].inside;
    for (const Noisy& cell : grids[n].cells) {
      nlohmann::ordered_json row{{"stdev", cell.stdev},
                                 {"samples", cell.samples},
                                 {"cosine", cell.cosine},
                                 {"relative_standard_error", cell.error}};
      for (std::size_t k = 0; k < 3; ++k) row[files[k] + "_in_vessels"] = cell.inside[k];
      found.numbers["noise"][networks[n].file]["cells"].push_back(row);
      if (cell.samples != setting.samples.back()) continue;
      table.rows.push_back({networks[n].name, number(cell.stdev), lm::text(cell.samples),
                            decimals(cell.cosine, 2), decimals(100 * cell.error, 0),
                            decimals(100 * cell.inside[0], 0), decimals(100 * cell.inside[1], 0),
                            decimals(100 * cell.inside[2], 0)});
    }
  }
  section.table(table);
  section.note(
      lm::text("Standard error of the mean over the copies, over the mean, both as lengths of all pixels "
               "together. In vessels: the share "
               "of a map's mass on the label's vessels, which cover ",
               decimals(100 * grid.sample.label.eq(1).to(at::kDouble).mean().item<double>(), 0),
               " % of the image; of the gradient without noise it is ", decimals(100 * grid.inside, 0),
               " % (no penalty)."));
  const Noisy& last = grid.cells.back();
  for (std::size_t k = 0; k < 3; ++k) found.maps.emplace_back(files[k], last.maps[k]);
  found.maps.emplace_back("gradient", grid.plain);
}

Findings work(const Options& options) {
  const Setting setting = options.quick ? Setting{.crop = 48,
                                                  .views = 8,
                                                  .epochs = 6,
                                                  .pixels = 6,
                                                  .stdevs = {0.05, 0.2, 1},
                                                  .samples = {3, 10}}
                                        : Setting{};
  const std::size_t train_count = options.size > 0 ? options.size : options.quick ? 12 : 24;
  const VesselImages images =
      vessel_images(options, train_count, std::max<std::size_t>(2, train_count / 4), options.quick ? 6 : 20,
                    options.quick && options.data.empty() ? 64 : 128);
  const std::vector<Network> networks = train(setting, images, options.seed, options.progress);
  const std::vector<Place> places = choose_places(images, setting.pixels, options.seed);
  lm::require(!places.empty(), "no test image has a vessel: give other images");

  Findings found;
  found.report.title = "Vessels: penalties, rows and noise";
  found.numbers["data"] = images.drawn ? "drawn" : "given";
  found.numbers["images"] = {
      {"train", images.train.size()}, {"validation", images.validation.size()}, {"test", images.test.size()}};
  found.numbers["pixels"] = places.size();
  about_weights(found, networks);
  std::vector<std::array<Rows, 2>> rows;
  for (const Network& network : networks) rows.push_back(rows_of(network, images, places));
  about_rows(found, networks, rows, places, images.test.size());
  about_extremes(found, networks, rows, places, images);
  // the test image of the middle IoU of the network without a penalty
  std::vector<std::size_t> order(images.test.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return networks.front().ious[a] < networks.front().ious[b];
  });
  std::vector<Grid> grids;
  for (const Network& network : networks)
    grids.push_back(
        noise_grid(setting, network, images.test[order[order.size() / 2]], options.seed, options.progress));
  about_noise(found, setting, networks, grids);
  found.report.lead = lm::text(
      "Three small U-Nets with the same initial weights learn to find vessels in ", images.train.size(), " ",
      images.words, ": with cross-entropy alone, with the sum of the weights' magnitudes added (L1, times ",
      setting.l1, "), and with that of their squares (L2, times ", setting.l2,
      "). How sparse are their weights, and their gradients? How do thresholds, "
      "confidence and noise change what is seen?");
  auto& how = found.report.section("How");
  how.note(lm::text("U-Nets of width ", setting.width, "; Adam from ", setting.rate,
                    ", falling to a twentieth along a cosine, ", setting.epochs, " epochs of ", setting.views,
                    " flipped, transposed, brightened crops of ", setting.crop, " x ", setting.crop,
                    " pixels of each image, batches of ", setting.batch, "; the epoch of the highest IoU on ",
                    images.validation.size(), " validation images is kept; ", images.test.size(),
                    " test images."));
  if (images.drawn)
    found.report.footnotes.push_back(lm::text("The images are drawn. For real ones: ", vessmap, "."));
  return found;
}

}  // namespace

}  // namespace studies::vessels

int main(int argc, char** argv) {
  return studies::run(argc, argv,
                      {.name = "vessels",
                       .about = "Networks of vessels without and with penalties on their weights: sparsity, "
                                "rows of the Jacobian, noise.",
                       .data = lm::text(studies::vessmap, ". Without it vessels are drawn"),
                       .work = studies::vessels::work});
}
