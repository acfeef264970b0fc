// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

/// Small networks with seeded random weights, in float64, written as functional operators: what a test
/// explains.
namespace lumen::testing::nets {

/// Standard normal numbers of a seed, scaled.
inline Tensor random(std::vector<std::int64_t> shape, std::uint64_t seed, double scale = 1.0) {
  at::Generator source = at::detail::createCPUGenerator(seed);
  return at::randn(shape, source, at::TensorOptions().dtype(at::kDouble)) * scale;
}

/// A weight [out, in, ...] scaled by one over the square root of what one output sums over.
inline Tensor weight(std::vector<std::int64_t> shape, std::uint64_t seed) {
  double fan_in = 1.0;
  for (std::size_t i = 1; i < shape.size(); ++i) fan_in *= static_cast<double>(shape[i]);
  return random(std::move(shape), seed, std::sqrt(2.0 / fan_in));
}

/// [N, features] -> [N, classes], exactly x A^T + b.
struct Linear {
  Tensor weights, bias;
  explicit Linear(std::int64_t features = 5, std::int64_t classes = 3, std::uint64_t seed = 1)
      : weights(weight({classes, features}, seed)), bias(random({classes}, seed + 100)) {}
  Tensor operator()(const Tensor& x) const { return at::linear(x, weights, bias); }
  [[nodiscard]] std::vector<Tensor> parameters() const { return {weights, bias}; }
};

/// Two layers, ReLU, no bias: f(a x) = a f(x) for a > 0, so that x times the gradient sums to f(x).
struct BiasFree {
  Tensor first, second;
  explicit BiasFree(std::int64_t features = 6, std::int64_t classes = 3, std::uint64_t seed = 2)
      : first(weight({8, features}, seed)), second(weight({classes, 8}, seed + 100)) {}
  Tensor operator()(const Tensor& x) const { return at::linear(at::relu(at::linear(x, first)), second); }
  [[nodiscard]] std::vector<Tensor> parameters() const { return {first, second}; }
};

/// Two layers, tanh: smooth, so that quadrature rules converge at their own order.
struct Smooth {
  Tensor first, offset, second;
  explicit Smooth(std::int64_t features = 6, std::int64_t classes = 3, std::uint64_t seed = 3)
      : first(weight({8, features}, seed)),
        offset(random({8}, seed + 50)),
        second(weight({classes, 8}, seed + 100)) {}
  Tensor operator()(const Tensor& x) const {
    return at::linear(at::tanh(at::linear(x, first, offset)), second);
  }
  [[nodiscard]] std::vector<Tensor> parameters() const { return {first, offset, second}; }
};

/// 1 - relu(1 - sum of x) (Sundararajan, Taly and Yan 2017, section 2): flat past one, where gradients
/// vanish. [N, features] -> [N].
struct Saturating {
  Tensor operator()(const Tensor& x) const { return 1.0 - at::relu(1.0 - x.sum(1)); }
};

/// x1 * x2, [N, 2] -> [N, 1]; any further feature is ignored. Integrated Gradients from zero gives each
/// factor half.
struct Interaction {
  Tensor operator()(const Tensor& x) const { return (x.select(1, 0) * x.select(1, 1)).unsqueeze(1); }
};

/// Two convolutions with max and average pooling and two linear layers: [N, 1, 8, 8] -> [N, 3].
struct ConvNet {
  Tensor conv1, bias1, conv2, bias2, fc1, fc2;
  explicit ConvNet(std::uint64_t seed = 4)
      : conv1(weight({4, 1, 3, 3}, seed)),
        bias1(random({4}, seed + 10, 0.1)),
        conv2(weight({6, 4, 3, 3}, seed + 20)),
        bias2(random({6}, seed + 30, 0.1)),
        fc1(weight({8, 24}, seed + 40)),
        fc2(weight({3, 8}, seed + 50)) {}
  Tensor operator()(const Tensor& x) const {
    const Tensor first = at::max_pool2d(at::relu(at::conv2d(x, conv1, bias1, 1, 1)), 2);
    const Tensor second = at::avg_pool2d(at::relu(at::conv2d(first, conv2, bias2, 1, 1)), 2);
    return at::linear(at::relu(at::linear(second.flatten(1), fc1)), fc2);
  }
  [[nodiscard]] std::vector<Tensor> parameters() const { return {conv1, bias1, conv2, bias2, fc1, fc2}; }
};

/// A residual block with batch normalisation by fixed statistics and global pooling: [N, 2, 6, 6] -> [N, 3].
struct Residual {
  Tensor conv1, conv2, gain, shift, mean, variance, fc;
  explicit Residual(std::uint64_t seed = 5)
      : conv1(weight({4, 2, 3, 3}, seed)),
        conv2(weight({4, 4, 3, 3}, seed + 10)),
        gain(1.0 + random({4}, seed + 20, 0.1)),
        shift(random({4}, seed + 30, 0.1)),
        mean(random({4}, seed + 40, 0.1)),
        variance(1.0 + random({4}, seed + 50, 0.1).abs()),
        fc(weight({3, 4}, seed + 60)) {}
  Tensor operator()(const Tensor& x) const {
    const Tensor stem = at::relu(at::conv2d(x, conv1, {}, 1, 1));
    const Tensor branch = at::conv2d(stem, conv2, {}, 1, 1);
    const Tensor normal = at::batch_norm(branch, gain, shift, mean, variance, false, 0.1, 1e-5, false);
    return at::linear(at::adaptive_avg_pool2d(at::relu(normal + stem), {1, 1}).flatten(1), fc);
  }
  [[nodiscard]] std::vector<Tensor> parameters() const {
    return {conv1, conv2, gain, shift, mean, variance, fc};
  }
};

/// A dense output: every pixel's score for two classes, [N, 1, H, W] -> [N, 2, H, W].
struct Segmentation {
  Tensor conv1, conv2, head;
  explicit Segmentation(std::uint64_t seed = 6)
      : conv1(weight({4, 1, 3, 3}, seed)),
        conv2(weight({4, 4, 3, 3}, seed + 10)),
        head(weight({2, 4, 1, 1}, seed + 20)) {}
  Tensor operator()(const Tensor& x) const {
    const Tensor first = at::relu(at::conv2d(x, conv1, {}, 1, 1));
    return at::conv2d(at::relu(at::conv2d(first, conv2, {}, 1, 1)), head);
  }
  [[nodiscard]] std::vector<Tensor> parameters() const { return {conv1, conv2, head}; }
};

/// Two inputs of different shapes, [N, 4] and [N, 1, 4, 4] -> [N, 2], which interact.
struct TwoInputs {
  Tensor left, conv, right;
  explicit TwoInputs(std::uint64_t seed = 7)
      : left(weight({2, 4}, seed)), conv(weight({2, 1, 3, 3}, seed + 10)), right(weight({2, 8}, seed + 20)) {}
  Tensor operator()(const Tensor& a, const Tensor& b) const {
    const Tensor image = at::avg_pool2d(at::tanh(at::conv2d(b, conv, {}, 1, 1)), 2).flatten(1);
    return at::linear(a, left) * at::sigmoid(at::linear(image, right));
  }
  [[nodiscard]] std::vector<Tensor> parameters() const { return {left, conv, right}; }
};

}  // namespace lumen::testing::nets
