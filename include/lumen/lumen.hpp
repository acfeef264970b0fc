// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// The library proper. To be included by name: attribution/relevance/lrp.hpp and excitation_backprop.hpp, and
// the optional folders io/, script/, view/, data/, net/, train/, catalogue/.

#include <lumen/version.hpp>

#include <lumen/core/attribution.hpp>
#include <lumen/core/box.hpp>
#include <lumen/core/concepts.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/execution.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/memory.hpp>
#include <lumen/core/pace.hpp>
#include <lumen/core/progress.hpp>
#include <lumen/core/run.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/core/terminal_bar.hpp>

#include <lumen/target/any.hpp>
#include <lumen/target/element.hpp>
#include <lumen/target/logit.hpp>
#include <lumen/target/region.hpp>
#include <lumen/target/slice.hpp>
#include <lumen/target/transform.hpp>

#include <lumen/engine/answer.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/moments.hpp>
#include <lumen/engine/noise.hpp>
#include <lumen/engine/output.hpp>
#include <lumen/engine/quadrature.hpp>

#include <lumen/trace/cut.hpp>
#include <lumen/trace/edit.hpp>
#include <lumen/trace/layer.hpp>
#include <lumen/trace/observe.hpp>

#include <lumen/op/probabilities.hpp>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/combine.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/inpaint.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/baseline/set.hpp>

#include <lumen/perturb/changes.hpp>
#include <lumen/perturb/each_region.hpp>
#include <lumen/perturb/fade.hpp>
#include <lumen/perturb/features.hpp>
#include <lumen/perturb/game.hpp>
#include <lumen/perturb/groups.hpp>
#include <lumen/perturb/incremental.hpp>
#include <lumen/perturb/labels.hpp>
#include <lumen/perturb/overlapping.hpp>
#include <lumen/perturb/partition.hpp>
#include <lumen/perturb/recorded.hpp>
#include <lumen/perturb/regions.hpp>
#include <lumen/perturb/segment/branches.hpp>
#include <lumen/perturb/segment/cells.hpp>
#include <lumen/perturb/segment/connected.hpp>
#include <lumen/perturb/segment/felzenszwalb.hpp>
#include <lumen/perturb/segment/grid.hpp>
#include <lumen/perturb/segment/prediction.hpp>
#include <lumen/perturb/segment/slic.hpp>
#include <lumen/perturb/spread.hpp>
#include <lumen/perturb/windows.hpp>

#include <lumen/rule/composite.hpp>
#include <lumen/rule/pass.hpp>

#include <lumen/influence/at_pixel.hpp>
#include <lumen/influence/columns.hpp>
#include <lumen/influence/except.hpp>
#include <lumen/influence/field/effective.hpp>
#include <lumen/influence/field/gaussian.hpp>
#include <lumen/influence/field/probes.hpp>
#include <lumen/influence/field/theoretical.hpp>
#include <lumen/influence/integrated_gradients.hpp>
#include <lumen/influence/normalise.hpp>
#include <lumen/influence/outputs.hpp>
#include <lumen/influence/reducer/activation.hpp>
#include <lumen/influence/reducer/extremes.hpp>
#include <lumen/influence/reducer/histogram.hpp>
#include <lumen/influence/reducer/reduce.hpp>
#include <lumen/influence/rows.hpp>
#include <lumen/influence/smooth_grad.hpp>
#include <lumen/influence/statistic/box.hpp>
#include <lumen/influence/statistic/count.hpp>
#include <lumen/influence/statistic/mass.hpp>
#include <lumen/influence/statistic/place.hpp>
#include <lumen/influence/statistic/region.hpp>
#include <lumen/influence/statistic/sparsity.hpp>

#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/feature_permutation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>
#include <lumen/attribution/cam/ablation_cam.hpp>
#include <lumen/attribution/cam/cam.hpp>
#include <lumen/attribution/cam/eigen_cam.hpp>
#include <lumen/attribution/cam/full_grad.hpp>
#include <lumen/attribution/cam/grad_cam.hpp>
#include <lumen/attribution/cam/guided_grad_cam.hpp>
#include <lumen/attribution/cam/layout.hpp>
#include <lumen/attribution/cam/recipro_cam.hpp>
#include <lumen/attribution/cam/score_cam.hpp>
#include <lumen/attribution/cam/smooth_grad_cam_plus_plus.hpp>
#include <lumen/attribution/combine/pipe.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/mask/extremal_perturbation.hpp>
#include <lumen/attribution/mask/hsic.hpp>
#include <lumen/attribution/mask/meaningful_perturbation.hpp>
#include <lumen/attribution/mask/rise.hpp>
#include <lumen/attribution/mask/sobol.hpp>
#include <lumen/attribution/mask/xrai.hpp>
#include <lumen/attribution/path/blur_integrated_gradients.hpp>
#include <lumen/attribution/path/conductance.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/guided_integrated_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/path/internal_influence.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>
#include <lumen/attribution/path/path.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/attribution/shapley/owen_values.hpp>
#include <lumen/attribution/shapley/shapley_sampling.hpp>
#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/attribution/surrogate/lime.hpp>
#include <lumen/attribution/surrogate/regression.hpp>
#include <lumen/attribution/surrogate/sampler.hpp>
#include <lumen/attribution/surrogate/similarity.hpp>

#include <lumen/map/box.hpp>
#include <lumen/map/branches.hpp>
#include <lumen/map/channels.hpp>
#include <lumen/map/components.hpp>
#include <lumen/map/distance.hpp>
#include <lumen/map/magnitude.hpp>
#include <lumen/map/normalise.hpp>
#include <lumen/map/otsu.hpp>
#include <lumen/map/sign.hpp>
#include <lumen/map/skeleton.hpp>
#include <lumen/map/threshold.hpp>
#include <lumen/map/view.hpp>

#include <lumen/metric/bootstrap.hpp>
#include <lumen/metric/cl_dice.hpp>
#include <lumen/metric/concentration.hpp>
#include <lumen/metric/concepts.hpp>
#include <lumen/metric/localisation.hpp>
#include <lumen/metric/overlap.hpp>
#include <lumen/metric/pointing_game.hpp>
#include <lumen/metric/sign_mass.hpp>
#include <lumen/metric/sparsity.hpp>
