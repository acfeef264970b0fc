// SPDX-License-Identifier: BSD-3-Clause
#include "training.hpp"

#include <cstddef>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/data/dataset.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/transform.hpp>
#include <lumen/train/evaluate.hpp>
#include <lumen/train/outside_influence.hpp>
#include <lumen/train/trainer.hpp>

namespace lm = lumen;
namespace inf = lumen::influence;

namespace studies::gradient_training {

namespace {

template <class Loss>
Trained trained(const Setting& setting, lm::net::ResUNet net, const Loss& loss, std::int64_t epochs,
                double rate, const Samples& training, const VesselImages& images, std::uint64_t seed,
                const lm::Progress& progress) {
  const lm::data::Augment augment{.crop = setting.crop, .transposition = 0.5, .gain = 0.4, .seed = seed};
  const lm::train::Trainer<Loss, lm::train::Cosine> trainer{.loss = loss,
                                                            .schedule = {.epochs = epochs, .last = 0.1},
                                                            .epochs = epochs,
                                                            .batch = setting.batch,
                                                            .learning_rate = rate,
                                                            .average = 0.99,
                                                            .progress = progress,
                                                            .seed = seed};
  Trained out{.history =
                  trainer(net, lm::data::Dataset(training, augment, static_cast<std::size_t>(setting.views)),
                          images.validation)};
  out.state = lm::train::snapshot(*net);
  const auto quality = lm::train::evaluate(net, images.test, lm::train::CrossEntropy{});
  out.ious = quality.ious;
  out.cross_entropy = quality.loss;
  const at::AutoGradMode enable(true);
  const lm::train::OutsideInfluence<> measure{.probes = 2};
  for (const lm::data::Sample& sample : images.test) {
    const Tensor x = sample.image.unsqueeze(0).clone().requires_grad_(true);
    const Tensor logits = net->forward(x);
    const at::NoGradGuard no_graph;
    out.outside.push_back(measure.share(logits, sample.label.unsqueeze(0), x, seed).item<double>());
  }
  return out;
}

}  // namespace

lm::net::ResUNet network(const Setting& setting, const lm::train::State& state) {
  lm::net::ResUNet net = lm::net::seeded(0, [&] { return lm::net::ResUNet(setting.net); });
  lm::train::restore(*net, state);
  net->eval();
  return net;
}

//! [weight]
Tensor influence_weight(lm::net::ResUNet& net, const Tensor& image, std::int64_t step) {
  const lm::AnyTarget probability = lm::target::Softmax{lm::target::Class{.index = 1}};
  const auto reduced = inf::Reduce{}(
      [&](const inf::RowSink& sink) {
        inf::rows(net, image.unsqueeze(0), inf::Every{.step = step}, {probability}, sink);
      },
      inf::ActivationMaps{});
  const inf::Activation& of_pixel = std::get<0>(reduced.results);
  const Tensor largest = at::maximum(of_pixel.highest.abs(), of_pixel.lowest.abs());
  const double mean = largest.mean().item<double>();
  return (mean > 0 ? largest / mean : at::ones_like(largest)).to(at::kFloat);
}
//! [weight]

Samples weighted(const Setting& setting, const lm::train::State& state, Samples training,
                 const lm::Progress& progress) {
  lm::net::ResUNet net = network(setting, state);
  std::int64_t done = 0;
  for (lm::data::Sample& sample : training) {
    sample.weight = influence_weight(net, sample.image, setting.step);
    if (progress) progress("influence of the training images", ++done, std::ssize(training));
  }
  return training;
}

Trained begin(const Setting& setting, const VesselImages& images, std::uint64_t seed,
              const lm::Progress& progress) {
  const lm::net::ResUNet net = lm::net::seeded(seed, [&] { return lm::net::ResUNet(setting.net); });
  return trained(setting, net, lm::train::CrossEntropy{}, setting.begin, setting.begin_rate, images.train,
                 images, seed, progress);
}

Trained go_on(const Setting& setting, const Arm& arm, const lm::train::State& from, const Samples& training,
              const VesselImages& images, std::uint64_t seed, const lm::Progress& progress) {
  const lm::net::ResUNet net = network(setting, from);
  const std::int64_t epochs = arm.longer * setting.epochs;
  //! [losses]
  const lm::train::CrossEntropy plain{};  // takes the pixels' weights, where the samples have them
  const lm::train::OutsideInfluence<> penalised{.penalty = arm.penalty};
  //! [losses]
  // the common beginning took the first batches of this seed
  const std::uint64_t key = lm::mix(seed, 1);
  return arm.penalty > 0
             ? trained(setting, net, penalised, epochs, setting.rate, training, images, key, progress)
             : trained(setting, net, plain, epochs, setting.rate, training, images, key, progress);
}

}  // namespace studies::gradient_training
