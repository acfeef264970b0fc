// SPDX-License-Identifier: BSD-3-Clause
// The gradient CAMs, against loops over cells.
#include <lumen/attribution/cam/grad_cam.hpp>

#include <lumen/attribution/cam/eigen_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/smooth_grad_cam_plus_plus.hpp>

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <lumen/attribution/combine/pipe.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/transform.hpp>

#include "support/allclose.hpp"
#include "support/cam_oracle.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace cams = lumen::testing::cams;
namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
namespace target = lumen::target;
using lumen::Tensor;
using lumen::Upsample;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(lumen::Method<lumen::GradCam>);
static_assert(lumen::Method<lumen::SmoothGradCamPlusPlus>);
static_assert(lumen::Method<lumen::EigenCam>);
static_assert(lumen::Method<lumen::GuidedGradCam>);
static_assert(lumen::CamMap<lumen::AnyCamMap>);
static_assert(!lumen::CamMap<int>);

namespace {

/// The oracle's map of every row, for a class.
template <class Map>
Tensor oracle(const cams::Cut& net, const Tensor& x, std::int64_t index, const Map& map) {
  return cams::each_row(x, [&](const Tensor& one) {
    return map(
        cams::at_layer([&](const Tensor& h) { return net.suffix(h).select(1, index); }, net.prefix(one)));
  });
}

double total_of(const Tensor& map) { return map.sum().item<double>(); }

}  // namespace

DOCTEST_TEST_CASE("Example") {
  namespace lm = lumen;
  const nets::Segmentation net;
  const Tensor image = nets::random({1, 1, 12, 12}, 1);
  //! [grad_cam]
  const auto cam = lm::GradCam{.layer = lm::layer::nth("relu", -1), .upsample = lm::Upsample::Bilinear};
  const auto why = cam(net, image, lm::target::ClassRegion{.channel = 1});  // Seg-Grad-CAM
  const Tensor map = why.map;                                               // [1, 1, 12, 12], signed
  //! [grad_cam]
  DOCTEST_CHECK(map.sizes() == image.sizes());
  //! [grad_cams]
  const auto method = lm::GradientCams{.layers = {lm::layer::of(net.conv1), lm::layer::nth("relu", 1)},
                                       .cams = {lm::cam::Grad{}, lm::cam::HiRes{}, lm::cam::Cellwise{}}};
  const auto maps = method(net, image, lm::target::Pixel{.channel = 1, .row = 6, .column = 6});
  const Tensor hi_res = maps[1][1].map;  // HiResCAM of the second relu, from the same two passes
  //! [grad_cams]
  DOCTEST_CHECK(hi_res.sizes() == image.sizes());
  //! [own_cam]
  const auto largest = [](const Tensor& activation, const Tensor& gradient) {
    return (activation * gradient).amax(1, true);
  };
  const auto own = lm::GradientCam{.layer = lm::layer::nth("relu", 1), .cam = largest}(
      net, image, lm::target::ClassRegion{});
  //! [own_cam]
  DOCTEST_CHECK(own.map.sizes() == image.sizes());
}

DOCTEST_TEST_CASE("every gradient CAM is what its paper's sums over cells say") {
  for (const bool pooled : {true, false}) {
    const cams::Cut net(40, pooled);
    const Tensor x = nets::random({3, 2, 8, 8}, 2);
    const auto at = layer::nth("relu", 1);
    const auto check = [&](const std::string& name, const auto& method, const auto& map) {
      DOCTEST_CAPTURE(name);
      const auto why = method(net, x, target::Class{.index = 1});
      DOCTEST_CHECK(all_close(why.map, oracle(net, x, 1, map), 1e-12));
      DOCTEST_CHECK(all_close(why.score, net(x).select(1, 1), 1e-12));
      DOCTEST_CHECK(why.map.abs().max().template item<double>() > 1e-3);
      DOCTEST_CHECK_FALSE(why.completeness_error.defined());
    };
    check("GradCam", lumen::GradCam{.layer = at}, [](const cams::At& a) { return cams::grad_cam(a); });
    check("GradCamPlusPlus", lumen::GradCamPlusPlus{.layer = at},
          [](const cams::At& a) { return cams::plus_plus(a); });
    check("XGradCam", lumen::XGradCam{.layer = at}, [](const cams::At& a) { return cams::x_grad(a); });
    check("HiResCam", lumen::HiResCam{.layer = at}, [](const cams::At& a) { return cams::hi_res(a); });
    check("LayerCam", lumen::LayerCam{.layer = at}, [](const cams::At& a) { return cams::layer_cam(a); });
    const auto eigen = [](const cams::At& a) { return cams::first_component(a.activation); };
    const auto eigen_grad = [](const cams::At& a) {
      return cams::first_component(a.activation * a.gradient);
    };
    DOCTEST_CHECK(all_close(lumen::EigenGradCam{.layer = at}(net, x, target::Class{.index = 1}).map,
                            oracle(net, x, 1, eigen_grad), 1e-8));
    const auto why = lumen::EigenCam{.layer = at}(net, x, target::Class{.index = 1});
    DOCTEST_CHECK(all_close(why.map, oracle(net, x, 1, eigen), 1e-8));
    DOCTEST_CHECK(why.map.min().item<double>() >= -1e-12);
    DOCTEST_CHECK(why.backward_passes == 0);
    DOCTEST_CHECK(all_close(
        why.map,
        lumen::GradientCam{.layer = at, .cam = lumen::cam::Eigen{}}(net, x, target::Class{.index = 1}).map));
  }
}

DOCTEST_TEST_CASE(
    "the suffix alone gives the gradient that a full backward pass gives, wherever the layer is") {
  const nets::Residual net;
  const Tensor x = nets::random({2, 2, 6, 6}, 3);
  // by hand: the stem's value feeds the branch and the sum
  const Tensor leaf = x.clone().requires_grad_(true);
  const Tensor stem = at::relu(at::conv2d(leaf, net.conv1, {}, 1, 1));
  const Tensor normal = at::batch_norm(at::conv2d(stem, net.conv2, {}, 1, 1), net.gain, net.shift, net.mean,
                                       net.variance, false, 0.1, 1e-5, false);
  const Tensor score = at::linear(at::adaptive_avg_pool2d(at::relu(normal + stem), {1, 1}).flatten(1), net.fc)
                           .select(1, 2)
                           .sum();
  const Tensor g = torch::autograd::grad({score}, {stem}).front();
  const Tensor expected = (g.mean({2, 3}, true) * stem).sum(1, true).detach();
  const auto why = lumen::GradCam{.layer = layer::nth("relu", 0)}(net, x, target::Class{.index = 2});
  DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
  const auto same =
      lumen::GradCam{.layer = layer::input(layer::of(net.conv2))}(net, x, target::Class{.index = 2});
  // the branch alone is differentiated where the layer is the convolution's input, not the value it shares
  DOCTEST_CHECK_FALSE(all_close(same.map, expected, 1e-6));
}

DOCTEST_TEST_CASE("with a region it is the sum of the CAMs of its pixels: Seg-Grad-CAM") {
  const nets::Segmentation net;
  const Tensor x = nets::random({2, 1, 6, 5}, 4);
  const Tensor mask = nets::random({6, 5}, 5) > 0.5;
  const auto method = lumen::GradCam{.layer = layer::nth("relu", 0)};
  const Tensor whole = method(net, x, target::Region{.channel = 1, .mask = mask}).map;
  Tensor total = at::zeros_like(whole);
  for (std::int64_t i = 0; i < 6; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      if (mask[i][j].item<bool>())
        total += method(net, x, target::Pixel{.channel = 1, .row = i, .column = j}).map;
    }
  }
  DOCTEST_CHECK(all_close(whole, total, 1e-12));
  const auto frozen = method(net, x, target::ClassRegion{.channel = 1});
  const auto split = lumen::GradCam{.layer = layer::nth("relu", 0), .run = {.memory = 1}}(
      net, x, target::ClassRegion{.channel = 1});
  DOCTEST_CHECK(all_close(frozen.map, split.map, 1e-12));
}

DOCTEST_TEST_CASE("several CAMs, layers and targets take one forward pass") {
  const cams::Cut net;
  int calls = 0;
  const auto counted = [&](const Tensor& x) {
    ++calls;
    return net(x);
  };
  const Tensor x = nets::random({1, 2, 8, 8}, 6);
  const auto method = lumen::GradientCams{.layers = {layer::nth("relu", 1), layer::nth("relu", 0)},
                                          .cams = {lumen::cam::Grad{}, lumen::cam::X{}}};
  const auto all = method(counted, x, lumen::Targets{target::Class{0}, target::Class{2}});
  DOCTEST_CHECK(calls == 1);
  DOCTEST_REQUIRE(all.size() == 2);
  for (std::size_t t = 0; t < 2; ++t) {
    const target::Class question{t == 0 ? 0 : 2};
    for (std::size_t l = 0; l < 2; ++l) {
      const auto at = layer::nth("relu", l == 0 ? 1 : 0);
      DOCTEST_CHECK(all_close(all[t][l][0].map, lumen::GradCam{.layer = at}(net, x, question).map));
      DOCTEST_CHECK(all_close(all[t][l][1].map, lumen::XGradCam{.layer = at}(net, x, question).map));
      DOCTEST_CHECK(all_close(all[t][l][0].score, question(net(x))));
    }
  }
}

DOCTEST_TEST_CASE("sums that the papers promise") {
  const cams::Cut net;
  const Tensor x = nets::random({1, 2, 8, 8}, 7);
  const auto at = layer::nth("relu", 1);
  const target::Class question{.index = 2};
  const double without_bias = net(x)[0][2].item<double>() - net.bias[2].item<double>();
  // behind the layer the model is linear
  DOCTEST_CHECK(total_of(lumen::HiResCam{.layer = at}(net, x, question).map) ==
                doctest::Approx(without_bias));
  DOCTEST_CHECK(total_of(lumen::XGradCam{.layer = at}(net, x, question).map) ==
                doctest::Approx(without_bias));
  DOCTEST_CHECK(total_of(lumen::GradCam{.layer = at}(net, x, question).map) == doctest::Approx(without_bias));
  // the target that is half as large has half the map: nothing is normalised
  const auto half = [](const Tensor& output) { return output.select(1, 2) * 0.5; };
  for (const auto& cam :
       std::vector<lumen::AnyCamMap>{lumen::cam::Grad{}, lumen::cam::X{}, lumen::cam::HiRes{},
                                     lumen::cam::Cellwise{}, lumen::cam::EigenGrad{}}) {
    const lumen::GradientCam<lumen::AnyCamMap> method{.layer = at, .cam = cam};
    DOCTEST_CHECK(all_close(method(net, x, half).map, method(net, x, question).map * 0.5, 1e-12));
  }
}

DOCTEST_TEST_CASE("options: positive part, upsampling, channels kept apart") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 8);
  const auto at = layer::nth("relu", 1);
  const target::Class question{.index = 0};
  const Tensor map = lumen::GradCam{.layer = at}(net, x, question).map;
  DOCTEST_CHECK(map.min().item<double>() < 0);
  DOCTEST_CHECK(map.sizes() == at::IntArrayRef({2, 1, 4, 4}));
  const Tensor positive = lumen::GradCam{.layer = at, .positive_part = true}(net, x, question).map;
  DOCTEST_CHECK(all_close(positive, map.clamp_min(0)));
  const auto upsampled = [&](Upsample how) {
    return lumen::GradCam{.layer = at, .positive_part = true, .upsample = how}(net, x, question).map;
  };
  const Tensor nearest = upsampled(Upsample::Nearest);
  DOCTEST_CHECK(all_close(nearest, positive.repeat_interleave(2, 2).repeat_interleave(2, 3)));
  const Tensor bilinear = upsampled(Upsample::Bilinear);
  DOCTEST_CHECK(bilinear.sizes() == at::IntArrayRef({2, 1, 8, 8}));
  // pixel (0, 1) lies a quarter of a cell to the right of the first cell's middle
  DOCTEST_CHECK(all_close(bilinear.select(2, 0).select(2, 1), positive.select(2, 0).select(2, 0) * 0.75 +
                                                                  positive.select(2, 0).select(2, 1) * 0.25));
  DOCTEST_CHECK(all_close(upsampled(Upsample::Area), nearest));
  DOCTEST_CHECK_FALSE(all_close(upsampled(Upsample::Bicubic), bilinear, 1e-6));
  const Tensor apart = lumen::GradCam{.layer = at, .cam = {.sum_channels = false}}(net, x, question).map;
  DOCTEST_CHECK(apart.sizes() == at::IntArrayRef({2, 5, 4, 4}));
  DOCTEST_CHECK(all_close(apart.sum(1, true), map, 1e-12));
}

DOCTEST_TEST_CASE("in-place rectifiers, layers counted from the end and inputs of operators") {
  cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 9);
  const target::Class question{.index = 1};
  const Tensor expected = lumen::GradCam{.layer = layer::nth("relu", 1)}(net, x, question).map;
  net.in_place = true;
  DOCTEST_CHECK(all_close(lumen::GradCam{.layer = layer::nth("relu", -1)}(net, x, question).map, expected));
  DOCTEST_CHECK(all_close(
      lumen::GradCam{.layer = layer::input(layer::nth("adaptive_avg_pool2d", 0))}(net, x, question).map,
      expected));
}

DOCTEST_TEST_CASE("a layer without rows and columns is a single cell") {
  const nets::BiasFree net;
  const Tensor x = nets::random({3, 6}, 10);
  const Tensor hidden = at::relu(at::linear(x, net.first));
  const auto why = lumen::GradCam{.layer = layer::nth("relu", 0)}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK(all_close(why.map, (hidden * net.second[1]).sum(1, true), 1e-12));
  DOCTEST_CHECK(all_close(why.map.squeeze(1), why.score, 1e-12));
  for (const auto& cam : std::vector<lumen::AnyCamMap>{lumen::cam::X{}, lumen::cam::HiRes{}}) {
    DOCTEST_CHECK(all_close(lumen::GradientCam<lumen::AnyCamMap>{.layer = layer::nth("relu", 0), .cam = cam}(
                                net, x, target::Class{.index = 1})
                                .map,
                            why.map, 1e-12));
  }
}

DOCTEST_TEST_CASE("Smooth Grad-CAM++: Grad-CAM++ of the gradient's mean powers over draws") {
  const cams::Cut net(41, false);
  const Tensor x = nets::random({2, 2, 8, 8}, 11);
  const auto at = layer::nth("relu", 1);
  const target::Class question{.index = 1};
  const auto still = lumen::SmoothGradCamPlusPlus{.layer = at, .samples = 3, .stdev = 0.0};
  DOCTEST_CHECK(all_close(still(net, x, question).map,
                          lumen::GradCamPlusPlus{.layer = at}(net, x, question).map, 1e-12));

  const lumen::SmoothGradCamPlusPlus method{.layer = at, .samples = 5, .stdev = 0.3, .seed = 4};
  const auto why = method(net, x, question);
  std::int64_t row = 0;
  const Tensor expected = cams::each_row(x, [&](const Tensor& one) {
    const Tensor value = net.prefix(one)[0], deviation = (one.max() - one.min()) * 0.3;
    Tensor g1 = at::zeros_like(value), g2 = g1.clone(), g3 = g1.clone();
    for (std::int64_t draw = 0; draw < 5; ++draw) {
      const Tensor noisy = one + lumen::normal_rows(one, lumen::mix(4, 0), {row}, {draw}) * deviation;
      const Tensor g =
          cams::at_layer([&](const Tensor& h) { return net.suffix(h).select(1, 1); }, net.prefix(noisy))
              .gradient;
      g1 += g / 5;
      g2 += g.pow(2) / 5;
      g3 += g.pow(3) / 5;
    }
    ++row;
    return cams::plus_plus(value, g1, g2, g3);
  });
  DOCTEST_CHECK(all_close(why.map, expected, 1e-12));
  DOCTEST_CHECK(all_close(why.score, net(x).select(1, 1), 1e-12));
  DOCTEST_CHECK(why.forward_passes == 6);
  lumen::SmoothGradCamPlusPlus split = method;
  split.run.memory = 1;
  DOCTEST_CHECK(all_close(split(net, x, question).map, expected, 1e-12));
  DOCTEST_CHECK_FALSE(all_close(
      lumen::SmoothGradCamPlusPlus{.layer = at, .samples = 5, .stdev = 0.3, .seed = 5}(net, x, question).map,
      expected, 1e-6));
  DOCTEST_CHECK(holds(
      message_of([&] { (void)lumen::SmoothGradCamPlusPlus{.layer = at, .samples = 0}(net, x, question); }),
      "samples is 0"));
}

DOCTEST_TEST_CASE("Guided Grad-CAM is guided backpropagation times the map's positive part") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 12);
  const auto at = layer::of(net.conv2);
  const target::Class question{.index = 1};
  const Tensor guided = lumen::GuidedBackprop{}(net, x, question).map;
  for (const Upsample how : {Upsample::Nearest, Upsample::Bilinear}) {
    const auto why = lumen::GuidedGradCam{.layer = at, .upsample = how}(net, x, question);
    const Tensor cam =
        lumen::GradCam{.layer = at, .positive_part = true, .upsample = how}(net, x, question).map;
    DOCTEST_CHECK(all_close(why.map, guided * cam));
    DOCTEST_CHECK(why.map.abs().max().item<double>() > 1e-4);
    DOCTEST_CHECK(why.forward_passes == 2);
  }
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::GuidedGradCam{.layer = at, .upsample = Upsample::None}(net, x, question);
                      }),
                      "choose an upsampling"));
  const nets::TwoInputs two;
  const std::tuple<Tensor, Tensor> both{nets::random({2, 4}, 13), nets::random({2, 1, 4, 4}, 14)};
  const auto of_conv = layer::of(two.conv);
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::GuidedGradCam{.layer = of_conv}(two, both, question); }),
                      "images_only = true"));
  const auto images = lumen::GuidedGradCam{.layer = of_conv, .images_only = true}(two, both, question);
  DOCTEST_CHECK_FALSE(std::get<0>(images.map).defined());
  DOCTEST_CHECK(std::get<1>(images.map).sizes() == std::get<1>(both).sizes());
}

DOCTEST_TEST_CASE("a CAM composes like any method") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 15);
  const target::Class question{.index = 1};
  const auto method = lumen::GradCam{.layer = layer::nth("relu", 1)};
  const auto piped = (method | lumen::PositivePart{})(net, x, question);
  DOCTEST_CHECK(all_close(piped.map, method(net, x, question).map.clamp_min(0)));
  const auto smooth = lumen::Smooth{.method = method, .samples = 3, .stdev = 0.0}(net, x, question);
  DOCTEST_CHECK(all_close(smooth.map, method(net, x, question).map, 1e-12));
  const nets::TwoInputs two;
  const std::tuple<Tensor, Tensor> both{nets::random({2, 4}, 16), nets::random({2, 1, 4, 4}, 17)};
  const auto of_two =
      lumen::GradCam{.layer = layer::of(two.conv), .upsample = Upsample::Nearest}(two, both, question);
  DOCTEST_CHECK(of_two.map.sizes() == std::get<1>(both).sizes());
}

DOCTEST_TEST_CASE("the model is as before, also after an error") {
  const cams::Cut net;
  for (const Tensor& each : {net.conv1, net.fc}) each.requires_grad_(true);
  const Tensor before = net.conv1.detach().clone(), x = nets::random({1, 2, 8, 8}, 18);
  (void)lumen::GradCam{.layer = layer::nth("relu", 1)}(net, x, target::Class{.index = 1});
  DOCTEST_CHECK_THROWS(
      (void)lumen::GradCam{.layer = layer::nth("relu", 1)}(net, x, target::Class{.index = 9}));
  DOCTEST_CHECK(net.conv1.requires_grad());
  DOCTEST_CHECK_FALSE(net.conv1.grad().defined());
  DOCTEST_CHECK(net.conv1.detach().equal(before));
  DOCTEST_CHECK(at::GradMode::is_enabled());
}

DOCTEST_TEST_CASE("what a CAM refuses, it says") {
  const cams::Cut net;
  const Tensor x = nets::random({2, 2, 8, 8}, 19);
  const target::Class question{.index = 1};
  const auto message = [&](const lumen::GradCam& method, const auto& asked, const Tensor& input) {
    return message_of([&] { (void)method(net, input, asked); });
  };
  DOCTEST_CHECK(
      holds(message({.layer = layer::nth("relu", 7)}, question, x), "never came to the output of relu 7"));
  DOCTEST_CHECK(holds(message({.layer = layer::nth("gelu", -1)}, question, x), "is not there"));
  // a layer's CAM takes any type: what the model itself says of it passes through
  DOCTEST_CHECK_THROWS_AS((void)message({.layer = layer::nth("relu", 1)}, question, x.to(at::kLong)),
                          c10::Error);
  DOCTEST_CHECK(
      holds(message({.layer = layer::nth("relu", 1)}, target::Classes{at::tensor({0, 1, 2}, at::kLong)}, x),
            "3 classes"));
  const auto blind = [](const Tensor& output) { return output.detach().select(1, 0); };
  DOCTEST_CHECK(holds(message({.layer = layer::nth("relu", 1)}, blind, x), "does not depend on"));
  DOCTEST_CHECK(holds(
      message_of([&] { (void)lumen::GradientCams{.layers = {layer::nth("relu", 1)}}(net, x, question); }),
      "list of CAMs is empty"));
  DOCTEST_CHECK(
      holds(message_of([&] { (void)lumen::GradientCams{.cams = {lumen::cam::Grad{}}}(net, x, question); }),
            "list of layers is empty"));
  const nets::BiasFree flat;
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::GradCam{.layer = layer::nth("relu", 0), .upsample = Upsample::Bilinear}(
                            flat, nets::random({1, 6}, 1), question);
                      }),
                      "Upsample::None"));
}
