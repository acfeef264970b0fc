// SPDX-License-Identifier: BSD-3-Clause
#include "common/classifiers.hpp"

#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/view/number.hpp>

namespace lm = lumen;

namespace studies {

namespace {

//! [baseline]
/// The original's baselines: 0 or the image itself, by the toss of a coin; the second explains nothing.
struct ZeroOrItself {
  std::uint64_t seed = 0;
  Tensor operator()(const Tensor& sample, at::Generator& generator) const {
    return at::rand({1}, generator).item<double>() < 0.5 ? at::zeros_like(sample) : sample;
  }
};
//! [baseline]

template <class M>
auto asked(M method) {
  return [method](const Classifier& net, const Tensor& x, const lm::Targets& targets) {
    std::vector<Tensor> maps;
    for (const auto& result : method(net, x, targets)) maps.push_back(result.map);
    return maps;
  };
}

}  // namespace

std::vector<Method> methods(const Options& options) {
  const lm::Run run{.progress = options.progress};
  // the clock would choose the cheaper passes, and a second run round elsewhere
  lm::Run whole = run;
  whole.passes = lm::Passes::Whole;
  //! [methods]
  const auto relu4 = lm::layer::nth("relu", 3);
  const auto bilinear = lm::Upsample::Bilinear;
  return {
      {"Integrated gradients", "integrated_gradients", "20 Gauss-Legendre steps from the baseline 0",
       asked(lm::IntegratedGradients{.steps = 20, .run = run})},
      {"GradientSHAP", "gradient_shap", "50 draws, baselines 0 and the image itself, noise 0.0001",
       asked(lm::GradientShap{.baseline = ZeroOrItself{options.seed},
                              .samples = 50,
                              .stdev = 1e-4,
                              .scale = lm::NoiseScale::InputUnits,
                              .run = run,
                              .seed = options.seed})},
      {"Occlusion", "occlusion", "windows of 2 x 2 pixels set to 0, one pixel apart",
       asked(lm::Occlusion{.window = {{2, 2}}, .run = whole})},
      {"Grad-CAM", "grad_cam_relu4", "of the fourth ReLU's cells, bilinear to the image's size",
       asked(lm::GradCam{.layer = relu4, .upsample = bilinear, .run = run})},
      {"Grad-CAM, positive part", "grad_cam_relu4_positive", "the same, cut at 0: the original's own version",
       asked(lm::GradCam{.layer = relu4, .positive_part = true, .upsample = bilinear, .run = run})},
      {"Guided backpropagation", "guided_backprop_modules_only",
       "as the original's hooks saw it: the ReLU behind fc1, a function, is not guided",
       asked(lm::GuidedBackprop{.except = {lm::layer::nth("relu", 4)}, .run = run})},
  };
  //! [methods]
}

Method smoothed(const Options& options) {
  //! [smoothed]
  const lm::Smooth smooth{.method = lm::IntegratedGradients{.steps = 20},
                          .samples = 10,
                          .stdev = 1.0,
                          .scale = lm::NoiseScale::InputUnits,
                          .moment = lm::Moment::Square,
                          .run = {.progress = options.progress},
                          .seed = options.seed};
  //! [smoothed]
  return {"SmoothGrad-squared of integrated gradients", "smooth_squared",
          "10 noisy copies of standard deviation 1.0; mean of the squared maps", asked(smooth)};
}

lm::data::Labelled first_of_each(const lm::data::Labelled& all, std::int64_t classes, std::int64_t of_each) {
  std::vector<Tensor> index;
  for (std::int64_t label = 0; label < classes; ++label)
    index.push_back(all.labels.eq(label).nonzero().squeeze(1).slice(0, 0, of_each));
  const Tensor which = at::cat(index);
  return {all.images.index_select(0, which), all.labels.index_select(0, which)};
}

lm::view::PairGrid grid(const lm::data::Labelled& images, const Tensor& map, const Tensor& logits,
                        const std::vector<std::string>& names) {
  const Tensor probability = at::softmax(logits, 1), predicted = logits.argmax(1);
  lm::view::PairGrid out{.unit = "change of the class's logit"};
  for (std::int64_t i = 0; i < map.size(0); ++i) {
    const auto label = predicted[i].item<std::int64_t>();
    out.pairs.push_back({.image = images.images[i],
                         .map = map[i],
                         .title = lm::text(names[static_cast<std::size_t>(label)], " ",
                                           lm::view::decimals(probability[i][label].item<double>(), 3),
                                           label == images.labels[i].item<std::int64_t>() ? "" : " wrong")});
  }
  return out;
}

nlohmann::ordered_json confidences(const lm::data::Labelled& images, const Tensor& logits) {
  const Tensor probability = at::softmax(logits, 1), predicted = logits.argmax(1);
  auto list = nlohmann::ordered_json::array();
  for (std::int64_t i = 0; i < predicted.size(0); ++i)
    list.push_back({{"label", images.labels[i].item<std::int64_t>()},
                    {"predicted", predicted[i].item<std::int64_t>()},
                    {"probability", probability[i].max().item<double>()}});
  return list;
}

}  // namespace studies
