// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <lumen/core/progress.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/net/res_unet.hpp>
#include <lumen/train/checkpoint.hpp>
#include <lumen/train/history.hpp>

#include "common/vessel_images.hpp"

namespace studies::gradient_training {

/// How a network goes on from the common beginning.
struct Arm {
  std::string name{}, file{};  ///< in words, and as a key
  bool weighted = false;       ///< pixels count by their influence
  double penalty = 0.0;        ///< of the influence outside of the vessels
  std::int64_t longer = 1;     ///< so many times the epochs
};

/// Everything that is chosen; what suits the data is in main.cpp.
struct Setting {
  std::int64_t crop = 64, views = 8;    ///< side of the crops, and how many of an image an epoch takes
  std::int64_t begin = 10, epochs = 5;  ///< epochs of the common beginning, and of each arm after it
  std::int64_t seeds = 3;
  std::int64_t step = 2;  ///< the weights are made from the rows of every so manieth pixel of the output
  std::int64_t batch = 4;
  double begin_rate = 4e-3, rate = 2e-3;
  lumen::net::ResUNetOptions net{.width = 16, .encoder_blocks = 2};
};

/// One network after training.
struct Trained {
  lumen::train::State state{};
  lumen::train::History history{};  ///< of this arm alone; its test columns are of the validation images
  std::vector<double> ious{};       ///< of each test image
  double cross_entropy = 0;         ///< mean over the test images, natural logarithm a pixel
  std::vector<double>
      outside{};  ///< share of the vessels' influence energy that lies outside, of each test image
};

/// A network of these weights, in evaluation mode.
[[nodiscard]] lumen::net::ResUNet network(const Setting& setting, const lumen::train::State& state);

/// The largest magnitude of the derivative of any output pixel's probability of vessel by each pixel of the image, [H, W], over
/// its mean: what the pixel counts. From the rows, streamed; no Jacobian is held.
/// @param image  [1, H, W]
[[nodiscard]] Tensor influence_weight(lumen::net::ResUNet& net, const Tensor& image, std::int64_t step);

/// The common beginning, with plain cross-entropy.
[[nodiscard]] Trained begin(const Setting& setting, const VesselImages& images, std::uint64_t seed,
                            const lumen::Progress& progress);

/// What an arm makes of it.
/// @param training  with weights, if the arm takes them
[[nodiscard]] Trained go_on(const Setting& setting, const Arm& arm, const lumen::train::State& from,
                            const Samples& training, const VesselImages& images, std::uint64_t seed,
                            const lumen::Progress& progress);

/// The training images, each with the weights that this network gives it.
[[nodiscard]] Samples weighted(const Setting& setting, const lumen::train::State& state, Samples training,
                               const lumen::Progress& progress);

}  // namespace studies::gradient_training
