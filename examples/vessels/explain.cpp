// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/blur_integrated_gradients.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/guided_integrated_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/baseline/blur.hpp>
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

}  // namespace

Story explain(const Network& net, const lm::data::Sample& sample, const Tensor& other_images,
              std::int64_t steps, std::uint64_t seed, const lm::Progress& progress) {
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
  const auto add = [&](const std::string& method, std::size_t t, const lm::Attribution<>& result,
                       double seconds, bool has_sign) {
    Answer answer{.method = method, .target = names[t], .map = result.map[0].sum(0), .has_sign = has_sign};
    answer.forward_passes = result.forward_passes;
    answer.backward_passes = result.backward_passes;
    answer.seconds = seconds / static_cast<double>(targets.size());
    answer.score = result.score.item<double>();
    if (result.completeness_error.defined()) {
      answer.completeness_error = result.completeness_error.item<double>();
      const double difference = answer.map.sum().item<double>() - answer.completeness_error;
      if (difference != 0) answer.relative_error = std::abs(answer.completeness_error / difference);
    }
    measure(answer, vessel);
    story.answers.push_back(std::move(answer));
  };
  const auto timed = [](const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    auto results = work();
    return std::pair{std::move(results),
                     std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
  };
  const auto ask = [&](const std::string& name, const auto& method, bool has_sign = true) {
    const auto [results, seconds] = timed([&] { return method(net, x, targets); });
    for (std::size_t t = 0; t < targets.size(); ++t) add(name, t, results[t], seconds, has_sign);
  };

  //! [methods]
  const lm::Run run{.progress = progress};
  const lm::baseline::Blur blur{.sigma = 8.0};
  ask("Saliency", lm::Saliency{.run = run}, false);
  ask("Input x gradient", lm::InputXGradient{.run = run});
  ask("Integrated gradients, black", lm::IntegratedGradients{.steps = steps, .run = run});
  ask("Integrated gradients, blurred", lm::IntegratedGradients{.baseline = blur, .steps = steps, .run = run});
  ask("Blur integrated gradients", lm::BlurIntegratedGradients{.sigma = 8.0, .steps = steps, .run = run});
  ask("Guided integrated gradients",
      lm::GuidedIntegratedGradients{.baseline = blur, .steps = steps, .run = run});
  if (other_images.defined())
    ask("Expected gradients", lm::ExpectedGradients{.baseline = lm::baseline::Samples{.values = other_images},
                                                    .samples = steps,
                                                    .run = run,
                                                    .seed = seed});
  ask("Guided backpropagation", lm::GuidedBackprop{.run = run});
  ask("DeepLIFT, blurred", lm::DeepLift{.baseline = blur, .run = run});
  ask("LRP, epsilon-plus", lm::Lrp{.run = run});
  ask("Grad-CAM, coarsest layer",
      lm::GradCam{.layer = coarsest(net, x), .upsample = lm::Upsample::Bilinear, .run = run});
  // One set of noisy copies serves all three.
  const lm::Smooth smooth{
      .method = lm::Saliency{.absolute = false}, .samples = steps, .stdev = 0.1, .run = run, .seed = seed};
  //! [methods]
  const auto [moments, seconds] = timed([&] { return smooth.moments(net, x, targets); });
  for (std::size_t t = 0; t < targets.size(); ++t) add("SmoothGrad", t, moments[t].mean, seconds, true);
  for (std::size_t t = 0; t < targets.size(); ++t)
    add("SmoothGrad-Squared", t, moments[t].square, seconds, false);
  for (std::size_t t = 0; t < targets.size(); ++t) add("VarGrad", t, moments[t].variance, seconds, false);
  return story;
}

}  // namespace vessels
