// SPDX-License-Identifier: BSD-3-Clause
// A vessel fades away under one pixel: what do a network that was trained on whole vessels, and one that was trained on
// fading ones, make of it?
#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/data/random.hpp>
#include <lumen/data/split.hpp>
#include <lumen/data/synthetic.hpp>
#include <lumen/data/vessmap.hpp>
#include <lumen/influence/at_pixel.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/io/image.hpp>
#include <lumen/io/read.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/perturb/fade.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/train/trainer.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/mark.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/pair_grid.hpp>

#include "common/study.hpp"

namespace lm = lumen;
namespace inf = lumen::influence;

namespace studies::faded {

namespace {

using lm::view::decimals;
using lm::view::Figure;
using Samples = std::vector<lm::data::Sample>;
using Network = std::function<Tensor(const Tensor&)>;

/// The same pixel of images in which its vessel is ever fainter.
struct Series {
  std::vector<std::pair<std::string, Tensor>> images{};  ///< [1, H, W]
  std::int64_t row = 0, column = 0;
  std::string words{};
};

struct World {
  Samples training{}, testing{};
  Series series{};
  std::string words{};
};

fs::path folder_of(const fs::path& data, const std::vector<fs::path>& names) {
  for (const fs::path& name : names)
    if (fs::exists(data / name)) return data / name;
  return {};
}

Series read_series(const fs::path& folder) {
  Series series{.words = "the original's images, " + folder.filename().string()};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (lm::io::extension(entry.path()) == ".tiff") files.push_back(entry.path());
  std::ranges::sort(files, {}, [](const fs::path& file) {
    return std::pair(file.stem() != "original", file.stem().string());
  });
  for (const fs::path& file : files)
    series.images.emplace_back(file.stem().string(), lm::io::to_float(lm::io::read(file)).narrow(0, 0, 1));
  lm::require(!series.images.empty(), [&] { return lm::text(folder, " holds no TIFF image"); });
  series.row = series.images.front().second.size(1) / 2;
  series.column = series.images.front().second.size(2) / 2;
  return series;
}

/// A point of the sample's centre lines, the one nearest to the middle.
std::pair<std::int64_t, std::int64_t> middle_of(const lm::data::Sample& sample) {
  const Tensor points = sample.skeleton.nonzero();
  lm::require(points.size(0) > 0, [&] { return "the image " + sample.name + " has no vessel"; });
  const Tensor centre = at::tensor({sample.label.size(0) / 2, sample.label.size(1) / 2}, at::kLong);
  const Tensor best = points[(points - centre).square().sum(1).argmin()];
  return {best[0].item<std::int64_t>(), best[1].item<std::int64_t>()};
}

Series make_series(const lm::data::Sample& sample) {
  const auto [row, column] = middle_of(sample);
  Series series{.row = row, .column = column, .words = "made of the test image " + sample.name};
  for (const int percent : {0, 20, 40, 60, 80, 100})
    series.images.emplace_back(
        lm::text(percent, " % faded"),
        lm::perturb::Fade{}(sample.image, sample.label.eq(1), row, column, percent / 100.0));
  return series;
}

World load(const Options& options) {
  World world;
  const fs::path images =
      options.data.empty() ? fs::path() : folder_of(options.data, {"vessmap", "data/VessMap", "images"});
  const fs::path series = options.data.empty()
                              ? fs::path()
                              : folder_of(options.data, {"seed/augmented_vessels", "data/augmented_vessels",
                                                         "augmented_vessels"});
  if (!options.data.empty())
    lm::require(!images.empty(), [&] {
      return lm::text(options.data, " holds no VessMAP (images/, vessmap/ or data/VessMap/); it is in ",
                      original);
    });
  Samples all;
  if (images.empty()) {
    all = lm::data::SyntheticVessels{.size = 128, .seed = options.seed}.many(0, options.quick ? 80 : 160);
    world.words = lm::text(all.size(), " synthetic images of 128 x 128 pixels");
  } else {
    all = lm::data::read_vessmap(images.filename() == "images" ? options.data : images);
    world.words = lm::text(all.size(), " images of VessMAP");
  }
  if (options.size > 0) all.resize(std::min<std::size_t>(all.size(), options.size));
  const auto parts = lm::data::split(all.size(), 0.8, options.seed);
  world.training = lm::data::select(all, parts.train);
  world.testing = lm::data::select(all, parts.test);
  world.series = series.empty() ? make_series(world.testing.front()) : read_series(series);
  return world;
}

//! [augment]
/// Each sample once more, a vessel faded at random places; its label stays: the network is to bridge the gap.
Samples with_faded(const Samples& samples, std::uint64_t seed) {
  Samples all = samples;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    lm::data::Sample copy = samples[i];
    const Tensor points = copy.skeleton.nonzero();
    lm::data::Random random({seed, i});
    for (int gap = 0; gap < 6 && points.size(0) > 0; ++gap) {
      const Tensor place =
          points[static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(points.size(0))))];
      copy.image = lm::perturb::Fade{}(copy.image, copy.label.eq(1), place[0].item<std::int64_t>(),
                                       place[1].item<std::int64_t>(), random.uniform(0.4, 1.0));
    }
    all.push_back(std::move(copy));
  }
  return all;
}
//! [augment]

struct Trained {
  std::string name{};
  Network net{};
  double iou = 0;
};

/// Both networks see as many crops; of one, half of them come from faded images.
Trained train(const World& world, bool fades, const Options& options) {
  lm::net::UNet net = lm::net::seeded(options.seed, [] { return lm::net::UNet(); });
  const Samples samples = fades ? with_faded(world.training, options.seed) : world.training;
  const lm::data::Dataset training(samples, {.crop = options.size > 0 ? 32 : 96, .seed = options.seed},
                                   fades ? 2 : 4);
  const auto history = lm::train::Trainer{.epochs = options.size > 0 ? 1
                                                    : options.quick  ? 8
                                                                     : 24,
                                          .average = 0.98,
                                          .progress = options.progress,
                                          .seed = options.seed}(net, training, world.testing);
  return {.name = fades ? "with faded vessels" : "without faded vessels",
          .net = [net](const Tensor& x) mutable { return net->forward(x); },
          .iou = history[lm::train::best_epoch(history).value()].test_iou};
}

struct Step {
  double probability = 0;
  inf::PixelInfluence on{};
  Tensor said{};    ///< probability of every pixel
  Tensor counts{};  ///< of every fourth pixel
};

Step measure(const Network& net, const Series& series, const Tensor& image, const Tensor& fading,
             std::int64_t every) {
  const Tensor x = image.unsqueeze(0);
  //! [measure]
  const lm::AnyTarget vessel = lm::target::LogOdds{lm::target::Class{.index = 1}};
  Step step{.on = inf::at_pixel(net, x, series.row, series.column, vessel, fading)};
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
  return step;
}

void chart(lm::view::Section& section, const std::vector<Trained>& nets,
           const std::vector<std::vector<Step>>& steps, const std::string& title, const std::string& unit,
           double (*value)(const Step&)) {
  lm::view::LineChart drawing{.title = title, .x_label = "image of the series", .y_label = unit};
  for (std::size_t n = 0; n < nets.size(); ++n) {
    lm::view::Series line{.name = nets[n].name, .dashed = n == 0};
    for (std::size_t i = 0; i < steps[n].size(); ++i) {
      line.x.push_back(static_cast<double>(i));
      line.y.push_back(value(steps[n][i]));
    }
    drawing.series.push_back(line);
  }
  section.plot(drawing);
}

Findings work(const Options& options) {
  const World world = load(options);
  const Series& series = world.series;
  const std::vector<Trained> nets{train(world, false, options), train(world, true, options)};
  const Tensor fading =
      (series.images.back().second - series.images.front().second).abs().amax(0).gt(1.0 / 255);
  const std::int64_t every = options.size > 0 ? 16 : 4;
  std::vector<std::vector<Step>> steps(nets.size());
  for (std::size_t n = 0; n < nets.size(); ++n)
    for (const auto& [name, image] : series.images)
      steps[n].push_back(measure(nets[n].net, series, image, fading, every));

  Findings found;
  found.report.title = "A vessel that fades";
  found.report.lead =
      "One pixel in the middle of a vessel is watched while the vessel fades. Two networks of one kind, "
      "trained on equally "
      "many crops of the same images: for one of them, half of the crops came from images with faded "
      "vessels.";
  found.report.byline = lm::text(world.words, "; the series: ", series.words, ".");
  found.numbers["study"] = "faded";
  found.numbers["data"] = world.words;
  found.numbers["series"] = series.words;
  found.numbers["seed"] = options.seed;
  found.numbers["pixel"] = {series.row, series.column};

  auto& networks = found.report.section("The networks");
  networks.facts({{decimals(nets[0].iou), "test IoU, " + nets[0].name, "best epoch"},
                  {decimals(nets[1].iou), "test IoU, " + nets[1].name, "best epoch"}});
  auto& section = found.report.section("The pixel");
  section.text(lm::text(
      "Row ", series.row, ", column ", series.column,
      ". Probability of vessel; how many pixels of the image its log-odds depend on (derivatives above "
      "1 % of the largest); which share of that lies where the series changes."));
  chart(section, nets, steps, "Probability of vessel at the pixel", "probability",
        [](const Step& step) { return step.probability; });
  chart(section, nets, steps, "Pixels that it depends on", "pixels",
        [](const Step& step) { return step.on.count; });
  chart(section, nets, steps, "Influence of the fading pixels", "share of all influence, %",
        [](const Step& step) { return 100 * step.on.inside; });
  lm::view::Table table{
      .headers = {"Network", "Image", "Probability", "Count", "Box, pixels", "Fulfilment", "For vessel",
                  "Against", "Radius 90 %", "Where it fades, %"},
      .caption =
          "For and against: sums of the positive and negative derivatives, log-odds for a change "
          "of brightness by 1."};
  const auto window = [&](const Tensor& map) {
    const std::int64_t side = std::min<std::int64_t>({64, map.size(0), map.size(1)});
    const auto from = [&](std::int64_t middle, std::int64_t extent) {
      return std::clamp<std::int64_t>(middle - side / 2, 0, extent - side);
    };
    return map.narrow(0, from(series.row, map.size(0)), side)
        .narrow(1, from(series.column, map.size(1)), side)
        .contiguous();
  };
  auto& pictures = found.report.section("Influence and counts");
  for (std::size_t n = 0; n < nets.size(); ++n) {
    lm::view::PairGrid rows{.columns = 4,
                            .magnify = 2,
                            .colors = lm::view::colormap::rd_yl_gn,
                            .unit = "log-odds of the pixel for a change of brightness by 1",
                            .text = 1},
        counts{.columns = 6,
               .magnify = 128 * every / std::max<std::int64_t>(series.images[0].second.size(2), 1),
               .colors = lm::view::colormap::viridis,
               .unit = "pixels above 1 % of the image's largest influence",
               .text = 1};
    counts.magnify = std::max<std::int64_t>(counts.magnify, 1);
    double most = 0;
    for (std::size_t i = 0; i < series.images.size(); ++i) {
      const auto& [name, image] = series.images[i];
      const Step& step = steps[n][i];
      const Tensor plane = window(image[0]);
      rows.pairs.push_back(
          {.image = lm::view::picture(plane, lm::view::percentile_range(image[0], 0.5, 99.5)),
           .map = window(step.on.row),
           .title = lm::text(name, ", p ", decimals(step.probability, 2))});
      counts.pairs.push_back({.map = step.counts, .title = name});
      most = std::max(most, lm::view::symmetric_range(step.on.row, 99.9).high);
      table.rows.push_back({nets[n].name, name, decimals(step.probability), decimals(step.on.count, 0),
                            decimals(step.on.box_area, 0), decimals(step.on.fulfilment),
                            lm::view::number(step.on.positive), lm::view::number(step.on.negative),
                            decimals(step.on.radius, 1), decimals(100 * step.on.inside, 0)});
      found.numbers["steps"].push_back({{"network", nets[n].name},
                                        {"image", name},
                                        {"probability", step.probability},
                                        {"count", step.on.count},
                                        {"fulfilment", step.on.fulfilment},
                                        {"positive", step.on.positive},
                                        {"negative", step.on.negative},
                                        {"radius_90", step.on.radius},
                                        {"inside", step.on.inside},
                                        {"mean_count", step.counts.mean().item<double>()}});
      found.maps.emplace_back(lm::text(n == 0 ? "without" : "with", ".", i, ".row"), step.on.row);
      found.maps.emplace_back(lm::text(n == 0 ? "without" : "with", ".", i, ".count"), step.counts);
    }
    rows.range = lm::view::Range{-most, most};
    pictures.figure(
        {.picture = rows.draw(),
         .title = lm::text("What the pixel depends on, ", nets[n].name),
         .caption = "The image around the pixel, and the derivative of the pixel's log-odds by each of its "
                    "pixels; green speaks for vessel. One scale for all."});
    pictures.figure({.picture = counts.draw(),
                     .title = lm::text("How many pixels every pixel depends on, ", nets[n].name),
                     .caption = lm::text("Every ", every, "th pixel of the output. One scale for all.")});
    found.numbers["iou"][n == 0 ? "without" : "with"] = nets[n].iou;
  }
  section.table(table);
  return found;
}

}  // namespace

}  // namespace studies::faded

int main(int argc, char** argv) {
  return studies::run(
      argc, argv,
      {.name = "faded",
       .about = "A vessel fades under one pixel: networks trained with and without such images are watched.",
       .data = std::string("VessMAP, in a folder's images/, labels/ and skeletons/, in vessmap/ or "
                           "data/VessMap/, and the "
                           "original's series in augmented_vessels/: ") +
               studies::original + "; default: synthetic vessels, and a series made of one of them",
       .work = studies::faded::work});
}
