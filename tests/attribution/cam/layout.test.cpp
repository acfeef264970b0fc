// SPDX-License-Identifier: BSD-3-Clause
// CAMs of layers that are not [N, C, H, W]: refused with the remedy, and with it equal to CAMs of the moved value.
#include <lumen/attribution/cam/layout.hpp>

#include <doctest/doctest.h>

#include <string>

#include <lumen/attribution/cam/ablation_cam.hpp>
#include <lumen/attribution/cam/cam.hpp>
#include <lumen/attribution/cam/eigen_cam.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>
#include <lumen/attribution/cam/smooth_grad_cam_plus_plus.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace layout = lumen::layout;
namespace nets = lumen::testing::nets;
using lumen::Tensor;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

namespace {

const lumen::target::Class question{.index = 1};

/// A convolution, then a block whose values are [N, h, w, C], as Swin Transformer's are. Between the two taps nothing
/// happens but the permutation, so that a CAM of the one is that of the other.
struct ChannelsLastNet {
  Tensor conv = nets::weight({6, 1, 3, 3}, 1), norm = nets::random({6}, 2) + 1.0,
         in = nets::weight({12, 6}, 3), out = nets::weight({6, 12}, 4), head = nets::weight({3, 6}, 5);
  Tensor operator()(const Tensor& x) const {
    const Tensor first = lumen::trace::tap("first", at::relu(at::conv2d(x, conv, {}, 2, 1)));
    const Tensor last = lumen::trace::tap("last", first.permute({0, 2, 3, 1}));
    const Tensor block =
        last + at::linear(at::gelu(at::linear(at::layer_norm(last, {6}, norm), in)), out);  // [N, h, w, C]
    return at::linear(lumen::trace::tap("block", block).mean({1, 2}), head);
  }
};

/// A vision transformer of one block, its class token in front, without attention between tokens but through the mean.
struct TokenNet {
  Tensor patches = nets::weight({8, 1, 2, 2}, 11), token = nets::random({1, 1, 8}, 12),
         mix = nets::weight({8, 8}, 13), head = nets::weight({3, 8}, 14);
  bool class_token = true;
  Tensor operator()(const Tensor& x) const {
    const Tensor grid = lumen::trace::tap("grid", at::conv2d(x, patches, {}, 2));
    Tensor tokens = grid.flatten(2).transpose(1, 2);  // [N, T, C]
    if (class_token) tokens = at::cat({token.expand({x.size(0), 1, 8}), tokens}, 1);
    tokens = lumen::trace::tap("tokens", tokens);
    const Tensor mixed = tokens + at::tanh(at::linear(tokens, mix));
    return at::linear((mixed * mixed).mean(1), head);
  }
};

template <class Method>
void equal(const std::string& name, const Method& native, const Method& moved, const auto& net,
           const Tensor& x) {
  DOCTEST_CAPTURE(name);
  const auto ours = native(net, x, question), theirs = moved(net, x, question);
  DOCTEST_CHECK(all_close(ours.map, theirs.map, 1e-10));
  DOCTEST_CHECK(ours.map.abs().max().template item<double>() > 1e-6);
}

/// Each CAM at the layer `there` in its layout, against the same at `here`, which is [N, C, h, w].
void each_cam(const lumen::trace::Layer& there, const lumen::Layout& how, const lumen::trace::Layer& here,
              const auto& net, const Tensor& x) {
  equal("GradCam", lumen::GradCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("GradCamPlusPlus", lumen::GradCamPlusPlus{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("HiResCam", lumen::HiResCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("EigenCam", lumen::EigenCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("ScoreCam", lumen::ScoreCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("ReciproCam", lumen::ReciproCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("AblationCam", lumen::AblationCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("AblationCam, each channel", lumen::AblationCam{.layer = there, .layout = how, .closed_form = false},
        {.layer = here, .closed_form = false}, net, x);
  equal("SmoothGradCamPlusPlus", lumen::SmoothGradCamPlusPlus{.layer = there, .layout = how, .samples = 3},
        {.layer = here, .samples = 3}, net, x);
  equal("GuidedGradCam", lumen::GuidedGradCam{.layer = there, .layout = how}, {.layer = here}, net, x);
  equal("GradCam, row by row", lumen::GradCam{.layer = there, .layout = how, .run = {.memory = 1}},
        {.layer = here}, net, x);
}

}  // namespace

DOCTEST_TEST_CASE("Example") {
  const ChannelsLastNet swin;
  const TokenNet vit;
  const Tensor image = nets::random({1, 1, 12, 12}, 1);
  const auto method_of_swin = [](auto& net, const Tensor& picture) {
    namespace lm = lumen;
    //! [layouts]
    const auto cam =
        lm::GradCam{.layer = lm::layer::tap("block"), .layout = lm::layout::ChannelsLast{}};  // [N, h, w, C]
    //! [layouts]
    return cam(net, picture, question).map;
  };
  const auto method_of_vit = [](auto& net, const Tensor& picture) {
    namespace lm = lumen;
    //! [tokens]
    const auto cam = lm::GradCam{.layer = lm::layer::tap("tokens"),
                                 .layout = lm::layout::Tokens{.rows = 6, .columns = 6, .class_tokens = 1}};
    //! [tokens]
    return cam(net, picture, question).map;
  };
  DOCTEST_CHECK(method_of_swin(swin, image).sizes() == at::IntArrayRef({1, 1, 6, 6}));
  DOCTEST_CHECK(method_of_vit(vit, image).sizes() == at::IntArrayRef({1, 1, 6, 6}));
}

DOCTEST_TEST_CASE("a layer whose channels come last is refused, with its shape and the remedy") {
  const ChannelsLastNet net;
  const Tensor x = nets::random({2, 1, 16, 16}, 2);
  const auto refusal = [&](const auto& method) {
    return message_of([&] { (void)method(net, x, question); });
  };
  const auto told = [&](const std::string& message) {
    DOCTEST_CAPTURE(message);
    DOCTEST_CHECK(holds(message, "[2, 8, 8, 6]"));
    DOCTEST_CHECK(holds(message, "layout = layout::ChannelsLast{}"));
  };
  for (const auto& at : {layer::tap("last"), layer::tap("block"), layer::nth("layer_norm", 0),
                         layer::nth("add", -1), layer::input(layer::nth("layer_norm", 0))}) {
    DOCTEST_CAPTURE(at.what());
    told(refusal(lumen::GradCam{.layer = at}));
    told(refusal(lumen::EigenCam{.layer = at}));
    told(refusal(lumen::AblationCam{.layer = at}));
    told(refusal(lumen::ReciproCam{.layer = at}));
    told(refusal(lumen::ScoreCam{.layer = at}));
    told(refusal(lumen::SmoothGradCamPlusPlus{.layer = at, .samples = 2}));
    told(refusal(lumen::GradientCams{.layers = {at}, .cams = {lumen::cam::Grad{}}}));
  }
  DOCTEST_CHECK_NOTHROW((void)lumen::GradCam{.layer = layer::tap("first")}(net, x, question));
  // who says that the channels come first is believed
  DOCTEST_CHECK(
      lumen::GradCam{.layer = layer::tap("last"), .layout = layout::ChannelsFirst{}}(net, x, question)
          .map.sizes() == at::IntArrayRef({2, 1, 8, 6}));
  // also where no operator tells, the grid does that is not like the image's
  const auto hidden = [&](const Tensor& image) {
    const Tensor last = at::einsum("nchw->nhwc", {at::relu(at::conv2d(image, net.conv, {}, 2, 1))});
    return at::linear(lumen::trace::tap("hidden", last).mean({1, 2}), net.head);
  };
  told(message_of([&] { (void)lumen::GradCam{.layer = layer::tap("hidden")}(hidden, x, question); }));
}

DOCTEST_TEST_CASE("tokens are refused, with the remedy") {
  const TokenNet net;
  const Tensor x = nets::random({2, 1, 12, 12}, 3);
  const std::string message =
      message_of([&] { (void)lumen::GradCam{.layer = layer::tap("tokens")}(net, x, question); });
  DOCTEST_CHECK(holds(message, "[2, 37, 8]"));
  DOCTEST_CHECK(holds(message, "layout = layout::Tokens{}"));
}

DOCTEST_TEST_CASE("every CAM of a channels-last layer is that of the layer with its channels moved") {
  const ChannelsLastNet net;
  const Tensor x = nets::random({2, 1, 8, 10}, 4);
  each_cam(layer::tap("last"), layout::ChannelsLast{}, layer::tap("first"), net, x);
  const auto functor = [](const Tensor& value) { return value.permute({0, 3, 1, 2}); };
  equal("a functor", lumen::HiResCam{.layer = layer::tap("last"), .layout = functor},
        {.layer = layer::tap("first")}, net, x);
}

DOCTEST_TEST_CASE("every CAM of tokens is that of the grid before them, with a class token and without") {
  for (const bool class_token : {true, false}) {
    DOCTEST_CAPTURE(class_token);
    TokenNet net;
    net.class_token = class_token;
    const Tensor square = nets::random({2, 1, 12, 12}, 5), wide = nets::random({2, 1, 8, 12}, 6);
    each_cam(layer::tap("tokens"), layout::Tokens{}, layer::tap("grid"), net, square);
    each_cam(layer::tap("tokens"), layout::Tokens{.rows = 4, .columns = 6}, layer::tap("grid"), net, wide);
  }
}

DOCTEST_TEST_CASE("tokens that are no grid are refused, and so are layouts that change values") {
  const Tensor tokens = nets::random({2, 38, 8}, 7);
  const auto refusal = [&](const lumen::Layout& how) { return message_of([&] { (void)how(tokens); }); };
  DOCTEST_CHECK(
      holds(refusal(layout::Tokens{}), "38 tokens are not a square, with or without a class token"));
  DOCTEST_CHECK(
      holds(refusal(layout::Tokens{.class_tokens = 1}), "38 tokens are not 1 class tokens and a square"));
  DOCTEST_CHECK(holds(refusal(layout::Tokens{.rows = 5, .columns = 8}), "a grid of 5 x 8"));
  DOCTEST_CHECK(holds(refusal(layout::Tokens{.rows = 5}), "both sides of the grid or none"));
  DOCTEST_CHECK(layout::Tokens{.class_tokens = 2}(tokens).sizes() == at::IntArrayRef({2, 8, 6, 6}));
  DOCTEST_CHECK(layout::Tokens{.rows = 4, .columns = 9}(tokens).sizes() == at::IntArrayRef({2, 8, 4, 9}));
  const Tensor moved = layout::Tokens{.rows = 4, .columns = 9}(tokens);
  DOCTEST_CHECK(moved[1][3][2][5].item<double>() == tokens[1][2 + 2 * 9 + 5][3].item<double>());
  const ChannelsLastNet net;
  const Tensor x = nets::random({1, 1, 8, 8}, 8);
  const auto doubles = [](const Tensor& value) { return value.permute({0, 3, 1, 2}) * 2; };
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::GradCam{.layer = layer::tap("last"), .layout = doubles}(net, x,
                                                                                             question);
                      }),
                      "the layout changes a layer's values"));
  const auto batchless = [](const Tensor& value) { return value.permute({1, 3, 0, 2}); };
  DOCTEST_CHECK(holds(message_of([&] {
                        (void)lumen::GradCam{.layer = layer::tap("last"), .layout = batchless}(net, x,
                                                                                               question);
                      }),
                      "the layout makes [4, 6, 1, 4]"));
}

DOCTEST_TEST_CASE("Cam of a head that pools channels-last features, with a layout") {
  const nets::Linear unused;
  const Tensor conv = nets::weight({6, 1, 3, 3}, 21), head = nets::weight({3, 6}, 22),
               x = nets::random({2, 1, 8, 6}, 23);
  const auto last = [&](const Tensor& image) {
    return at::linear(at::relu(at::conv2d(image, conv, {}, 1, 1)).permute({0, 2, 3, 1}).mean({1, 2}), head);
  };
  const auto first = [&](const Tensor& image) {
    return at::linear(at::relu(at::conv2d(image, conv, {}, 1, 1)).mean({2, 3}), head);
  };
  DOCTEST_CHECK(holds(message_of([&] { (void)lumen::Cam{}(last, x, question); }), "give a layout"));
  const auto why = lumen::Cam{.layout = layout::ChannelsLast{}}(last, x, question);
  DOCTEST_CHECK(all_close(why.map, lumen::Cam{}(first, x, question).map, 1e-12));
}

DOCTEST_TEST_CASE("FullGrad lays channels-last values where their cells are, and stays complete") {
  const ChannelsLastNet net;
  // the block's biases act on single cells: a network that does the same by 1x1 convolutions has the same map
  const Tensor bias = nets::random({12}, 31), x = nets::random({2, 1, 8, 12}, 32);
  const auto last = [&](const Tensor& image) {
    const Tensor h = at::relu(at::conv2d(image, net.conv, {}, 2, 1)).permute({0, 2, 3, 1});
    const Tensor y = at::linear(at::gelu(at::linear(h, net.in, bias)), net.out, nets::random({6}, 33));
    return at::linear(y.mean({1, 2}), net.head);
  };
  const auto first = [&](const Tensor& image) {
    const Tensor h = at::relu(at::conv2d(image, net.conv, {}, 2, 1));
    const Tensor y = at::conv2d(at::gelu(at::conv2d(h, net.in.reshape({12, 6, 1, 1}), bias)),
                                net.out.reshape({6, 12, 1, 1}), nets::random({6}, 33));
    return at::linear(y.mean({2, 3}), net.head);
  };
  for (const bool picture : {false, true}) {
    const auto ours = lumen::FullGrad{.picture = picture}(last, x, question);
    DOCTEST_CHECK(all_close(ours.map, lumen::FullGrad{.picture = picture}(first, x, question).map, 1e-11));
    DOCTEST_CHECK(all_close(ours.completeness_error, at::zeros_like(ours.score), 1e-11));
  }
  // tokens: evenly without a layout, as the grid with it
  TokenNet vit;
  vit.class_token = false;
  const auto grid = [&](const Tensor& image) {
    const Tensor h = at::conv2d(image, vit.patches, {}, 2);
    const Tensor mixed = h + at::tanh(at::conv2d(h, vit.mix.reshape({8, 8, 1, 1})));
    return at::linear((mixed * mixed).mean({2, 3}), vit.head);
  };
  const Tensor square = nets::random({2, 1, 12, 12}, 34);
  const auto placed = lumen::FullGrad{.layout = layout::Tokens{}}(vit, square, question);
  const auto evenly = lumen::FullGrad{}(vit, square, question);
  DOCTEST_CHECK(all_close(placed.map, lumen::FullGrad{}(grid, square, question).map, 1e-11));
  for (const auto& why : {placed, evenly})
    DOCTEST_CHECK(all_close(why.map.flatten(1).sum(1), why.score, 1e-11));
  DOCTEST_CHECK_FALSE(all_close(placed.map, evenly.map, 1e-3));
}
