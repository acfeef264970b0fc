// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// The library proper. To be included by name: attribution/lrp.hpp and excitation_backprop.hpp, and
// the optional folders io/, script/, view/, data/, net/, train/.

#include <lumen/version.hpp>

#include <lumen/core/any_target.hpp>
#include <lumen/core/attribution.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/core/progress.hpp>
#include <lumen/core/quadrature.hpp>
#include <lumen/core/region.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/slice.hpp>
#include <lumen/core/target.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/core/transform.hpp>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/combine.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/baseline/set.hpp>

#include <lumen/perturb/groups.hpp>
#include <lumen/perturb/windows.hpp>

#include <lumen/trace/layer.hpp>
#include <lumen/trace/observe.hpp>

#include <lumen/rule/composite.hpp>
#include <lumen/rule/pass.hpp>

#include <lumen/attribution/ablation_cam.hpp>
#include <lumen/attribution/at_layer.hpp>
#include <lumen/attribution/at_neuron.hpp>
#include <lumen/attribution/blur_integrated_gradients.hpp>
#include <lumen/attribution/cam.hpp>
#include <lumen/attribution/conductance.hpp>
#include <lumen/attribution/deconvnet.hpp>
#include <lumen/attribution/deep_lift.hpp>
#include <lumen/attribution/deep_lift_shap.hpp>
#include <lumen/attribution/eigen_cam.hpp>
#include <lumen/attribution/expected_gradients.hpp>
#include <lumen/attribution/feature_ablation.hpp>
#include <lumen/attribution/full_grad.hpp>
#include <lumen/attribution/grad_cam.hpp>
#include <lumen/attribution/guided_backprop.hpp>
#include <lumen/attribution/guided_grad_cam.hpp>
#include <lumen/attribution/guided_integrated_gradients.hpp>
#include <lumen/attribution/input_x_gradient.hpp>
#include <lumen/attribution/integrated_gradients.hpp>
#include <lumen/attribution/internal_influence.hpp>
#include <lumen/attribution/layer_activation.hpp>
#include <lumen/attribution/neuron_conductance.hpp>
#include <lumen/attribution/occlusion.hpp>
#include <lumen/attribution/pipe.hpp>
#include <lumen/attribution/recipro_cam.hpp>
#include <lumen/attribution/saliency.hpp>
#include <lumen/attribution/score_cam.hpp>
#include <lumen/attribution/smooth.hpp>
#include <lumen/attribution/smooth_grad_cam_plus_plus.hpp>

#include <lumen/map/box.hpp>
#include <lumen/map/channels.hpp>
#include <lumen/map/components.hpp>
#include <lumen/map/magnitude.hpp>
#include <lumen/map/normalise.hpp>
#include <lumen/map/otsu.hpp>
#include <lumen/map/sign.hpp>
#include <lumen/map/threshold.hpp>
#include <lumen/map/view.hpp>

#include <lumen/metric/cl_dice.hpp>
#include <lumen/metric/concentration.hpp>
#include <lumen/metric/localisation.hpp>
#include <lumen/metric/overlap.hpp>
#include <lumen/metric/pointing_game.hpp>
#include <lumen/metric/sign_mass.hpp>
#include <lumen/metric/sparsity.hpp>
