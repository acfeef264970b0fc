// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/cam/ablation_cam.hpp>
#include <lumen/attribution/cam/cam.hpp>
#include <lumen/attribution/cam/eigen_cam.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>
#include <lumen/attribution/cam/smooth_grad_cam_plus_plus.hpp>
#include <lumen/attribution/combine/pipe.hpp>
#include <lumen/attribution/path/conductance.hpp>
#include <lumen/attribution/path/internal_influence.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/attribution/relevance/excitation_backprop.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/relevance/lrp.hpp>

#include "support/methods.hpp"

/// Every method, with a method of one's own that answers single targets only, for a network of at least two relus:
/// `visit(name, method)`.
namespace lumen::testing {

/// Of one target only.
struct OwnMethod {
  template <Input X, Model<X> M, Target T>
  Attribution<X> operator()(M&& model, const X& x, const T& target) const {
    const Tensor score = target(forward(model, x)).detach();
    Tensors maps;
    for (const Tensor& part : parts_of(x)) maps.push_back(part.detach() * engine::per_row(score, part));
    return {.map = input_of<X>(maps), .score = score, .forward_passes = 1};
  }
};

template <class Visit>
void each_method_of_inputs(const Visit& visit) {
  visit("a method of one's own", OwnMethod{});
  visit("Saliency", Saliency{});
  visit("InputXGradient", InputXGradient{});
  visit("IntegratedGradients", IntegratedGradients{.steps = 3});
  visit("GuidedIntegratedGradients", GuidedIntegratedGradients{.steps = 3});
  visit("ExpectedGradients", ExpectedGradients{.samples = 3});
  visit("GradientShap", GradientShap{.samples = 3, .stdev = 0.1});
  visit("FeatureAblation", FeatureAblation{});
  visit("GuidedBackprop", GuidedBackprop{});
  visit("Deconvnet", Deconvnet{});
  visit("DeepLift", DeepLift{});
  visit("DeepLiftShap", DeepLiftShap{.baseline = baseline::Uniform{}, .samples = 2});
  visit("Lrp", Lrp{});
  visit("ExcitationBackprop", ExcitationBackprop{});
}

template <class Visit>
void each_method_of_images(const Visit& visit) {
  visit("BlurIntegratedGradients", BlurIntegratedGradients{.sigma = 2.0, .steps = 3});
  visit("Occlusion", Occlusion{.window = {{2, 2}}, .stride = {{2, 2}}});
  visit("FullGrad", FullGrad{});
}

/// @param layer  behind which all of the score passes, and which is [N, C, h, w]
template <class Visit>
void each_method_of_layers(const trace::Layer& layer, const Visit& visit) {
  visit("GradCam", GradCam{.layer = layer});
  visit("GradCamPlusPlus", GradCamPlusPlus{.layer = layer});
  visit("EigenCam", EigenCam{.layer = layer});
  visit("SmoothGradCamPlusPlus", SmoothGradCamPlusPlus{.layer = layer, .samples = 2});
  visit("ReciproCam", ReciproCam{.layer = layer});
  visit("AblationCam", AblationCam{.layer = layer, .relative = false});
  visit("ScoreCam", ScoreCam{.layer = layer});
  visit("GuidedGradCam", GuidedGradCam{.layer = layer});
  visit("Conductance", Conductance{.layer = layer, .steps = 3});
  visit("InternalInfluence", InternalInfluence{.layer = layer, .steps = 3});
  visit("NeuronConductance",
        NeuronConductance{.layer = layer, .neuron = target::Element{{0, 1, 1}}, .steps = 3});
}

}  // namespace lumen::testing
