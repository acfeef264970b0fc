// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/blur_integrated_gradients.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/guided_integrated_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/engine/quadrature.hpp>

/// The gradient methods, each with few steps and draws: `visit(name, method)` for every one of them.
namespace lumen::testing {

/// Those whose map is linear in the model's gradient, so linear in the model; inputs of any shape.
template <class Visit>
void each_linear_method(const Visit& visit) {
  visit("Saliency, signed", Saliency{.absolute = false});
  visit("InputXGradient", InputXGradient{});
  visit("IntegratedGradients", IntegratedGradients{.steps = 12});
  visit("IntegratedGradients, averaged gradient",
        IntegratedGradients{.steps = 7, .multiply_by_inputs = false});
  visit("IntegratedGradients, constant baseline, midpoints",
        IntegratedGradients{
            .baseline = baseline::Constant{.value = 0.3}, .steps = 9, .rule = quadrature::RiemannMiddle{}});
  visit("IntegratedGradients, random baseline",
        IntegratedGradients{.baseline = baseline::Uniform{.low = -1.0, .high = 1.0, .seed = 3}, .steps = 5});
  visit("ExpectedGradients",
        ExpectedGradients{
            .baseline = baseline::GaussianNoise{.stdev = 0.5, .seed = 4}, .samples = 6, .seed = 5});
  visit("GradientShap", GradientShap{.samples = 7, .stdev = 0.2, .seed = 6});
  visit("Smooth of Saliency, signed",
        Smooth{.method = Saliency{.absolute = false}, .samples = 5, .stdev = 0.1, .seed = 7});
  visit("Smooth of IntegratedGradients", Smooth{.method = IntegratedGradients{.steps = 4},
                                                .samples = 3,
                                                .stdev = 0.3,
                                                .scale = NoiseScale::InputUnits,
                                                .seed = 8});
}

/// Every method for inputs of any shape.
template <class Visit>
void each_method(const Visit& visit) {
  each_linear_method(visit);
  visit("Saliency", Saliency{});
  visit("SmoothGrad-Squared",
        Smooth{.method = Saliency{}, .samples = 5, .moment = Moment::Square, .seed = 9});
  visit("VarGrad", Smooth{.method = InputXGradient{}, .samples = 5, .moment = Moment::Variance, .seed = 10});
  visit("GuidedIntegratedGradients", GuidedIntegratedGradients{.steps = 8});
}

/// Every method, for images.
template <class Visit>
void each_image_method(const Visit& visit) {
  each_method(visit);
  visit("BlurIntegratedGradients", BlurIntegratedGradients{.sigma = 2.0, .steps = 5});
}

}  // namespace lumen::testing
