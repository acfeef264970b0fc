// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/train/outside_influence.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <ATen/CPUGeneratorImpl.h>
#include <doctest/doctest.h>

#include <lumen/data/synthetic.hpp>
#include <lumen/net/seeded.hpp>
#include <lumen/net/unet.hpp>
#include <lumen/train/trainer.hpp>

#include "support/message.hpp"

using lumen::Tensor;
using lumen::testing::holds;
using lumen::testing::message_of;
using lumen::train::CrossEntropy;
using lumen::train::OutsideInfluence;

static_assert(lumen::train::ImageLoss<OutsideInfluence<>> && lumen::train::Loss<OutsideInfluence<>>);
static_assert(!lumen::train::ImageLoss<CrossEntropy>);

namespace {

/// A U-Net in float64, an image and a label with two vessels.
struct Case {
  lumen::net::UNet net =
      lumen::net::seeded(3, [] { return lumen::net::UNet(lumen::net::UNetOptions{.width = 4}); });
  Tensor x{}, label{};
  explicit Case(std::int64_t samples = 1, std::int64_t size = 12) {
    net->to(at::kDouble);
    at::Generator source = at::detail::createCPUGenerator(4);
    const at::NoGradGuard no_gradient;
    // the statistics of normalisation settle, so that in evaluation mode about half of the rectifiers are open
    for (int i = 0; i < 20; ++i)
      (void)net->forward(at::rand({4, 1, size, size}, source, at::TensorOptions(at::kDouble)));
    net->eval();
    x = at::rand({samples, 1, size, size}, source, at::TensorOptions(at::kDouble));
    label = at::zeros({samples, size, size}, at::kLong);
    label.narrow(1, 2, 2).fill_(1);
    label.narrow(2, 7, 1).fill_(1);
  }
  [[nodiscard]] Tensor share(const OutsideInfluence<>& loss, std::uint64_t seed) {
    const Tensor images = x.clone().requires_grad_(true);
    return loss.share(net->forward(images), label, images, seed);
  }
  /// From every row of the Jacobian, one backward pass each.
  [[nodiscard]] double by_rows(std::int64_t margin) {
    const Tensor images = x.clone().requires_grad_(true);
    const Tensor logits = net->forward(images);
    const Tensor odds = logits.select(1, 1) - logits.select(1, 0);
    double shares = 0;
    for (std::int64_t n = 0; n < x.size(0); ++n) {
      double all = 0, outside = 0;
      for (std::int64_t r = 0; r < label.size(1); ++r)
        for (std::int64_t c = 0; c < label.size(2); ++c) {
          if (label[n][r][c].item<std::int64_t>() != 1) continue;
          const Tensor row = torch::autograd::grad({odds[n][r][c]}, {images}, {}, true)[0][n][0].square();
          all += row.sum().item<double>();
          for (std::int64_t i = 0; i < label.size(1); ++i)
            for (std::int64_t j = 0; j < label.size(2); ++j) {
              bool near = false;
              for (std::int64_t a = i - margin; a <= i + margin; ++a)
                for (std::int64_t b = j - margin; b <= j + margin; ++b)
                  near = near || (a >= 0 && b >= 0 && a < label.size(1) && b < label.size(2) &&
                                  label[n][a][b].item<std::int64_t>() == 1);
              if (!near) outside += row[i][j].item<double>();
            }
        }
      shares += outside / all;
    }
    return shares / static_cast<double>(x.size(0));
  }
};

}  // namespace

DOCTEST_TEST_CASE("OutsideInfluence: the probes' share is that of all rows of the Jacobian") {
  Case about(2);
  for (const std::int64_t margin : {0, 2}) {
    DOCTEST_CAPTURE(margin);
    const double exact = about.by_rows(margin);
    DOCTEST_CHECK(exact > 0.01);
    const double estimate = about.share({.margin = margin, .probes = 600}, 1).item<double>();
    DOCTEST_CHECK(estimate == doctest::Approx(exact).epsilon(0.03));
  }
  DOCTEST_CHECK(about.by_rows(0) > 1.2 * about.by_rows(2));
}

DOCTEST_TEST_CASE("OutsideInfluence: of one vessel pixel any sign gives the exact share") {
  Case about;
  about.label.zero_();
  about.label[0][5][6] = 1;
  const double exact = about.by_rows(0);
  for (const std::uint64_t seed : {1, 2, 3})
    DOCTEST_CHECK(about.share({}, seed).item<double>() == doctest::Approx(exact).epsilon(1e-10));
}

DOCTEST_TEST_CASE(
    "OutsideInfluence: its gradient by the weights, through the backward pass, is that of differences") {
  for (const bool training : {false, true}) {
    DOCTEST_CAPTURE(training);
    Case about(2);
    const OutsideInfluence<> loss{.penalty = 3.0, .margin = 1, .probes = 2};
    const auto value = [&] {
      // running statistics move in training mode, but do not enter
      about.net->train(training);
      const Tensor images = about.x.clone().requires_grad_(true);
      return loss(about.net->forward(images), about.label, images, 9);
    };
    const auto parameters = about.net->parameters();
    about.net->zero_grad();
    value().backward();
    const double plain = CrossEntropy{}(about.net->forward(about.x), about.label).item<double>();
    DOCTEST_CHECK(value().item<double>() > plain + 0.01);
    at::Generator source = at::detail::createCPUGenerator(6);
    double checked = 0;
    for (const Tensor& parameter : parameters) {
      if (parameter.dim() != 4) continue;
      const Tensor way = at::randn(parameter.sizes(), source, parameter.options().requires_grad(false));
      const double slope = (parameter.grad() * way).sum().item<double>();
      const double step = 1e-6 / way.norm().item<double>();
      const auto moved = [&](double by) {
        const at::NoGradGuard no_gradient;
        parameter.add_(way, by);
      };
      moved(step);
      const double above = value().item<double>();
      moved(-2 * step);
      const double below = value().item<double>();
      moved(step);
      const double difference = (above - below) / (2 * step);
      DOCTEST_CHECK(difference == doctest::Approx(slope).epsilon(1e-4).scale(1e-3));
      checked = std::max(checked, std::abs(slope));
    }
    DOCTEST_CHECK(checked > 1e-2);
  }
}

DOCTEST_TEST_CASE("OutsideInfluence: samples without the class count for nothing, and gradients may be off") {
  Case about(2);
  about.label[1].zero_();
  const double first = about.share({.probes = 400}, 5).item<double>();
  about.x = about.x.narrow(0, 0, 1);
  about.label = about.label.narrow(0, 0, 1);
  DOCTEST_CHECK(first == doctest::Approx(about.by_rows(0)).epsilon(0.05));
  about.label.zero_();
  const Tensor nothing = about.share({}, 5);
  DOCTEST_CHECK(nothing.item<double>() == 0);

  Case measured;
  const Tensor images = measured.x.clone().requires_grad_(true), logits = measured.net->forward(images);
  const Tensor with = OutsideInfluence<>{}.share(logits, measured.label, images, 2);
  const at::NoGradGuard no_gradient;
  const Tensor without = OutsideInfluence<>{}.share(logits, measured.label, images, 2);
  DOCTEST_CHECK(with.requires_grad());
  DOCTEST_CHECK_FALSE(without.requires_grad());
  DOCTEST_CHECK(with.item<double>() == without.item<double>());
}

DOCTEST_TEST_CASE("OutsideInfluence: the trainer lowers it") {
  using lumen::data::Dataset;
  using lumen::data::SyntheticVessels;
  const auto images = SyntheticVessels{.size = 32, .seed = 2}.many(0, 8);
  const auto share_after = [&](double penalty) {
    auto net = lumen::net::seeded(1, [] { return lumen::net::UNet(lumen::net::UNetOptions{.width = 4}); });
    const lumen::train::Trainer<OutsideInfluence<>, lumen::train::Plateau> trainer{
        .loss = {.penalty = penalty}, .epochs = 1, .batch = 4, .learning_rate = 5e-3, .seed = 3};
    (void)trainer(net, Dataset(images, {.crop = 32}, 40), images);
    double sum = 0;
    for (const auto& sample : images) {
      const Tensor x = sample.image.unsqueeze(0).clone().requires_grad_(true);
      sum += OutsideInfluence<>{.probes = 8}
                 .share(net->forward(x), sample.label.unsqueeze(0), x, 1)
                 .item<double>();
    }
    return sum / 8;
  };
  DOCTEST_CHECK(share_after(5.0) < 0.8 * share_after(0.0));
}

DOCTEST_TEST_CASE("OutsideInfluence: what it refuses") {
  Case about;
  const Tensor images = about.x.clone().requires_grad_(true), logits = about.net->forward(images);
  const auto refused = [&](const OutsideInfluence<>& loss, const Tensor& of, const Tensor& x) {
    return message_of([&] { (void)loss(of, about.label, x, 1); });
  };
  DOCTEST_CHECK(holds(refused({.penalty = -1}, logits, images), "penalty is -1"));
  DOCTEST_CHECK(holds(refused({.channel = 2}, logits, images), "channel 2"));
  DOCTEST_CHECK(holds(refused({.margin = -1}, logits, images), "margin -1"));
  DOCTEST_CHECK(holds(refused({.probes = 0}, logits, images), "probes 0"));
  DOCTEST_CHECK(holds(refused({}, logits, about.x), "require gradients"));
  DOCTEST_CHECK(
      holds(refused({}, logits, about.x.clone().requires_grad_(true)), "do not depend on the images"));
}
