// SPDX-License-Identifier: BSD-3-Clause
#pragma once

// The library proper. Optional, to be included by name: io/, view/, data/, net/, train/.

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
#include <lumen/core/target.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/core/terminal_bar.hpp>
#include <lumen/core/transform.hpp>

#include <lumen/baseline/blur.hpp>
#include <lumen/baseline/combine.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/random.hpp>

#include <lumen/attribution/blur_integrated_gradients.hpp>
#include <lumen/attribution/expected_gradients.hpp>
#include <lumen/attribution/guided_integrated_gradients.hpp>
#include <lumen/attribution/input_x_gradient.hpp>
#include <lumen/attribution/integrated_gradients.hpp>
#include <lumen/attribution/pipe.hpp>
#include <lumen/attribution/saliency.hpp>
#include <lumen/attribution/smooth.hpp>

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
