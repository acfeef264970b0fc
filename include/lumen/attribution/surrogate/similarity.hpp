// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::surrogate {

/// Inputs around one sample x: x with features absent, and how far from x they are. All float64, on the processor.
struct Neighbours {
  Tensor present;  ///< [K, m], 1 where a feature is present
  Tensor
      cosine;  ///< [K], of the angle between x and the neighbour, over all elements that are explained; 0 if one is 0
  Tensor distance;  ///< [K], Euclidean, likewise
};

/// How much each neighbour counts in the regression: weights [K] >= 0, some above 0.
template <class S>
concept Similarity = requires(const S& similarity, const Neighbours& neighbours) {
  { similarity(neighbours) } -> std::convertible_to<Tensor>;
};

namespace detail {

inline Tensor exponential(const Tensor& distance, double width) {
  require(width > 0, [&] { return text("a kernel's width is ", width, ", expected more than 0"); });
  return (distance.square() / (-2 * width * width)).exp();
}

}  // namespace detail

/// exp(-d^2 / (2 width^2)), d = 1 - the cosine between the inputs: Captum's.
struct CosineKernel {
  double width = 1.0;  ///< > 0
  Tensor operator()(const Neighbours& near) const { return detail::exponential(1 - near.cosine, width); }
};

/// The same with the Euclidean distance between the inputs.
struct EuclideanKernel {
  double width = 1.0;  ///< > 0, in units of the input
  Tensor operator()(const Neighbours& near) const { return detail::exponential(near.distance, width); }
};

/// The same with the cosine between the lists of what is present, 1 for all features: that of LIME's authors for images.
struct PresenceKernel {
  double width = 0.25;  ///< > 0
  Tensor operator()(const Neighbours& near) const {
    const Tensor share = near.present.mean(1);  // cosine of z and (1 ... 1): the root of it
    return detail::exponential(1 - share.sqrt(), width);
  }
};

/// Every neighbour counts the same.
struct Uniform {
  Tensor operator()(const Neighbours& near) const { return at::ones_like(near.cosine); }
};

}  // namespace lumen::surrogate
