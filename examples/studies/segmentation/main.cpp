// SPDX-License-Identifier: BSD-3-Clause
// Segmentation networks of disks, with and without batch normalisation: what do they look at, and what does a black dot in
// the middle of the disk change?
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/data/disks.hpp>
#include <lumen/data/drawn_disks.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/simple_resnet.hpp>
#include <lumen/target/region.hpp>
#include <lumen/train/trainer.hpp>
#include <lumen/view/colormap.hpp>
#include <lumen/view/number.hpp>
#include <lumen/view/pair_grid.hpp>

#include "common/study.hpp"

namespace lm = lumen;

namespace studies::segmentation {

namespace {

using lm::view::decimals;
using Network = std::function<Tensor(const Tensor&)>;

struct Trained {
  std::string name{}, file{};
  Network net{};
  std::int64_t parameters = 0;
  double iou = 0;
};

Trained train(bool batch_norm, const std::vector<lm::data::Sample>& training,
              const std::vector<lm::data::Sample>& testing, const Options& options) {
  lm::net::SimpleResNet net = lm::net::seeded(options.seed, [&] {
    return lm::net::SimpleResNet(lm::net::SimpleResNetOptions{.batch_norm = batch_norm});
  });
  const auto history = lm::train::Trainer{.loss = lm::train::CrossEntropy{},
                                          .epochs = options.size > 0 ? 3
                                                    : options.quick  ? 12
                                                                     : 25,
                                          .batch = 10,
                                          .learning_rate = 1e-3,
                                          .progress = options.progress,
                                          .seed = options.seed}(
      net, lm::data::Dataset(training, {.crop = 0, .seed = options.seed}), testing);
  Trained out{.name = batch_norm ? "with batch normalisation" : "without batch normalisation",
              .file = batch_norm ? "with" : "without",
              .net = [net](const Tensor& x) mutable { return net->forward(x); },
              .iou = history[lm::train::best_epoch(history).value()].test_iou};
  for (const Tensor& parameter : net->parameters()) out.parameters += parameter.numel();
  return out;
}

/// The middle of each sample's disk.
std::vector<lm::data::Place> middles(const Tensor& labels) {
  std::vector<lm::data::Place> out;
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const Tensor middle = labels[i].nonzero().to(at::kDouble).mean(0).round().to(at::kLong);
    out.push_back({middle[0].item<std::int64_t>(), middle[1].item<std::int64_t>()});
  }
  return out;
}

//! [dot]
/// The images with 3 x 3 pixels set to black in the middle of each disk.
Tensor dotted(const Tensor& images, const std::vector<lm::data::Place>& middles) {
  Tensor out = images.clone();
  for (std::size_t i = 0; i < middles.size(); ++i) {
    const auto [row, column] = middles[i];
    out[static_cast<std::int64_t>(i)].narrow(1, row - 1, 3).narrow(2, column - 1, 3).zero_();
  }
  return out;
}
//! [dot]

/// One pixel of each sample as a region, bool [N, H, W].
Tensor as_regions(const std::vector<lm::data::Place>& places, const Tensor& labels) {
  Tensor out = at::zeros_like(labels, at::kBool);
  for (std::size_t i = 0; i < places.size(); ++i)
    out[static_cast<std::int64_t>(i)][places[i].row][places[i].column] = true;
  return out;
}

/// A question about a network: images, what it predicts for them, and the pixels that are asked about.
struct Question {
  Network net{};
  Tensor x{};          ///< [N, 1, H, W]
  Tensor predicted{};  ///< [N, H, W]
  lm::target::Region target{};
};
struct Method {
  std::string name{}, file{}, unit{}, settings{};
  std::function<Tensor(const Question&)> map{};  ///< [N, 1, H, W]
  bool same_for_all = false;                     ///< whether it takes no notice of what is asked
};

std::vector<Method> methods(const Options& options) {
  const lm::Run run{.progress = options.progress};
  // the clock would choose the cheaper passes, and a second run round elsewhere
  lm::Run whole = run;
  whole.passes = lm::Passes::Whole;
  //! [methods]
  const auto last = lm::layer::nth("conv2d", -1);
  return {
      {"Integrated gradients", "integrated_gradients", "change of the score",
       "20 Gauss-Legendre steps from black, times the image",
       [=](const Question& q) {
         return lm::IntegratedGradients{.steps = 20, .run = run}(q.net, q.x, q.target).map;
       }},
      {"Averaged gradient", "averaged_gradient", "score for a change of brightness by 1",
       "the same without the factor of the image: the original's figure",
       [=](const Question& q) {
         return lm::IntegratedGradients{.steps = 20, .multiply_by_inputs = false, .run = run}(q.net, q.x,
                                                                                              q.target)
             .map;
       }},
      {"GradientSHAP", "gradient_shap", "change of the score", "20 draws on the way from black",
       [=](const Question& q) {
         return lm::GradientShap{.samples = 20, .run = run, .seed = options.seed}(q.net, q.x, q.target).map;
       }},
      {"Ablation of the predicted regions", "feature_ablation", "change of the score",
       "disk and background, as the network predicts them, set to black one after the other",
       [=](const Question& q) {
         return lm::FeatureAblation{.groups = {q.predicted.unsqueeze(1)}, .run = whole}(q.net, q.x, q.target)
             .map;
       }},
      {"Activation of the last layer", "layer_activation", "logit",
       "its channel for disk: the network's answer at every pixel",
       [=](const Question& q) {
         return lm::LayerActivation{.layers = {last}, .run = run}(q.net, q.x).front().narrow(1, 1, 1);
       },
       true},
      {"Grad-CAM of the last layer", "grad_cam", "score",
       "the same logits times the share of the pixels that are asked about: this layer has one channel a "
       "class",
       [=](const Question& q) { return lm::GradCam{.layer = last, .run = run}(q.net, q.x, q.target).map; }},
  };
  //! [methods]
}

void ask(Findings& found, lm::view::Section& section, const Trained& trained, const std::string& name,
         const Question& plain, const Question& dotted, const Options& options) {
  for (const Method& method : methods(options)) {
    if (method.same_for_all && name != "region") continue;
    const Tensor a = method.map(plain).detach().squeeze(1), b = method.map(dotted).detach().squeeze(1);
    const std::vector<std::pair<std::string, Tensor>> all{{"", a}, {"dot", b}, {"difference", b - a}};
    lm::view::PairGrid grid{
        .columns = 5, .magnify = 3, .colors = lm::view::colormap::rd_yl_gn, .unit = method.unit};
    double most = 1e-12;
    for (const auto& [what, map] : all) {
      most = std::max(most, map.abs().max().item<double>());
      const Tensor& images = what.empty() ? plain.x : dotted.x;
      for (std::int64_t i = 0; i < images.size(0); ++i)
        grid.pairs.push_back({.image = images[i], .map = map[i], .title = what});
      found.maps.emplace_back(
          trained.file + "." + name + "." + method.file + (what.empty() ? "" : "." + what), map);
    }
    grid.range = lm::view::Range{-most, most};
    section.figure(
        {.picture = grid.draw(),
         .title = lm::text(method.name, ", ", name),
         .caption =
             method.settings +
             ". First row: the images; second: with the dot; third: second less first. One scale for all."});
    found.numbers["networks"][trained.file]["maps"].push_back(
        {{"method", method.file},
         {"question", name},
         {"sum", a.sum().item<double>()},
         {"sum_with_dot", b.sum().item<double>()},
         {"mean_magnitude", a.abs().mean().item<double>()},
         {"mean_magnitude_of_difference", (b - a).abs().mean().item<double>()}});
  }
}

void examine(Findings& found, const Trained& trained, const lm::data::Labelled& set, const Options& options) {
  const auto places = middles(set.labels);
  const Tensor marked = dotted(set.images, places);
  const auto said = [&](const Tensor& x) {
    const at::NoGradGuard no_gradient;
    return trained.net(x).argmax(1);
  };
  const Tensor before = said(set.images), after = said(marked);
  const auto area = [](const Tensor& labels) {
    return labels.eq(1).sum({1, 2}).to(at::kDouble).mean().item<double>();
  };
  auto& section = found.report.section("The network " + trained.name);
  found.numbers["networks"][trained.file] = {{"parameters", trained.parameters},
                                             {"iou", trained.iou},
                                             {"predicted_pixels", area(before)},
                                             {"predicted_pixels_with_dot", area(after)}};
  section.facts({{decimals(trained.iou), "test IoU", "best epoch"},
                 {lm::text(trained.parameters), "parameters", ""},
                 {decimals(area(before), 1), "pixels called disk", "mean of these images; 25 are right"},
                 {decimals(area(after), 1), "with the black dot", "3 x 3 pixels in the middle"}});
  //! [targets]
  const lm::target::Region region{.channel = 1, .mask = set.labels.eq(1)},  // logits of disk, added up
      pixel{.channel = 1, .mask = as_regions(places, set.labels)};
  //! [targets]
  for (const auto& [name, heading, words, target] :
       {std::tuple{
            "region", "Why is the disk a disk?",
            "Asked is the sum of the logits of disk over the labelled pixels, so that the question is the "
            "same with and without the dot.",
            region},
        std::tuple{"pixel", "Why is the pixel in its middle a disk?",
                   "Asked is the logit of disk at the middle of the label, which the dot covers.", pixel}}) {
    section.heading(heading);
    section.text(words);
    ask(found, section, trained, name, {trained.net, set.images, before, target},
        {trained.net, marked, after, target}, options);
  }
}

lm::data::Labelled first(const lm::data::Labelled& set, std::int64_t count) {
  return {set.images.slice(0, 0, count), set.labels.slice(0, 0, count)};
}

Findings work(const Options& options) {
  lm::data::Labelled training, testing;
  if (options.data.empty()) {
    const lm::data::DrawnDisks recipe{.anywhere = true, .seed = options.seed};
    auto others = recipe;
    others.seed = options.seed + 1;
    training = recipe.to_segment(100);
    testing = others.to_segment(30);
  } else {
    const auto all = lm::data::read_disks(
        find(options.data, {"seed/disks/segmentation_vary_disk.pth", "disks/segmentation_vary_disk.pth",
                            "data/segmentation_custom_dataset/vary_disk_segmentation.pth",
                            "data/segmentation_custom_dataset/vary_disk.pth"}));
    training = first(all, 70);
    testing = {all.images.slice(0, 70), all.labels.slice(0, 70)};
  }
  if (options.size > 0) {  // a look at the program, not at disks
    training = first(training, 30);
    testing = first(testing, 10);
  }
  const lm::data::Labelled shown =
      first(testing, options.size > 0 ? static_cast<std::int64_t>(options.size) : 5);
  Findings found;
  found.report.title = "Segmenting disks";
  found.report.lead =
      "Two small residual networks that differ in batch normalisation alone find a disk in noise. What do "
      "they look at, and what changes when the middle of the disk is black?";
  found.report.byline = options.data.empty()
                            ? "Images drawn by the original's recipe: disks anywhere, faint noise."
                            : "The original's images, disks anywhere; 70 train, 30 test.";
  found.numbers["study"] = "segmentation";
  found.numbers["data"] = options.data.empty() ? "drawn" : "original";
  found.numbers["seed"] = options.seed;
  for (const bool batch_norm : {true, false})
    examine(found, train(batch_norm, lm::data::samples(training), lm::data::samples(testing), options), shown,
            options);
  return found;
}

}  // namespace

}  // namespace studies::segmentation

int main(int argc, char** argv) {
  return studies::run(
      argc, argv,
      {.name = "segmentation",
       .about = "Attribution methods on segmentation networks of disks, with and without a black dot in the "
                "middle.",
       .data = std::string("the original's images: ") + studies::original + "; default: images are drawn",
       .work = studies::segmentation::work});
}
