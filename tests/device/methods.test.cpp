// SPDX-License-Identifier: BSD-3-Clause
// What a method answers for a network on a GPU is what it answers for the same network on the processor, and stays
// there.
#include <doctest/doctest.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/attribution/relevance/excitation_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/lumen.hpp>

#include "support/allclose.hpp"
#include "support/device.hpp"
#include "support/methods.hpp"
#include "support/nets.hpp"
#include "support/zoo.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::on;

namespace {

const std::optional<at::Device> gpu = lumen::testing::accelerator();

/// Both undefined, or `there` on the GPU and equal.
void check(const Tensor& here, const Tensor& there, double tolerance) {
  DOCTEST_REQUIRE(here.defined() == there.defined());
  if (!here.defined()) return;
  DOCTEST_CHECK((there.device() == *gpu));
  DOCTEST_CHECK((there.scalar_type() == here.scalar_type()));
  DOCTEST_CAPTURE(lumen::testing::max_error(there.cpu(), here));
  DOCTEST_CHECK(all_close(there.cpu(), here, tolerance));
}
void check(const Tensors& here, const Tensors& there, double tolerance) {
  DOCTEST_REQUIRE(here.size() == there.size());
  for (std::size_t i = 0; i < here.size(); ++i) check(here[i], there[i], tolerance);
}
template <class X>
void check(const lumen::Attribution<X>& here, const lumen::Attribution<X>& there, double tolerance) {
  check(lumen::parts_of(here.map), lumen::parts_of(there.map), tolerance);
  check(here.score, there.score, tolerance);
  check(here.completeness_error, there.completeness_error, tolerance);
  DOCTEST_CHECK(here.forward_passes == there.forward_passes);
  DOCTEST_CHECK(here.backward_passes == there.backward_passes);
  if constexpr (std::same_as<X, Tensor>) check(here.standard_error, there.standard_error, tolerance);
}

}  // namespace

DOCTEST_TEST_CASE("gradient methods") {
  if (!gpu) return;
  const nets::ConvNet here, there = on<nets::ConvNet>(*gpu);
  const Tensor x = nets::random({3, 1, 8, 8}, 1);
  const lumen::Targets questions{target::Classes{at::tensor({0, 2, 1}, at::kLong)}, target::Class{1}};
  lumen::testing::each_image_method([&](const std::string& name, auto method) {
    DOCTEST_CAPTURE(name);
    for (const std::int64_t memory : {std::int64_t{1}, std::int64_t{200'000}, lumen::Run{}.memory}) {
      method.run.memory = memory;
      const auto expected = method(here, x, questions), found = method(there, x.to(*gpu), questions);
      for (std::size_t t = 0; t < questions.size(); ++t) check(expected[t], found[t], 1e-9);
    }
  });
}

DOCTEST_TEST_CASE("dense outputs, and every fixed and drawn baseline") {
  if (!gpu) return;
  const nets::Segmentation here, there = on<nets::Segmentation>(*gpu);
  const Tensor x = nets::random({2, 1, 9, 7}, 2).abs();
  namespace b = lumen::baseline;
  const auto both = [&](const auto& method) {
    const lumen::Targets questions{target::ClassRegion{.channel = 1}, target::Pixel{.channel = 1, .row = 4},
                                   target::Region{.channel = 0, .mask = x.select(1, 0) > 0.5}};
    const auto expected = method(here, x, questions), found = method(there, x.to(*gpu), questions);
    for (std::size_t t = 0; t < questions.size(); ++t) check(expected[t], found[t], 1e-9);
  };
  const lumen::IntegratedGradients along{.steps = 3};
  both(along);
  both(along.with_baseline(b::Constant{.value = 0.4}));
  both(along.with_baseline(b::ChannelMean{}));
  both(along.with_baseline(b::Blur{.sigma = 1.5}));
  both(along.with_baseline(b::Given{x.flip({3})}));
  both(along.with_baseline(b::Uniform{.seed = 1}));
  both(along.with_baseline(b::GaussianNoise{.stdev = 0.2, .seed = 2}));
  both(lumen::ExpectedGradients{.baseline = b::Samples{.values = nets::random({5, 1, 9, 7}, 3)},
                                .samples = 4});
  both(lumen::Occlusion{.window = {{1, 2, 2}}});
  both(lumen::FeatureAblation{});
}

DOCTEST_TEST_CASE("two inputs") {
  if (!gpu) return;
  const nets::TwoInputs here, there = on<nets::TwoInputs>(*gpu);
  const std::tuple x{nets::random({3, 4}, 4), nets::random({3, 1, 4, 4}, 5)};
  const std::tuple moved{std::get<0>(x).to(*gpu), std::get<1>(x).to(*gpu)};
  lumen::testing::each_method([&](const std::string& name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check(method(here, x, target::Class{1}), method(there, moved, target::Class{1}), 1e-9);
  });
}

DOCTEST_TEST_CASE("class activation maps") {
  if (!gpu) return;
  const nets::ConvNet here, there = on<nets::ConvNet>(*gpu);
  const Tensor x = nets::random({2, 1, 8, 8}, 6);
  const auto both = [&](const char* name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check(method(here, x, target::Class{2}), method(there, x.to(*gpu), target::Class{2}), 1e-8);
  };
  const layer::Layer last = layer::nth("relu", 1);
  both("GradCam", lumen::GradCam{.layer = last, .upsample = lumen::Upsample::Bilinear});
  both("GradCamPlusPlus", lumen::GradCamPlusPlus{.layer = last});
  both("SmoothGradCamPlusPlus", lumen::SmoothGradCamPlusPlus{.layer = last, .samples = 3});
  both("XGradCam", lumen::XGradCam{.layer = last});
  both("HiResCam", lumen::HiResCam{.layer = last});
  both("LayerCam", lumen::LayerCam{.layer = last});
  both("EigenCam", lumen::EigenCam{.layer = last});
  both("EigenGradCam", lumen::EigenGradCam{.layer = last});
  both("ScoreCam", lumen::ScoreCam{.layer = last});
  both("AblationCam", lumen::AblationCam{.layer = last});
  both("AblationCam, pass by pass", lumen::AblationCam{.layer = last, .closed_form = false});
  both("ReciproCam", lumen::ReciproCam{.layer = last});
  both("GuidedGradCam", lumen::GuidedGradCam{.layer = last});
  const nets::Residual pooled, pooled_there = on<nets::Residual>(*gpu);
  const Tensor image = nets::random({2, 2, 6, 6}, 7);
  check(lumen::Cam{}(pooled, image, target::Class{0}),
        lumen::Cam{}(pooled_there, image.to(*gpu), target::Class{0}), 1e-9);
}

DOCTEST_TEST_CASE("layers and neurons") {
  if (!gpu) return;
  const nets::ConvNet here, there = on<nets::ConvNet>(*gpu);
  const Tensor x = nets::random({2, 1, 8, 8}, 8);
  const auto both = [&](const char* name, const auto& method) {
    DOCTEST_CAPTURE(name);
    check(method(here, x, target::Class{2}), method(there, x.to(*gpu), target::Class{2}), 1e-9);
  };
  const layer::Layer pool = layer::nth("max_pool2d", 0);
  check(lumen::LayerActivation{.layers = {pool}}(here, x),
        lumen::LayerActivation{.layers = {pool}}(there, x.to(*gpu)), 1e-10);
  both("AtLayer of IntegratedGradients",
       lumen::AtLayer{.method = lumen::IntegratedGradients{.steps = 5}, .layer = pool});
  both("AtLayer of DeepLift", lumen::AtLayer{.method = lumen::DeepLift{}, .layer = pool});
  both("Conductance", lumen::Conductance{.layer = pool, .steps = 5});
  both("InternalInfluence", lumen::InternalInfluence{.layer = pool, .steps = 5});
  both("NeuronConductance",
       lumen::NeuronConductance{.layer = pool, .neuron = target::Element{{1, 2, 2}}, .steps = 5});
  const lumen::AtNeuron neuron{.method = lumen::IntegratedGradients{.steps = 5}, .layer = pool};
  check(neuron(here, x, target::Element{{1, 2, 2}}), neuron(there, x.to(*gpu), target::Element{{1, 2, 2}}),
        1e-9);
}

DOCTEST_TEST_CASE("rules, on the families of classifiers") {
  if (!gpu) return;
  for (const lumen::testing::ZooNet& net : lumen::testing::zoo()) {
    DOCTEST_CAPTURE(net.name);
    const Tensor x = net.images(1);
    const auto each = [&](const Tensor& image, const auto& visit) {
      const auto ask = [&](const char* name, const auto& method) {
        visit(name, method(net, image, target::Class{3}));
      };
      ask("GuidedBackprop", lumen::GuidedBackprop{});
      ask("Deconvnet", lumen::Deconvnet{});
      ask("DeepLift", lumen::DeepLift{});
      ask("DeepLift, reveal-cancel", lumen::DeepLift{.rule = lumen::rule::RevealCancel{}});
      ask("DeepLiftShap",
          lumen::DeepLiftShap{.baseline = lumen::baseline::GaussianNoise{.seed = 3}, .samples = 2});
      ask("Lrp", lumen::Lrp{});
      ask("Lrp, box", lumen::Lrp{.composite = lumen::rule::lrp::EpsilonGammaBox{.low = -6., .high = 6.}});
      ask("ExcitationBackprop", lumen::ExcitationBackprop{});
      ask("FullGrad", lumen::FullGrad{});
    };
    std::vector<lumen::Attribution<Tensor>> answers;
    each(x, [&](const char*, const auto& answer) { answers.push_back(answer); });
    const Tensor here = net.forward(x).detach();
    const lumen::testing::Moved moved(net.parameters, *gpu);
    // LibTorch's hard sigmoid and swish multiply by a sixth in float32 on a GPU, also of float64
    const bool hard = net.name == "MobileNet";
    const double tolerance = hard ? 1e-4 : 1e-7;
    DOCTEST_CHECK(all_close(net.forward(x.to(*gpu)).detach().cpu(), here, hard ? 1e-6 : 1e-11));
    DOCTEST_CHECK_FALSE((hard && all_close(net.forward(x.to(*gpu)).detach().cpu(), here, 1e-11)));
    std::size_t next = 0;
    each(x.to(*gpu), [&](const char* name, const auto& answer) {
      DOCTEST_CAPTURE(name);
      check(answers[next++], answer, tolerance);
    });
  }
}

DOCTEST_TEST_CASE("the budget bounds what the GPU holds") {
  if (!gpu) return;
  const lumen::testing::ZooNet& net = lumen::testing::zoo().front();
  const lumen::testing::Moved moved(net.parameters, *gpu);
  const Tensor x = net.images(1).to(*gpu);
  for (const std::int64_t mebibytes : {32, 128}) {
    const lumen::IntegratedGradients method{.steps = 200, .run = {.memory = mebibytes << 20}};
    const lumen::MemoryMeter meter;
    (void)method(net, x, target::Class{3});
    DOCTEST_CHECK(meter.peak() <= mebibytes << 20);
    DOCTEST_CHECK(meter.peak() > mebibytes << 18);
  }
}

DOCTEST_TEST_CASE("float32, and half precision where it is at home") {
  if (!gpu) return;
  nets::ConvNet here, there = on<nets::ConvNet>(*gpu);
  const Tensor x = nets::random({2, 1, 8, 8}, 9);
  const auto expected = lumen::IntegratedGradients{}(here, x, target::Class{0});
  for (const auto& [type, tolerance] :
       {std::pair{at::kFloat, 1e-4}, {at::kHalf, 3e-2}, {at::kBFloat16, 2e-1}}) {
    for (Tensor weight : there.parameters()) weight.set_data(weight.to(type));
    const auto found = lumen::IntegratedGradients{}(there, x.to(*gpu, type), target::Class{0});
    DOCTEST_CHECK((found.map.scalar_type() == type));
    DOCTEST_CHECK(all_close(found.map.cpu().to(at::kDouble), expected.map, tolerance));
  }
}

DOCTEST_TEST_CASE("an input that is not where the network is: LibTorch's error, and all is as before") {
  if (!gpu) return;
  const nets::ConvNet there = on<nets::ConvNet>(*gpu);
  const Tensor x = nets::random({1, 1, 8, 8}, 10);
  DOCTEST_CHECK_THROWS_AS((void)lumen::Saliency{}(there, x, target::Class{0}), c10::Error);
  DOCTEST_CHECK_FALSE(x.requires_grad());
  DOCTEST_CHECK(lumen::Saliency{}(there, x.to(*gpu), target::Class{0}).map.defined());
}
