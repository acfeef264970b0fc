// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <lumen/baseline/random.hpp>
#include <lumen/map/sign.hpp>
#include <lumen/map/threshold.hpp>
#include <lumen/map/view.hpp>
#include <lumen/metric/localisation.hpp>
#include <lumen/metric/overlap.hpp>
#include <lumen/metric/sparsity.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/trace/observe.hpp>

#include "job.hpp"
#include "lumen/method.hpp"

namespace lm = lumen;

namespace vessels {

namespace {

/// The centre-line pixel nearest to the image's centre that the network calls vessel; failing that the
/// nearest centre-line pixel, and in an image without vessels the pixel of the highest probability.
void choose_pixel(Story& story) {
  const Tensor& skeleton = story.sample.skeleton;
  const bool any = skeleton.defined() && skeleton.any().item<bool>();
  Tensor candidates = any ? skeleton & story.predicted : story.probability.eq(story.probability.max());
  if (any && !candidates.any().item<bool>()) candidates = skeleton;
  const Tensor places = candidates.nonzero();
  const Tensor centre = at::tensor({candidates.size(0) / 2, candidates.size(1) / 2}, at::kLong);
  const Tensor nearest = places[(places - centre).square().sum(1).argmin()];
  story.row = nearest[0].item<std::int64_t>();
  story.column = nearest[1].item<std::int64_t>();
  story.on_skeleton = any;
}

void measure(Answer& answer, const Tensor& label) {
  const auto map = lm::map::view(answer.map);
  answer.gini = lm::metric::Gini{}(map);
  if (!label.defined()) {
    answer.mass_inside = answer.top_iou = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const auto vessel = lm::map::view<bool>(label);
  const auto evidence = lm::map::split_signs(map).positive;  // what speaks for vessel
  answer.mass_inside = lm::metric::MassAccuracy{}(evidence, vessel);
  answer.top_iou = lm::metric::IoU{}(lm::map::top_fraction(evidence, 0.05), vessel);
}

//! [layer]
/// The last rectifier where the network sees the image coarsest: what class activation maps look at.
lm::layer::Layer coarsest(const Network& net, const Tensor& x) {
  lm::layer::Layer layer = lm::layer::nth("relu", 0);
  std::int64_t least = x.numel();
  for (const lm::trace::Operation& operation : lm::trace::observe([&] { (void)net(x); })) {
    if (operation.kind != "relu") continue;
    const std::int64_t area = operation.results.front().toTensor()[0][0].numel();
    if (area <= least) layer.nth = operation.nth;
    least = std::min(least, area);
  }
  return layer;
}
//! [layer]

bool has_option(const cli::Entry& entry, const std::string& name) {
  return std::any_of(entry.options.begin(), entry.options.end(),
                     [&](const cli::OptionInfo& option) { return option.name == name; });
}

/// A method of the list as the report asks it.
struct Asked {
  std::string title{}, method{};
  cli::Settings settings{};
  std::string baseline{};  ///< the method's own if empty
  std::string what{};      ///< the list's words if empty
};

//! [methods]
std::vector<Asked> usual(const std::string& steps) {
  const std::pair<std::string, std::string> points{"steps", steps}, copies{"samples", steps},
      wide{"sigma", "8"};
  const cli::Settings gradients{
      copies, {"stdev", "0.1"}, {"scale", "input-units"}, {"method.absolute", "false"}};
  const auto smooth = [&](const std::string& moment) {
    cli::Settings settings = gradients;
    settings.emplace_back("moment", moment);
    return settings;
  };
  return {
      {"Saliency", "saliency"},
      {"Input x gradient", "input-x-gradient"},
      {"Integrated gradients, black", "integrated-gradients", {points}},
      {"Integrated gradients, blurred", "integrated-gradients", {points}, "blur:8"},
      {"Blur integrated gradients", "blur-integrated-gradients", {points, wide}},
      {"Guided integrated gradients", "guided-integrated-gradients", {points}, "blur:8"},
      {"Expected gradients", "expected-gradients", {copies}, "images"},
      {"Guided backpropagation", "guided-backprop"},
      {"DeepLIFT, blurred", "deep-lift", {}, "blur:8"},
      {"LRP, epsilon-plus", "lrp"},
      {"Grad-CAM, coarsest layer", "grad-cam", {{"upsample", "bilinear"}}},
      {"Occlusion, blurred", "occlusion", {{"window", "8"}, {"stride", "4"}}, "blur:8"},
      {"KernelSHAP, 40 superpixels", "kernel-shap", {{"features", "slic:40"}, {"samples", "160"}}, "blur:8"},
      {"RISE, blurred", "rise", {{"samples", "200"}, {"grid", "12"}}, "blur:8"},
      {"SmoothGrad", "smooth", smooth("mean"), "", "gradient, averaged over noisy copies of the image"},
      {"SmoothGrad-Squared", "smooth", smooth("square"), "",
       "its square, averaged: where gradients are large, whatever their sign"},
      {"VarGrad", "smooth", smooth("variance"), "", "its variance: where the gradient depends on the noise"}};
}
//! [methods]

/// What the report asks: the usual ones, all of the list that answer about an image, or some by name.
std::vector<Asked> asked(const std::string& names, std::int64_t steps) {
  if (names.empty()) return usual(std::to_string(steps));
  std::vector<Asked> some;
  if (names == "all") {
    for (const cli::Entry& entry : cli::methods())
      if (!entry.both && (entry.traits.layer != cli::LayerUse::Required || has_option(entry, "upsample")))
        some.push_back({entry.name, entry.name});
  } else {
    for (const std::string& name : cli::cut(names, ',')) some.push_back({name, cli::method_named(name).name});
  }
  return some;
}

}  // namespace

Story explain(const Network& net, const lm::data::Sample& sample, const Tensor& other_images,
              const Options& options, const lm::Progress& progress) {
  Story story{.sample = sample};
  const Tensor x = sample.image.unsqueeze(0);
  {
    const at::NoGradGuard no_gradient;
    const Tensor logits = net(x);
    story.probability = at::softmax(logits, 1)[0][1];
    story.predicted = logits[0].argmax(0).eq(1);
  }
  story.iou = story.dice = std::numeric_limits<double>::quiet_NaN();
  if (sample.label.defined()) {
    const Tensor predicted = story.predicted.contiguous(), label = sample.label.eq(1).contiguous();
    const auto found = lm::map::view<bool>(predicted), wanted = lm::map::view<bool>(label);
    story.iou = lm::metric::IoU{}(found, wanted);
    story.dice = lm::metric::Dice{}(found, wanted);
  }
  choose_pixel(story);

  //! [targets]
  // Asked in log-odds of vessel: unlike a probability they do not level off where the network is sure.
  using Mean = lm::target::Reduction;
  const lm::target::LogOdds region{lm::target::ClassRegion{.channel = 1, .reduction = Mean::Mean}};
  const lm::target::LogOdds pixel{lm::target::Pixel{.channel = 1, .row = story.row, .column = story.column}};
  //! [targets]
  std::vector<std::string> names{"region", "pixel"};
  lm::Targets targets{region, pixel};
  if (!story.predicted.any().item<bool>()) {  // no region to ask about
    names.erase(names.begin());
    targets.erase(targets.begin());
  }

  const Tensor vessel = sample.label.defined() ? sample.label.eq(1) : Tensor();
  const lm::engine::Function function = lm::engine::bind<Tensor>(net);
  for (const Asked& each : asked(options.methods, options.steps)) {
    const cli::Entry& entry = cli::method_named(each.method);
    cli::Choices choices{.settings = each.settings, .seed = options.seed};
    if (entry.traits.layer == cli::LayerUse::Required) {
      choices.layer = coarsest(net, x);
      if (each.settings.empty()) choices.settings.emplace_back("upsample", "bilinear");
    }
    if (each.baseline == "images") {
      if (!other_images.defined()) continue;
      choices.baseline = lm::catalogue::drawn_baseline(lm::baseline::Samples{.values = other_images});
    } else if (!each.baseline.empty()) {
      choices.baseline = lm::catalogue::to_baseline(each.baseline);
    }
    if (!options.methods.empty()) std::printf("  %s\n", each.title.c_str()), std::fflush(stdout);
    const auto start = std::chrono::steady_clock::now();
    std::vector<cli::Map> results;
    try {
      results = cli::prepared(entry, choices)(function, {x}, targets, {.progress = progress});
      for (const cli::Map& result : results)
        lm::require(result.map[0].dim() == 4 && result.map[0].size(2) == x.size(2) &&
                        result.map[0].size(3) == x.size(3),
                    [&] {
                      return lm::text("its map has the shape ", result.map[0].sizes(),
                                      ", which is not the image's");
                    });
    } catch (const lm::Error& refusal) {
      if (options.methods != "all") throw;
      story.refused.emplace_back(each.title, refusal.what());
      continue;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const bool has_sign = std::any_of(results.begin(), results.end(), [](const cli::Map& result) {
      return result.map[0].lt(0).any().item<bool>();
    });
    story.methods.push_back({each.title, each.what.empty() ? entry.what : each.what, entry.paper, has_sign});
    for (std::size_t t = 0; t < targets.size(); ++t) {
      const cli::Map& result = results[t];
      Answer answer{.method = each.title,
                    .target = names[t],
                    .map = result.map[0][0].sum(0).to(at::kFloat),
                    .has_sign = has_sign,
                    .forward_passes = result.forward_passes,
                    .backward_passes = result.backward_passes,
                    .seconds = seconds / static_cast<double>(targets.size()),
                    .score = result.score.item<double>()};
      if (result.completeness_error.defined()) {
        answer.completeness_error = result.completeness_error.item<double>();
        const double difference = answer.map.sum().item<double>() - answer.completeness_error;
        if (difference != 0) answer.relative_error = std::abs(answer.completeness_error / difference);
      }
      measure(answer, vessel);
      story.answers.push_back(std::move(answer));
    }
  }
  return story;
}

}  // namespace vessels
