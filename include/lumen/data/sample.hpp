// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::data {

/// One image with what is known about it.
struct Sample {
  Tensor image;      ///< [C, H, W], float32 in [0, 1]
  Tensor label;      ///< [H, W], int64: the class of every pixel (0 background, 1 vessel)
  Tensor skeleton;   ///< [H, W], bool: centre lines; undefined where a data set has none
  std::string name;  ///< where it came from: a file's stem, a number
  Tensor weight{};   ///< [H, W], float32, at least 0: what a pixel counts in training; undefined: 1 each
};

/// Several samples of one size, as a network takes them.
struct Batch {
  Tensor image;     ///< [N, C, H, W]
  Tensor label;     ///< [N, H, W]
  Tensor weight{};  ///< [N, H, W]; undefined: 1 each
};

/// @throws Error  a part has another shape or type than Sample states, by the sample's name
inline void check(const Sample& sample) {
  const auto fail = [&](const char* what) { return text("sample '", sample.name, "': ", what); };
  require(sample.image.defined() && sample.image.dim() == 3 && sample.image.scalar_type() == at::kFloat,
          [&] { return fail("the image must be a float32 tensor [C, H, W]"); });
  const auto size = sample.image.sizes().slice(1);
  require(sample.label.defined() && sample.label.sizes() == size && sample.label.scalar_type() == at::kLong,
          [&] { return fail("the label must be an int64 tensor [H, W] of the image's size"); });
  require(!sample.skeleton.defined() ||
              (sample.skeleton.sizes() == size && sample.skeleton.scalar_type() == at::kBool),
          [&] { return fail("the skeleton must be a bool tensor [H, W] of the image's size"); });
  if (!sample.weight.defined()) return;
  require(sample.weight.sizes() == size && sample.weight.scalar_type() == at::kFloat,
          [&] { return fail("the weight must be a float32 tensor [H, W] of the image's size"); });
  require((sample.weight.ge(0) & sample.weight.isfinite()).all().item<bool>(),
          [&] { return fail("the weight must be finite and at least 0 everywhere"); });
}

}  // namespace lumen::data
