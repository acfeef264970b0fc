// SPDX-License-Identifier: BSD-3-Clause
// Segmentation networks of disks, with and without batch normalisation: what do they look at, and what does a black dot in
// the middle of the disk change?
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
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
  std::string name{};
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
                                          .epochs = options.size > 0 ? 6
                                                    : options.quick  ? 12
                                                                     : 25,
                                          .batch = 10,
                                          .learning_rate = 1e-3,
                                          .progress = options.progress,
                                          .seed = options.seed}(
      net, lm::data::Dataset(training, {.seed = options.seed}), testing);
  Trained out{.name = batch_norm ? "with batch normalisation" : "without batch normalisation",
              .net = [net](const Tensor& x) mutable { return net->forward(x); },
              .iou = history[lm::train::best_epoch(history).value()].test_iou};
  for (const Tensor& parameter : net->parameters()) out.parameters += parameter.numel();
  return out;
}

//! [dot]
/// The images with 3 x 3 pixels set to black in the middle of each disk.
Tensor dotted(const Tensor& images, const Tensor& labels) {
  Tensor out = images.clone();
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const Tensor middle = labels[i].nonzero().to(at::kDouble).mean(0).round().to(at::kLong);
    out[i][0]
        .narrow(0, middle[0].item<std::int64_t>() - 1, 3)
        .narrow(1, middle[1].item<std::int64_t>() - 1, 3)
        .zero_();
  }
  return out;
}
//! [dot]

/// One pixel of each sample, the middle of its label, as a region.
Tensor middles(const Tensor& labels) {
  Tensor out = at::zeros_like(labels, at::kBool);
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const Tensor middle = labels[i].nonzero().to(at::kDouble).mean(0).round().to(at::kLong);
    out[i][middle[0].item<std::int64_t>()][middle[1].item<std::int64_t>()] = true;
  }
  return out;
}

struct Method {
  std::string name{}, file{}, unit{}, settings{};
  std::function<Tensor(const Network&, const Tensor& x, const Tensor& predicted, const lm::target::Region&)>
      map{};
};

std::vector<Method> methods(const Options& options) {
  const lm::Run run{.progress = options.progress};
  const auto last = lm::layer::nth("conv2d", -1);
  //! [methods]
  return {
      {"Integrated gradients", "integrated_gradients", "change of the score",
       "20 Gauss-Legendre steps from black, times the image",
       [=](const Network& net, const Tensor& x, const Tensor&, const lm::target::Region& target) {
         return lm::IntegratedGradients{.steps = 20, .run = run}(net, x, target).map;
       }},
      {"GradientSHAP", "gradient_shap", "change of the score", "20 draws on the way from black",
       [=](const Network& net, const Tensor& x, const Tensor&, const lm::target::Region& target) {
         return lm::GradientShap{.samples = 20, .run = run, .seed = options.seed}(net, x, target).map;
       }},
      {"Ablation of the predicted regions", "feature_ablation", "change of the score",
       "disk and background, as predicted, set to black one after the other",
       [=](const Network& net, const Tensor& x, const Tensor& predicted, const lm::target::Region& target) {
         return lm::FeatureAblation{.groups = {predicted.unsqueeze(1)}, .run = run}(net, x, target).map;
       }},
      {"Activation of the last layer", "layer_activation", "logit", "the logit of disk at every pixel",
       [=](const Network& net, const Tensor& x, const Tensor&, const lm::target::Region&) {
         return lm::LayerActivation{.layers = {last}, .run = run}(net, x).front().narrow(1, 1, 1);
       }},
      {"Grad-CAM of the last layer", "grad_cam", "score",
       "each logit times the share of the pixels that were asked about: the last layer has one channel a "
       "class",
       [=](const Network& net, const Tensor& x, const Tensor&, const lm::target::Region& target) {
         return lm::GradCam{.layer = last, .run = run}(net, x, target).map;
       }},
  };
  //! [methods]
}

lm::view::Range both(const std::vector<Tensor>& maps) {
  double most = 1e-12;
  for (const Tensor& map : maps) most = std::max(most, map.abs().max().item<double>());
  return {-most, most};
}

void examine(Findings& found, const Trained& trained, const lm::data::Labelled& set, const Options& options) {
  const Tensor labels = set.labels, plain = set.images, marked = dotted(plain, labels);
  const auto said = [&](const Tensor& x) {
    const at::NoGradGuard no_gradient;
    return trained.net(x).argmax(1);
  };
  const Tensor before = said(plain), after = said(marked);
  auto& section = found.report.section("Network " + trained.name);
  auto& numbers = found.numbers["networks"][trained.name];
  numbers["parameters"] = trained.parameters;
  numbers["iou"] = trained.iou;
  const double area_before = before.eq(1).sum({1, 2}).to(at::kDouble).mean().item<double>(),
               area_after = after.eq(1).sum({1, 2}).to(at::kDouble).mean().item<double>();
  numbers["predicted_pixels"] = area_before;
  numbers["predicted_pixels_with_dot"] = area_after;
  section.facts({{decimals(trained.iou), "test IoU", "best epoch"},
                 {lm::text(trained.parameters), "parameters", ""},
                 {decimals(area_before, 1), "pixels called disk", "mean; 25 are right"},
                 {decimals(area_after, 1), "with the black dot", "3 x 3 pixels in the middle"}});

  for (const bool region : {true, false}) {
    const std::string question = region ? "region" : "pixel";
    //! [targets]
    const lm::target::Region of_region{.channel = 1, .mask = labels.eq(1)};  // the logits of disk, added up
    const lm::target::Region of_pixel{.channel = 1, .mask = middles(labels)};
    //! [targets]
    section.heading(region ? "Why is the disk a disk?" : "Why is the pixel in its middle a disk?");
    section.text(
        region ? "Asked is the sum of the logits of disk over the labelled pixels, so that the question is "
                 "the same "
                 "with and without the dot."
               : "Asked is the logit of disk at the middle of the label, row and column in that order: the "
                 "original exchanged them.");
    for (const Method& method : methods(options)) {
      const auto& target = region ? of_region : of_pixel;
      const Tensor a = method.map(trained.net, plain, before, target).detach().squeeze(1),
                   b = method.map(trained.net, marked, after, target).detach().squeeze(1);
      std::vector<Tensor> all{a, b, b - a};
      for (std::size_t k = 0; k < all.size(); ++k) {
        const std::string stem = lm::text(trained.name == "with batch normalisation" ? "bn" : "plain", ".",
                                          question, ".", method.file,
                                          k == 0   ? ""
                                          : k == 1 ? ".dot"
                                                   : ".difference");
        found.maps.emplace_back(stem, all[k]);
      }
      lm::view::PairGrid grid{.columns = 5,
                              .magnify = 3,
                              .colors = lm::view::colormap::rd_yl_gn,
                              .range = both(all),
                              .unit = method.unit};
      for (std::size_t k = 0; k < all.size(); ++k)
        for (std::int64_t i = 0; i < std::min<std::int64_t>(plain.size(0), 5); ++i)
          grid.pairs.push_back({.image = k == 0 ? plain[i] : marked[i],
                                .map = all[k][i],
                                .title = k == 0   ? ""
                                         : k == 1 ? "dot"
                                                  : "difference"});
      section.figure(
          {.picture = grid.draw(),
           .title = lm::text(method.name, ", ", question),
           .caption = method.settings +
                      ". First row: the images; second: with the dot; third: what the dot changes (second "
                      "less first). One scale for all."});
      numbers["methods"].push_back({{"method", method.file},
                                    {"question", question},
                                    {"sum", a.sum().item<double>()},
                                    {"sum_with_dot", b.sum().item<double>()},
                                    {"mean_magnitude_of_difference", (b - a).abs().mean().item<double>()}});
    }
  }
}

Findings work(const Options& options) {
  lm::data::Labelled training, testing;
  if (options.data.empty()) {
    const lm::data::DrawnDisks recipe{.anywhere = true, .seed = options.seed};
    auto others = recipe;
    others.seed = options.seed + 1;
    training = recipe.to_segment(options.size > 0 ? 30 : 100);
    testing = others.to_segment(30);
  } else {
    const auto all = lm::data::read_disks(find(
        options.data,
        {"disks/segmentation_vary_disk.pth", "data/segmentation_custom_dataset/vary_disk_segmentation.pth",
         "data/segmentation_custom_dataset/vary_disk.pth"}));
    training = {all.images.slice(0, 0, 70), all.labels.slice(0, 0, 70)};
    testing = {all.images.slice(0, 70), all.labels.slice(0, 70)};
  }
  const lm::data::Labelled shown{testing.images.slice(0, 0, 5), testing.labels.slice(0, 0, 5)};
  Findings found;
  found.report.title = "Segmenting disks";
  found.report.lead =
      "Two small residual networks that differ in batch normalisation alone find a disk in noise. What do "
      "they look at, and "
      "what changes when the middle of the disk is black?";
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
