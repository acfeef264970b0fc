// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

/// What the zoo's networks are built of: functional operators on plain tensors, float64, seeded.
namespace lumen::testing::zoo_nets {

/// Draws a network's tensors, one after the other, and keeps a list of them.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : source_(at::detail::createCPUGenerator(seed)) {}

  Tensor normal(std::vector<std::int64_t> shape, double scale) {
    return keep(fresh_normal(shape) * scale, true);
  }
  Tensor uniform(std::vector<std::int64_t> shape, double low, double high) {
    return keep(fresh_uniform(shape) * (high - low) + low, true);
  }
  /// [out, in, ...] with the gain that keeps a ReLU network's variance (He et al. 2015, arXiv:1502.01852).
  Tensor weight(std::vector<std::int64_t> shape) {
    double fan_in = 1.0;
    for (std::size_t i = 1; i < shape.size(); ++i) fan_in *= static_cast<double>(shape[i]);
    return normal(std::move(shape), std::sqrt(2.0 / fan_in));
  }
  Tensor running_mean(std::int64_t channels) { return keep(fresh_normal({channels}) * 0.3, false); }
  Tensor running_var(std::int64_t channels) { return keep(fresh_uniform({channels}) + 0.6, false); }

  /// Everything drawn so far, in order; the weights require gradients, running statistics do not.
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  Tensor keep(const Tensor& fresh, bool learned) {
    tensors_.push_back(fresh.requires_grad_(learned));
    return tensors_.back();
  }
  Tensor fresh_normal(const std::vector<std::int64_t>& shape) {
    return at::randn(shape, source_, at::TensorOptions().dtype(at::kDouble));
  }
  Tensor fresh_uniform(const std::vector<std::int64_t>& shape) {
    return at::rand(shape, source_, at::TensorOptions().dtype(at::kDouble));
  }

  at::Generator source_;
  std::vector<Tensor> tensors_;
};

/// How a convolution moves over its input; `padding` below zero keeps the size at stride 1.
struct Window {
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = -1;
  std::int64_t groups = 1;
};

struct Conv {
  Tensor weight, bias;
  Window window;
  Conv(Draw& draw, std::int64_t in, std::int64_t out, Window moves = {}, bool biased = true)
      : weight(draw.weight({out, in / moves.groups, moves.kernel, moves.kernel})),
        bias(biased ? draw.normal({out}, 0.1) : Tensor()),
        window(moves) {
    if (window.padding < 0) window.padding = window.kernel / 2;
  }
  Tensor operator()(const Tensor& x) const {
    return at::conv2d(x, weight, bias, window.stride, window.padding, 1, window.groups);
  }
};

struct BatchNorm {
  Tensor gain, shift, mean, variance;
  BatchNorm(Draw& draw, std::int64_t channels)
      : gain(draw.uniform({channels}, 0.7, 1.3)),
        shift(draw.normal({channels}, 0.1)),
        mean(draw.running_mean(channels)),
        variance(draw.running_var(channels)) {}
  Tensor operator()(const Tensor& x) const {
    return at::batch_norm(x, gain, shift, mean, variance, /*training=*/false, 0.1, 1e-5, false);
  }
};

/// A convolution without bias and its normalisation.
struct ConvNorm {
  Conv conv;
  BatchNorm norm;
  ConvNorm(Draw& draw, std::int64_t in, std::int64_t out, Window window = {})
      : conv(draw, in, out, window, /*biased=*/false), norm(draw, out) {}
  Tensor operator()(const Tensor& x) const { return norm(conv(x)); }
};

struct Linear {
  Tensor weight, bias;
  Linear(Draw& draw, std::int64_t in, std::int64_t out)
      : weight(draw.weight({out, in})), bias(draw.normal({out}, 0.1)) {}
  Tensor operator()(const Tensor& x) const { return at::linear(x, weight, bias); }
};

/// Over the last dimension.
struct LayerNorm {
  Tensor gain, shift;
  LayerNorm(Draw& draw, std::int64_t channels)
      : gain(draw.uniform({channels}, 0.7, 1.3)), shift(draw.normal({channels}, 0.1)) {}
  Tensor operator()(const Tensor& x) const { return at::layer_norm(x, {x.size(-1)}, gain, shift, 1e-6); }
};

/// [N, C, H, W] -> [N, C].
inline Tensor pooled(const Tensor& x) { return at::flatten(at::adaptive_avg_pool2d(x, {1, 1}), 1); }

/// Squeeze and excitation (Hu et al. 2018, arXiv:1709.01507): each channel times a gate between 0 and 1.
struct Squeeze {
  Conv down, up;
  Squeeze(Draw& draw, std::int64_t channels, std::int64_t inner)
      : down(draw, channels, inner, {.kernel = 1}), up(draw, inner, channels, {.kernel = 1}) {}
  template <class Activation, class Gate>
  Tensor operator()(const Tensor& x, const Activation& activation, const Gate& gate) const {
    return gate(up(activation(down(at::adaptive_avg_pool2d(x, {1, 1}))))) * x;
  }
};

}  // namespace lumen::testing::zoo_nets
