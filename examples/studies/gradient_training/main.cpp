// SPDX-License-Identifier: BSD-3-Clause
// Can what a network looks at make it better? Pixels weighted by their influence, and influence outside of vessels penalised.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <lumen/influence/field/probes.hpp>
#include <lumen/metric/bootstrap.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/overlay.hpp>
#include <lumen/view/panel.hpp>

#include "training.hpp"

namespace lm = lumen;
namespace v = lumen::view;

namespace studies::gradient_training {

namespace {

using v::decimals;
using Table = std::vector<std::vector<double>>;  ///< [seed][test image]

/// An arm with what it came to from each seed.
struct Result {
  Arm arm{};
  std::vector<Trained> runs{};
  [[nodiscard]] Table ious() const {
    Table out;
    for (const Trained& run : runs) out.push_back(run.ious);
    return out;
  }
  [[nodiscard]] Table outside() const {
    Table out;
    for (const Trained& run : runs) out.push_back(run.outside);
    return out;
  }
  [[nodiscard]] double cross_entropy() const {
    double sum = 0;
    for (const Trained& run : runs) sum += run.cross_entropy;
    return sum / static_cast<double>(runs.size());
  }
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Table less(Table a, const Table& b) {
  for (std::size_t r = 0; r < a.size(); ++r)
    for (std::size_t i = 0; i < a[r].size(); ++i) a[r][i] -= b[r][i];
  return a;
}

std::string words(const lm::metric::MeanInterval& interval, int places = 3, double scale = 1) {
  return decimals(scale * interval.mean, places) + " (" + decimals(scale * interval.low, places) + " to " +
         decimals(scale * interval.high, places) + ")";
}
nlohmann::ordered_json json(const lm::metric::MeanInterval& interval) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

void compare(Findings& found, const std::vector<Result>& results, const Setting& setting,
             std::uint64_t seed) {
  const lm::metric::Bootstrap bootstrap{.seed = seed};
  auto& section = found.report.section("What came out");
  std::vector<std::string> headers{"Training",          "Test IoU",      "IoU over plain, x 0.01",
                                   "Seeds with a gain", "Cross-entropy", "Influence outside, %"};
  v::Table table{.headers = headers,
                 .best = {v::Best::None, v::Best::Highest, v::Best::Highest, v::Best::None, v::Best::Lowest,
                          v::Best::Lowest}};
  const Table plain = results.front().ious();
  for (const Result& result : results) {
    const Table ious = result.ious(), more = less(ious, plain);
    const auto quality = bootstrap(ious), gain = bootstrap(more), outside = bootstrap(result.outside());
    std::int64_t wins = 0;
    std::vector<double> of_seeds;
    for (std::size_t r = 0; r < more.size(); ++r) {
      wins += mean(more[r]) > 0 ? 1 : 0;
      of_seeds.push_back(mean(ious[r]));
    }
    const bool itself = &result == &results.front();
    table.rows.push_back({result.arm.name, words(quality), itself ? "" : words(gain, 2, 100),
                          itself ? "" : lm::text(wins, " of ", more.size()), decimals(result.cross_entropy()),
                          decimals(100 * outside.mean, 1)});
    found.numbers["arms"][result.arm.file] = {
        {"name", result.arm.name},           {"epochs", result.arm.longer * setting.epochs},
        {"test_iou", json(quality)},         {"test_iou_of_seeds", of_seeds},
        {"more_than_plain", json(gain)},     {"test_cross_entropy", result.cross_entropy()},
        {"influence_outside", json(outside)}};
  }
  section.table(table);
  section.note(lm::text(
      "In brackets: 95 % of 2000 bootstrap means; seeds and test images are both drawn again "
      "(arXiv:0712.1111). ",
      "Differences are taken image by image and seed by seed, between networks that share their first ",
      setting.begin, " epochs, the order of their images and the crops. ", setting.seeds,
      " seeds tell little of how much one differs from the next: such an interval tends to be too narrow. ",
      "Influence outside: of the squared derivatives of the log-odds of all of an image's vessel pixels, the "
      "share that lies on ",
      "pixels which the label calls background; 2 random probes an image."));
}

void curves(Findings& found, const std::vector<Result>& results, const Trained& first) {
  auto& section = found.report.section("Training");
  std::vector<v::LineChart> charts{
      {.title = "Validation IoU, seed 1", .x_label = "epochs after the common beginning", .y_label = "IoU"},
      {.title = "Training loss, seed 1", .x_label = "epochs after the common beginning", .y_label = "loss"}};
  for (const Result& result : results) {
    v::Series iou{.name = result.arm.file}, loss{.name = result.arm.file};
    for (const lm::train::Epoch& epoch : result.runs.front().history) {
      iou.y.push_back(epoch.test_iou);
      loss.y.push_back(epoch.train_loss);
    }
    charts[0].series.push_back(iou);
    charts[1].series.push_back(loss);
  }
  section.plots(charts);
  section.note(lm::text(
      "The common beginning ended at a validation IoU of ", decimals(first.history.back().test_iou),
      ". Each loss is the one that is minimised, weights and penalties included, so that they differ in "
      "height. Of each run the epoch of the highest validation IoU is kept; test images decide nothing."));
}

/// log10 of the energy over the largest one, at most four decades down.
Tensor decades(const Tensor& energy) {
  return (energy / energy.max().clamp_min(1e-300)).clamp_min(1e-4).log10();
}

void look(Findings& found, const std::vector<Result>& results, const VesselImages& images,
          const Setting& setting) {
  auto& section = found.report.section("What the vessels depend on");
  const std::vector<double>& ious = results.front().runs.front().ious;
  std::vector<std::size_t> order(ious.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return ious[a] < ious[b]; });
  const std::int64_t side = images.test.front().image.size(2);
  v::Panel panel{.columns = 2 + static_cast<std::int64_t>(results.size()),
                 .magnify = std::max<std::int64_t>(1, 256 / side),
                 .title = "Energy of the influence on all vessel pixels"};
  const v::Range range{-4, 0};
  for (const std::size_t k :
       {order[order.size() / 10], order[order.size() / 2], order[order.size() * 9 / 10]}) {
    const lm::data::Sample& sample = images.test[k];
    const Tensor vessel = sample.label.eq(1);
    if (!vessel.any().item<bool>()) continue;
    const Tensor shown = v::picture(sample.image, v::percentile_range(sample.image, 0.5, 99.5));
    panel.cells.push_back({.picture = v::tint(shown, v::outline(vessel), {255, 214, 10}),
                           .title = sample.name,
                           .caption = "image, and the label's outline"});
    lm::net::ResUNet first = network(setting, results.front().runs.front().state);
    const Tensor weight = influence_weight(first, sample.image, 1);
    const v::Range weights{0, v::percentile_range(weight, 0, 99.5).high};
    panel.cells.push_back({.picture = v::colorize(weight, v::colormap::viridis, weights),
                           .title = "largest influence, over its mean",
                           .bar = v::ColorBar{v::colormap::viridis, weights}});
    for (const Result& result : results) {
      lm::net::ResUNet net = network(setting, result.runs.front().state);
      const auto probed =
          lm::influence::probe_energy(net, sample.image.unsqueeze(0), lm::influence::Mask{vessel},
                                      lm::target::LogOdds{lm::target::Class{.index = 1}}, 16, {}, 1);
      panel.cells.push_back(
          {.picture = v::colorize(decades(probed.energy), v::colormap::viridis, range),
           .title = result.arm.file,
           .caption = lm::text("log10 energy; IoU ", decimals(result.runs.front().ious[k]), ", outside ",
                               decimals(100 * result.runs.front().outside[k], 0), " %"),
           .bar = v::ColorBar{v::colormap::viridis, range}});
      if (k == order[order.size() / 2]) found.maps.emplace_back("energy." + result.arm.file, probed.energy);
    }
    if (k == order[order.size() / 2]) found.maps.emplace_back("weight", weight);
  }
  section.figure(
      {.picture = panel.draw(),
       .caption = lm::text(
           "Networks of seed 1, on test images of which the plain one has a low, a middle and a high IoU. "
           "Second column: the weights that it would give the image. Then, for each training, log10 of "
           "the energy over its largest: the mean of squared derivatives of the log-odds of all "
           "vessel pixels (label) by each pixel of the image, 16 random probes.")});
}

Setting suits(const Options& options) {
  if (!options.quick) return {};
  return options.data.empty() ? Setting{.crop = 48, .views = 6, .begin = 6, .epochs = 3, .seeds = 2}
                              : Setting{.views = 4, .begin = 8, .epochs = 4, .seeds = 2};
}

Findings work(const Options& options) {
  const Setting setting = suits(options);
  const std::size_t train = options.size > 0 ? options.size : 16;
  const VesselImages images =
      vessel_images(options, train, std::max<std::size_t>(3, train / 4), options.quick ? 16 : 40,
                    options.quick && options.data.empty() ? 64 : 128);
  std::vector<Result> results{
      {.arm = {.name = "Plain", .file = "plain"}},
      {.arm = {.name = "Plain, 3 times as many epochs", .file = "longer", .longer = 3}},
      {.arm = {.name = "Weighted by the largest influence", .file = "weighted", .weighted = true}},
      {.arm = {.name = "Influence outside penalised, 0.1", .file = "penalty_0.1", .penalty = 0.1}},
      {.arm = {.name = "Influence outside penalised, 1", .file = "penalty_1", .penalty = 1.0}}};
  Trained beginning;
  for (std::int64_t k = 0; k < setting.seeds; ++k) {
    const std::uint64_t seed = lm::mix(options.seed, static_cast<std::uint64_t>(k));
    auto last = std::chrono::steady_clock::now();
    const auto say = [&](const std::string& what, double iou) {
      const auto now = std::chrono::steady_clock::now();
      std::printf("seed %d, %s: test IoU %.4f, %.0f s\n", static_cast<int>(k + 1), what.c_str(), iou,
                  std::chrono::duration<double>(now - std::exchange(last, now)).count());
      std::fflush(stdout);
    };
    Trained first = begin(setting, images, seed, options.progress);
    say("beginning", mean(first.ious));
    const Samples with_weights = weighted(setting, first.state, images.train, options.progress);
    say("weights", mean(first.ious));
    for (Result& result : results) {
      result.runs.push_back(go_on(setting, result.arm, first.state,
                                  result.arm.weighted ? with_weights : images.train, images, seed,
                                  options.progress));
      say(result.arm.file, mean(result.runs.back().ious));
    }
    if (k == 0) beginning = std::move(first);
  }

  Findings found;
  found.report.title = "Training by what a network looks at";
  std::int64_t parameters = 0;
  for (const Tensor& parameter : network(setting, beginning.state)->parameters())
    parameters += parameter.numel();
  found.report.lead = lm::text("A residual U-Net of ", parameters, " parameters learns to find vessels in ",
                               images.train.size(), " ", images.words, ". After ", setting.begin,
                               " epochs it goes on in five ways for ", setting.epochs,
                               " more: with cross-entropy as before; the same for three times as long; with "
                               "each pixel's cross-entropy weighted by its "
                               "largest influence on any pixel of the output; and with the influence on "
                               "vessels that comes from outside of them "
                               "penalised, weakly and strongly. ",
                               setting.seeds, " seeds, ", images.test.size(), " test images.");
  found.numbers["data"] = images.drawn ? "drawn" : "given";
  found.numbers["images"] = {
      {"train", images.train.size()}, {"validation", images.validation.size()}, {"test", images.test.size()}};
  found.numbers["setting"] = {{"crop", setting.crop},     {"views", setting.views},
                              {"batch", setting.batch},   {"begin", setting.begin},
                              {"epochs", setting.epochs}, {"seeds", setting.seeds},
                              {"step", setting.step},     {"begin_rate", setting.begin_rate},
                              {"rate", setting.rate},     {"parameters", parameters}};
  compare(found, results, setting, options.seed);
  curves(found, results, beginning);
  look(found, results, images, setting);
  auto& how = found.report.section("How");
  how.text(
      lm::text("Weights: w(x) is the largest |dp(i)/dx| of any output pixel i, p the probability of vessel, "
               "over its mean in the image. "
               "The rows of one output pixel of every ",
               setting.step, " x ", setting.step,
               " are streamed, none is kept. They are made once, from the network at the end of the common "
               "beginning; a pixel's "
               "cross-entropy is multiplied by its weight. Penalty: the share of the energy of J = d "
               "log-odds(i) / dx, i on vessels, "
               "that lies on x outside of them, estimated with one random probe a step and differentiated "
               "through (double backward). "
               "Its step costs three to four times a plain one: hence the second row."));
  how.note(lm::text("Adam, ", setting.begin_rate, " and then ", setting.rate,
                    ", each falling to a tenth along a cosine; batches of ", setting.batch,
                    " flipped, transposed, brightened crops of ", setting.crop, " x ", setting.crop,
                    " pixels, ", setting.views,
                    " of an image an epoch; running mean of the weights of decay 0.99."));
  if (images.drawn)
    found.report.footnotes.push_back(lm::text("The images are drawn. For real ones: ", vessmap, "."));
  return found;
}

}  // namespace

}  // namespace studies::gradient_training

int main(int argc, char** argv) {
  return studies::run(
      argc, argv,
      {.name = "gradient_training",
       .about = "Weights pixels by their influence, or penalises influence outside of vessels, in training.",
       .data = lm::text(studies::vessmap, ". Without it vessels are drawn"),
       .work = studies::gradient_training::work});
}
