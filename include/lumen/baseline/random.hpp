// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>

/// Baselines that are drawn: methods that average over baselines draw several of them for each sample.
namespace lumen::baseline {

/// Independent uniform values.
struct Uniform {
  double low = 0.0;   ///< in the input's units
  double high = 1.0;  ///< at least `low`
  std::uint64_t seed = 0;

  /// @throws Error if high < low
  Tensor operator()(const Tensor& sample, at::Generator& generator) const {
    require(low <= high, [&] { return text("baseline::Uniform: low ", low, " is above high ", high); });
    return uniform_like(sample, generator) * (high - low) + low;
  }
};

/// The input with Gaussian noise added.
struct GaussianNoise {
  double stdev = 1.0;  ///< standard deviation in the input's units, >= 0
  std::uint64_t seed = 0;

  /// @throws Error if stdev < 0
  Tensor operator()(const Tensor& sample, at::Generator& generator) const {
    require(stdev >= 0, [&] { return text("baseline::GaussianNoise: stdev is ", stdev, ", expected >= 0"); });
    return sample + normal_like(sample, generator) * stdev;
  }
};

/// The input's pixels in another order, all channels of a pixel together; of [1, F] its features. The values are all there,
/// what they made together is not.
struct Permuted {
  std::uint64_t seed = 0;

  Tensor operator()(const Tensor& sample, at::Generator& generator) const {
    const Tensor flat = sample.dim() > 2 ? sample.flatten(2) : sample;
    const std::int64_t count = flat.size(-1);
    const Tensor order = at::randperm(count, generator, at::TensorOptions().dtype(at::kLong));
    return flat.index_select(-1, order.to(sample.device())).reshape(sample.sizes());
  }
};

/// A row drawn from a set of tensors, each as likely: other images of a data set, say.
struct Samples {
  Tensor values;  ///< [B, ...], a row shaped like a sample, B >= 1
  std::uint64_t seed = 0;

  /// @throws Error if a row has not the shape of a sample
  Tensor operator()(const Tensor& sample, at::Generator& generator) const {
    const bool fits = values.defined() && values.dim() == sample.dim() && values.size(0) >= 1 &&
                      values.sizes().slice(1) == sample.sizes().slice(1);
    require(fits, [&] {
      return text("baseline::Samples holds ", values.defined() ? text(values.sizes()) : "an undefined tensor",
                  ", expected [B, ...] with rows like a sample of shape ", sample.sizes());
    });
    const auto row = at::randint(values.size(0), {1}, generator, at::TensorOptions().dtype(at::kLong));
    return values.index_select(0, row.to(values.device())).to(sample.device(), sample.scalar_type());
  }
};

}  // namespace lumen::baseline
