// SPDX-License-Identifier: BSD-3-Clause
// Inputs that ride along: ids, masks, lengths. Every method with them is the method of the model that has them inside.
#include "support/methods.hpp"

#include <doctest/doctest.h>

#include <string>
#include <tuple>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>
#include <lumen/attribution/combine/pipe.hpp>
#include <lumen/attribution/path/conductance.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/target/element.hpp>

#include "support/allclose.hpp"
#include "support/message.hpp"
#include "support/nets.hpp"

namespace layer = lumen::layer;
namespace nets = lumen::testing::nets;
using lumen::Held;
using lumen::Inputs;
using lumen::Tensor;
using lumen::Tensors;
using lumen::testing::all_close;
using lumen::testing::holds;
using lumen::testing::message_of;

static_assert(lumen::Input<std::tuple<Tensor, Held>> && lumen::Input<std::tuple<Held, Tensor, Held>>);
static_assert(lumen::Input<Inputs> && !lumen::Input<std::tuple<Held>> && !lumen::Input<Held>);

namespace {

const lumen::target::Class question{.index = 1};

/// An image, a mask that keeps some of its pixels, and a row of a table for each sample.
struct Masked {
  Tensor conv = nets::weight({4, 1, 3, 3}, 1), table = nets::random({5, 3}, 2),
         scale = nets::weight({3, 4}, 3);
  Tensor operator()(const Tensor& image, const Tensor& mask, const Tensor& ids) const {
    const Tensor kept = image * mask.to(image.scalar_type());
    const Tensor pooled = at::relu(at::conv2d(kept, conv, {}, 1, 1)).mean({2, 3});
    return at::linear(pooled, scale) * table.index_select(0, ids);
  }
};

const Masked net;
const Tensor image = nets::random({3, 1, 6, 6}, 4), keep = nets::random({3, 1, 6, 6}, 5) > -0.5,
             ids = at::tensor({4, 0, 2}, at::kLong);
const std::tuple together{image, lumen::held(keep), lumen::held(ids)};

/// The same model with the mask and the ids of sample i inside.
auto inside(std::int64_t i) {
  return [i](const Tensor& x) {
    const std::int64_t n = x.size(0);
    return net(x, keep.narrow(0, i, 1).expand({n, 1, 6, 6}), ids.narrow(0, i, 1).expand({n}));
  };
}

/// The method with held inputs against that of each sample's own model.
template <class Method>
void same(const std::string& name, const Method& method) {
  DOCTEST_CAPTURE(name);
  const auto why = method(net, together, question);
  Tensor map;
  if constexpr (std::same_as<std::remove_cvref_t<decltype(why.map)>, Tensor>) {
    map = why.map;
  } else {
    map = std::get<0>(why.map);
    DOCTEST_CHECK_FALSE(std::get<1>(why.map).value.defined());
    DOCTEST_CHECK_FALSE(std::get<2>(why.map).value.defined());
  }
  for (std::int64_t i = 0; i < 3; ++i) {
    lumen::Run run = lumen::engine::run_of(method);
    run.samples = {i};
    const auto alone = lumen::engine::with_run(method, run)(inside(i), image.narrow(0, i, 1), question);
    DOCTEST_CHECK(all_close(map.narrow(0, i, 1), alone.map, 1e-10));
    DOCTEST_CHECK(all_close(why.score.narrow(0, i, 1), alone.score, 1e-12));
    if (alone.completeness_error.defined())
      DOCTEST_CHECK(all_close(why.completeness_error.narrow(0, i, 1), alone.completeness_error, 1e-10));
  }
  lumen::Run tight = lumen::engine::run_of(method);
  tight.memory = 1;
  const auto split = lumen::engine::with_run(method, tight)(net, together, question);
  DOCTEST_CHECK(all_close(lumen::parts_of(split.map)[0], map, 1e-10));
}

}  // namespace

DOCTEST_TEST_CASE("Example") {
  const Tensor mask = keep.narrow(0, 0, 1), token = ids.narrow(0, 0, 1), picture = image.narrow(0, 0, 1);
  namespace lm = lumen;
  //! [held]
  const std::tuple x{picture, lm::held(mask), lm::held(token)};  // the model takes three tensors
  const auto why = lm::IntegratedGradients{}(net, x, lm::target::Class{.index = 1});
  const Tensor map = std::get<0>(why.map);  // of the picture; the other parts of the map are undefined
  //! [held]
  DOCTEST_CHECK(map.sizes() == picture.sizes());
}

DOCTEST_TEST_CASE("every method with inputs that ride along is that of the model with these inside") {
  lumen::testing::each_image_method([](const std::string& name, const auto& method) { same(name, method); });
  namespace baseline = lumen::baseline;
  same("FeatureAblation", lumen::FeatureAblation{});
  same("FeatureAblation, drawn", lumen::FeatureAblation{.baseline = baseline::Uniform{.seed = 3}});
  same("Occlusion", lumen::Occlusion{.window = {{3, 3}}, .stride = {{2, 2}}});
  same("GuidedBackprop", lumen::GuidedBackprop{});
  same("DeepLift", lumen::DeepLift{.baseline = baseline::Constant{.value = 0.5}});
  same("DeepLiftShap, a set",
       lumen::DeepLiftShap{.baseline = baseline::Samples{nets::random({4, 1, 6, 6}, 6)}});
  same("FullGrad", lumen::FullGrad{});
  same("GradCam", lumen::GradCam{.layer = layer::nth("relu", 0), .upsample = lumen::Upsample::Bilinear});
  same("ScoreCam", lumen::ScoreCam{.layer = layer::nth("relu", 0)});
  same("Conductance", lumen::Conductance{.layer = layer::nth("relu", 0), .steps = 5});
  same("at a layer",
       lumen::AtLayer{.method = lumen::IntegratedGradients{.steps = 5}, .layer = layer::nth("relu", 0)});
  same("piped", lumen::InputXGradient{} | lumen::SumChannels{});
}

DOCTEST_TEST_CASE("for a neuron, and what layers give") {
  const lumen::AtNeuron at{.method = lumen::IntegratedGradients{.steps = 5}, .layer = layer::nth("relu", 0)};
  const lumen::target::Pixel neuron{.channel = 2, .row = 3, .column = 3};
  const auto why = at(net, together, neuron);
  const Tensors values = lumen::LayerActivation{.layers = {layer::nth("relu", 0)}}(net, together);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto alone = at(inside(i), image.narrow(0, i, 1), neuron);
    DOCTEST_CHECK(all_close(std::get<0>(why.map).narrow(0, i, 1), alone.map, 1e-12));
    DOCTEST_CHECK(all_close(values[0].index({i, 2, 3, 3}).reshape({1}), alone.score, 1e-12));
  }
}

DOCTEST_TEST_CASE(
    "floating point inputs are held, too, in any type and order; held numbers keep their bits") {
  const auto scaled = [](const Tensor& factor, const Tensor& x, const Tensor& half) {
    DOCTEST_CHECK((factor.scalar_type() == at::kFloat));
    DOCTEST_CHECK((half.scalar_type() == at::kHalf));
    return x * factor.to(at::kDouble) + half.to(at::kDouble);
  };
  const Tensor factor = nets::random({2, 3}, 7).to(at::kFloat), x = nets::random({2, 3}, 8),
               half = nets::random({2, 3}, 9).to(at::kHalf);
  const std::tuple given{lumen::held(factor), x, lumen::held(half)};
  const auto why = lumen::IntegratedGradients{.steps = 4}(scaled, given, question);
  DOCTEST_CHECK(
      all_close(std::get<1>(why.map), (x * factor.to(at::kDouble)) * at::tensor({0., 1., 0.}, at::kDouble)));
  const auto noisy = lumen::Smooth{.samples = 4, .stdev = 0.5}(scaled, given, question);
  DOCTEST_CHECK(
      all_close(std::get<1>(noisy.map).select(1, 1), factor.select(1, 1).abs().to(at::kDouble), 1e-6));
  DOCTEST_CHECK(at::equal(factor, std::get<0>(given).value));
}

DOCTEST_TEST_CASE("inputs whose number is only known at run time: marks say which ride along") {
  const auto model = [](const Tensors& x) { return net(x[0], x[1], x[2]); };
  const Inputs given{.parts = {image, keep, ids}, .held = {false, true, true}};
  const auto why = lumen::IntegratedGradients{.steps = 6}(model, given, question);
  const auto expected = lumen::IntegratedGradients{.steps = 6}(net, together, question);
  DOCTEST_CHECK(all_close(why.map.parts[0], std::get<0>(expected.map), 1e-12));
}

DOCTEST_TEST_CASE("what is neither floating point nor held is refused with the remedy") {
  const std::tuple unmarked{image, keep, ids};
  const std::string message = message_of([&] { (void)lumen::Saliency{}(net, unmarked, question); });
  DOCTEST_CHECK(holds(message, "input 1 is of type Bool"));
  DOCTEST_CHECK(holds(message, "lumen::held(tensor)"));
  const std::string alone = message_of(
      [&] { (void)lumen::Saliency{}([](const Tensor& x) { return x.to(at::kFloat); }, ids, question); });
  DOCTEST_CHECK(holds(alone, "the input is of type Long"));
  DOCTEST_CHECK(holds(alone, "AtLayer"));
}

DOCTEST_TEST_CASE("token ids are explained at the layer that embeds them, their baseline is one of ids") {
  const Tensor table = nets::random({10, 4}, 11), head = nets::weight({3, 4}, 12);
  const auto model = [&](const Tensor& tokens) {
    return at::linear(at::tanh(lumen::trace::tap("embedded", at::embedding(table, tokens))).mean(1), head);
  };
  const Tensor tokens = at::tensor({1, 5, 2, 9, 9, 3}, at::kLong).reshape({2, 3});
  const auto of_embedded = [&](const Tensor& h) { return at::linear(at::tanh(h).mean(1), head); };
  const Tensor h = at::embedding(table, tokens), none = at::embedding(table, at::zeros_like(tokens));
  const auto expected = lumen::IntegratedGradients{.baseline = lumen::baseline::Given{none}, .steps = 20}(
      of_embedded, h, question);
  const lumen::AtLayer method{.method = lumen::IntegratedGradients{.steps = 20},
                              .layer = layer::tap("embedded")};
  const auto why = method(model, tokens, question);
  DOCTEST_CHECK(all_close(why.map, expected.map, 1e-12));
  DOCTEST_CHECK(all_close(why.completeness_error, expected.completeness_error, 1e-12));
  const lumen::AtLayer padded{
      .method = lumen::IntegratedGradients{.baseline = lumen::baseline::Given{at::tensor({7}, at::kLong)},
                                           .steps = 20},
      .layer = layer::nth("embedding", 0)};
  const auto from_seven = lumen::IntegratedGradients{
      .baseline = lumen::baseline::Given{at::embedding(table, at::full_like(tokens, 7))},
      .steps = 20}(of_embedded, h, question);
  DOCTEST_CHECK(all_close(padded(model, tokens, question).map, from_seven.map, 1e-12));
  // a mask beside the ids is not replaced by the baseline
  const auto with_mask = [&](const Tensor& of, const Tensor& mask) {
    const Tensor value = lumen::trace::tap("embedded", at::embedding(table, of));
    return at::linear((at::tanh(value) * mask.unsqueeze(2)).mean(1), head);
  };
  const Tensor mask = at::tensor({1, 1, 0, 1, 0, 1}, at::kLong).reshape({2, 3});
  const auto masked = method(with_mask, std::tuple{tokens, lumen::held(mask)}, question);
  DOCTEST_CHECK(masked.map.index({0, 2}).abs().max().item<double>() == 0.0);
  DOCTEST_CHECK(masked.completeness_error.abs().max().item<double>() < 1e-6);
  DOCTEST_CHECK(lumen::GradCam{.layer = layer::tap("embedded"), .layout = lumen::layout::ChannelsLast{}}(
                    model, tokens, question)
                    .map.sizes() == at::IntArrayRef({2, 1, 3}));
}
