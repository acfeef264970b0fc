// SPDX-License-Identifier: BSD-3-Clause
// A vessel fades away under one pixel: what do a network that was trained on whole vessels, and one that was trained on
// fading ones, make of it?
#include <algorithm>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/influence/at_pixel.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/train/trainer.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/mark.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/pair_grid.hpp>

#include "common/study.hpp"
#include "world.hpp"

namespace lm = lumen;
namespace inf = lumen::influence;

namespace studies::faded {

namespace {

using lm::view::decimals;
using Network = std::function<Tensor(const Tensor&)>;

/// What a network makes of one image.
struct Step {
  Tensor said{};             ///< the probability of vessel of every pixel, [H, W]
  double probability = 0;    ///< at the pixel
  inf::PixelInfluence on{};  ///< on the pixel's log-odds; `inside`: where the series fades
  Tensor counts{};           ///< how many pixels each of every few pixels depends on
  double found = 0;          ///< share of the fading pixels that are called vessel
};

struct Watched {
  std::string name{}, file{};
  double iou = 0;
  std::vector<Step> steps{};
};

/// Both networks see as many crops; of one, half of them come from images with faded vessels.
Network train(const World& world, bool fades, const Options& options, double& iou) {
  lm::net::UNet net = lm::net::seeded(options.seed, [] { return lm::net::UNet(); });
  const lm::data::Dataset training(fades ? with_faded(world.training, options.seed) : world.training,
                                   {.crop = options.size > 0 ? 32 : 96, .seed = options.seed}, fades ? 2 : 4);
  const auto history = lm::train::Trainer{.epochs = options.size > 0 ? 1
                                                    : options.quick  ? 12
                                                                     : 24,
                                          .average = 0.98,
                                          .progress = options.progress,
                                          .seed = options.seed}(net, training, world.testing);
  iou = history[lm::train::best_epoch(history).value()].test_iou;
  return [net](const Tensor& x) mutable { return net->forward(x); };
}

Step measure(const Network& net, const Series& series, const Tensor& image, std::int64_t every) {
  const Tensor x = image.unsqueeze(0);
  //! [measure]
  const lm::AnyTarget vessel = lm::target::LogOdds{lm::target::Class{.index = 1}};
  Step step{.on = inf::at_pixel(net, x, series.row, series.column, vessel, series.fading())};
  const auto counted = inf::Reduce{}(
      [&](const inf::RowSink& sink) { inf::rows(net, x, inf::Every{.step = every}, {vessel}, sink); },
      inf::Count{{.level = 0.01, .of = inf::Threshold::Of::Image}});
  //! [measure]
  step.counts = std::get<0>(counted.results)
                    .slice(0, 0, image.size(1), every)
                    .slice(1, 0, image.size(2), every)
                    .contiguous();
  const at::NoGradGuard no_gradient;
  step.said = at::softmax(net(x), 1)[0][1];
  step.probability = step.said[series.row][series.column].item<double>();
  step.found = step.said.masked_select(series.fading()).gt(0.5).to(at::kDouble).mean().item<double>();
  return step;
}

Watched watch(const World& world, bool fades, std::int64_t every, const Options& options) {
  Watched out{.name = fades ? "with faded vessels" : "without faded vessels",
              .file = fades ? "with" : "without"};
  const Network net = train(world, fades, options, out.iou);
  for (const auto& [name, image] : world.series.images)
    out.steps.push_back(measure(net, world.series, image, every));
  return out;
}

lm::view::LineChart chart(const std::vector<Watched>& nets, const std::string& title, const std::string& unit,
                          double (*value)(const Step&)) {
  lm::view::LineChart drawing{.title = title, .x_label = "image of the series", .y_label = unit};
  for (const Watched& net : nets) {
    lm::view::Series line{.name = net.name, .dashed = &net == &nets.front()};
    for (const Step& step : net.steps) {
      line.x.push_back(static_cast<double>(line.x.size()));
      line.y.push_back(value(step));
    }
    drawing.series.push_back(line);
  }
  return drawing;
}

void the_pixel(Findings& found, const Series& series, const std::vector<Watched>& nets) {
  auto& section = found.report.section("The pixel");
  section.text(lm::text("Row ", series.row, ", column ", series.column,
                        ", in the middle of the vessel that fades. Image 0 is the whole one."));
  section.plots(
      {chart(nets, "Probability of vessel at the pixel", "probability",
             [](const Step& step) { return step.probability; }),
       chart(nets, "The vessel where it fades", "share called vessel, %",
             [](const Step& step) { return 100 * step.found; }),
       chart(nets, "Pixels that the pixel depends on", "pixels",
             [](const Step& step) { return step.on.count; }),
       chart(nets, "Influence from where the vessel fades", "share of all influence on the pixel, %",
             [](const Step& step) { return 100 * step.on.inside; })});
  section.note(
      "Where it fades: the pixels that differ between the first image and the last. Pixels that it depends "
      "on: whose "
      "derivative is above 1 % of the row's largest magnitude.");
  lm::view::Table table{
      .headers = {"Faded in training", "Image", "Probability", "Found, %", "Count", "Box, pixels",
                  "Fulfilment", "For vessel", "Against", "Radius 90 %", "Where it fades, %"},
      .caption =
          "For and against: sums of the positive and negative derivatives, log-odds for a change of "
          "brightness "
          "by 1. Radius: within which 90 % of the squared derivatives lie, pixels."};
  for (const Watched& net : nets)
    for (std::size_t i = 0; i < net.steps.size(); ++i) {
      const Step& step = net.steps[i];
      const std::string& image = series.images[i].first;
      table.rows.push_back({net.file, image, decimals(step.probability), decimals(100 * step.found, 0),
                            decimals(step.on.count, 0), decimals(step.on.box_area, 0),
                            decimals(step.on.fulfilment), lm::view::number(step.on.positive),
                            lm::view::number(step.on.negative), decimals(step.on.radius, 1),
                            decimals(100 * step.on.inside, 0)});
      found.numbers["steps"].push_back({{"network", net.file},
                                        {"image", image},
                                        {"probability", step.probability},
                                        {"found", step.found},
                                        {"count", step.on.count},
                                        {"fulfilment", step.on.fulfilment},
                                        {"positive", step.on.positive},
                                        {"negative", step.on.negative},
                                        {"radius_90", step.on.radius},
                                        {"inside", step.on.inside},
                                        {"mean_count", step.counts.mean().item<double>()}});
    }
  section.table(table);
}

/// A square about the pixel.
struct Window {
  std::int64_t top = 0, left = 0, height = 0, width = 0;

  Window(const Series& series, const Tensor& plane, std::int64_t side)
      : height(std::min(side, plane.size(0))), width(std::min(side, plane.size(1))) {
    top = std::clamp<std::int64_t>(series.row - height / 2, 0, plane.size(0) - height);
    left = std::clamp<std::int64_t>(series.column - width / 2, 0, plane.size(1) - width);
  }
  [[nodiscard]] Tensor of(const Tensor& plane) const {
    return plane.narrow(0, top, height).narrow(1, left, width).contiguous();
  }
};

void pictures(Findings& found, const Series& series, const std::vector<Watched>& nets, std::int64_t every) {
  auto& section = found.report.section("Answers, influence, counts");
  section.text(
      "The two networks' figures of one kind share their scale. The cross marks the pixel. Counts are of "
      "every "
      "few pixels of the output, above 1 % of the image's largest influence.");
  const Window window(series, series.images.front().second[0], 64);
  double most = 0, largest = 0;
  for (const Watched& net : nets)
    for (const Step& step : net.steps) {
      most = std::max(most, lm::view::symmetric_range(step.on.row, 99.9).high);
      largest = std::max(largest, step.counts.max().item<double>());
    }
  for (const Watched& net : nets) {
    const std::int64_t side = series.images.front().second.size(2);
    lm::view::PairGrid said{.columns = 4,
                            .magnify = std::max<std::int64_t>(1, 256 / side),
                            .colors = lm::view::colormap::viridis,
                            .range = lm::view::Range{0, 1},
                            .unit = "probability of vessel",
                            .text = 1},
        rows{.columns = 4,
             .magnify = 2,
             .colors = lm::view::colormap::rd_yl_gn,
             .range = lm::view::Range{-most, most},
             .unit = "log-odds of the pixel for a change of brightness by 1",
             .text = 1},
        counts{.columns = 6,
               .magnify = std::max<std::int64_t>(1, 160 * every / side),
               .colors = lm::view::colormap::viridis,
               .range = lm::view::Range{0, largest},
               .unit = "pixels",
               .text = 1};
    for (std::size_t i = 0; i < net.steps.size(); ++i) {
      const auto& [name, image] = series.images[i];
      const Step& step = net.steps[i];
      Tensor place = lm::view::picture(window.of(image[0]), lm::view::percentile_range(image[0], 0.5, 99.5));
      lm::view::draw(place,
                     {.row = series.row - window.top, .column = series.column - window.left, .radius = 5});
      rows.pairs.push_back({.image = place,
                            .map = window.of(step.on.row),
                            .title = lm::text(name, ", p ", decimals(step.probability, 2))});
      said.pairs.push_back({.map = step.said, .title = name});
      counts.pairs.push_back({.map = step.counts, .title = name});
      const std::string stem = lm::text(net.file, ".", i);
      found.maps.emplace_back(stem + ".said", step.said);
      found.maps.emplace_back(stem + ".row", step.on.row);
      found.maps.emplace_back(stem + ".count", step.counts);
    }
    section.heading(lm::text("Trained ", net.name));
    section.figure({.picture = said.draw(), .title = "What the network says"});
    section.figure(
        {.picture = rows.draw(),
         .title = "What the pixel depends on",
         .caption = lm::text("The ", window.height, " x ", window.width,
                             " pixels around it, and the derivative of its log-odds by each of them; "
                             "green speaks for vessel. p: its probability.")});
    section.figure({.picture = counts.draw(),
                    .title = "How many pixels each pixel depends on",
                    .caption = lm::text("Every ", every, "th pixel of every ", every, "th row.")});
  }
}

Findings work(const Options& options) {
  const World world = load(options);
  const Series& series = world.series;
  const std::int64_t every = options.size > 0 ? 16 : 4;
  const std::vector<Watched> nets{watch(world, false, every, options), watch(world, true, every, options)};

  Findings found;
  found.report.title = "A vessel that fades";
  found.report.lead =
      "One pixel in the middle of a vessel is watched while the vessel fades. Two networks of one kind, "
      "trained on "
      "equally many crops of the same images; for one of them, half of the crops came from images with faded "
      "vessels, labelled as if they were whole.";
  found.report.byline = lm::text(world.words, "; the series: ", series.words, ".");
  found.numbers["study"] = "faded";
  found.numbers["data"] = world.words;
  found.numbers["series"] = series.words;
  found.numbers["seed"] = options.seed;
  found.numbers["pixel"] = {series.row, series.column};
  for (const Watched& net : nets) found.numbers["iou"][net.file] = net.iou;
  found.report.section("The networks")
      .facts({{decimals(nets[0].iou), "test IoU, trained " + nets[0].name, "best epoch, whole vessels"},
              {decimals(nets[1].iou), "test IoU, trained " + nets[1].name, "best epoch, whole vessels"}});
  the_pixel(found, series, nets);
  pictures(found, series, nets, every);
  return found;
}

}  // namespace

}  // namespace studies::faded

int main(int argc, char** argv) {
  return studies::run(
      argc, argv,
      {.name = "faded",
       .about = "A vessel fades under one pixel: networks trained with and without such images are watched.",
       .data = std::string(
                   "VessMAP (images/, labels/, skeletons/; in it, in vessmap/ or in data/VessMap/) and the "
                   "original's series (augmented_vessels/, in it, in data/ or in seed/): ") +
               studies::original + "; default: synthetic vessels, and a series made of one of them",
       .work = studies::faded::work});
}
