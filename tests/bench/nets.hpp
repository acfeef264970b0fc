// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

/// The networks that are timed: functional, with the names of parameters that the peer's modules use.
namespace lumen::bench {

/// Named tensors with seeded random values; the floating point weights require gradients, as in a user's model.
class Weights {
 public:
  explicit Weights(std::uint64_t seed) : source_(at::detail::createCPUGenerator(seed)) {}

  void convolution(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t kernel,
                   bool bias) {
    const double fan_in = static_cast<double>(in * kernel * kernel);
    set(name + ".weight", normal({out, in, kernel, kernel}) * std::sqrt(2.0 / fan_in));
    if (bias) set(name + ".bias", normal({out}) * 0.1);
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    set(name + ".weight", normal({out, in}) * std::sqrt(1.0 / static_cast<double>(in)));
    set(name + ".bias", normal({out}) * 0.1);
  }
  void norm(const std::string& name, std::int64_t channels) {
    set(name + ".weight", 1.0 + 0.1 * normal({channels}));
    set(name + ".bias", 0.1 * normal({channels}));
    set(name + ".running_mean", 0.1 * normal({channels}), false);
    set(name + ".running_var", 1.0 + 0.1 * normal({channels}).abs(), false);
  }
  [[nodiscard]] const Tensor& operator()(const std::string& name) const { return tensors_.at(name); }
  [[nodiscard]] const std::map<std::string, Tensor>& all() const { return tensors_; }

 private:
  Tensor normal(const std::vector<std::int64_t>& shape) {
    return at::randn(shape, source_, at::TensorOptions(at::kFloat));
  }
  void set(const std::string& name, const Tensor& value, bool learned = true) {
    tensors_[name] = value.contiguous().requires_grad_(learned);
  }

  at::Generator source_;
  std::map<std::string, Tensor> tensors_;
};

/// Two convolutions, each with a stride of three, the mean over the picture and a linear layer:
/// [N, 1, 28, 28] -> [N, 10]. Little arithmetic, so that one gradient costs what calling operators does.
struct Small {
  Tensor conv1, bias1, conv2, bias2, fc, bias;
  explicit Small(const Weights& w)
      : conv1(w("conv1.weight")),
        bias1(w("conv1.bias")),
        conv2(w("conv2.weight")),
        bias2(w("conv2.bias")),
        fc(w("fc.weight")),
        bias(w("fc.bias")) {}
  static Weights weights() {
    Weights w(1);
    w.convolution("conv1", 4, 1, 3, true);
    w.convolution("conv2", 8, 4, 3, true);
    w.linear("fc", 10, 8);
    return w;
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor a = at::relu(at::conv2d(x, conv1, bias1, 3));
    const Tensor b = at::relu(at::conv2d(a, conv2, bias2, 3));
    return at::linear(at::adaptive_avg_pool2d(b, {1, 1}).flatten(1), fc, bias);
  }
};

/// Twice as wide and at full resolution, each convolution followed by a max pool: fifty times the arithmetic.
struct Pooled : Small {
  using Small::Small;
  static Weights weights() {
    Weights w(1);
    w.convolution("conv1", 8, 1, 3, true);
    w.convolution("conv2", 16, 8, 3, true);
    w.linear("fc", 10, 16 * 7 * 7);
    return w;
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor a = at::max_pool2d(at::relu(at::conv2d(x, conv1, bias1, 1, 1)), 2);
    const Tensor b = at::max_pool2d(at::relu(at::conv2d(a, conv2, bias2, 1, 1)), 2);
    return at::linear(b.flatten(1), fc, bias);
  }
};

/// Three layers, most of whose arithmetic is in the first: [N, 1, 28, 28] -> [N, 10].
struct Perceptron {
  Weights w;
  explicit Perceptron(Weights weights) : w(std::move(weights)) {}
  static Weights weights() {
    Weights w(1);
    w.linear("fc1", 1024, 28 * 28);
    w.linear("fc2", 128, 1024);
    w.linear("fc3", 10, 128);
    return w;
  }
  Tensor operator()(const Tensor& x) const {
    const Tensor a = at::relu(at::linear(x.flatten(1), w("fc1.weight"), w("fc1.bias")));
    const Tensor b = at::relu(at::linear(a, w("fc2.weight"), w("fc2.bias")));
    return at::linear(b, w("fc3.weight"), w("fc3.bias"));
  }
};

/// ResNet-18 (He et al. 2015, arXiv:1512.03385), evaluation mode: [N, 3, 224, 224] -> [N, 1000].
struct ResNet18 {
  struct Normal {
    Tensor weight, bias, mean, variance;
    Tensor operator()(const Tensor& x) const {
      return at::batch_norm(x, weight, bias, mean, variance, false, 0.1, 1e-5, false);
    }
  };
  struct Block {
    Tensor conv1, conv2, shortcut;
    Normal bn1, bn2, bn3;
    std::int64_t stride = 1;
    Tensor operator()(const Tensor& x) const {
      const Tensor a = at::relu(bn1(at::conv2d(x, conv1, {}, stride, 1)));
      const Tensor b = bn2(at::conv2d(a, conv2, {}, 1, 1));
      return at::relu(b + (shortcut.defined() ? bn3(at::conv2d(x, shortcut, {}, stride)) : x));
    }
  };
  Tensor conv1, fc, bias;
  Normal bn1;
  std::vector<Block> blocks;

  explicit ResNet18(const Weights& w)
      : conv1(w("conv1.weight")), fc(w("fc.weight")), bias(w("fc.bias")), bn1(normal(w, "bn1")) {
    for (int stage = 1; stage <= 4; ++stage) {
      for (int i = 0; i < 2; ++i) {
        const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(i);
        const bool down = stage > 1 && i == 0;
        blocks.push_back({w(name + ".conv1.weight"), w(name + ".conv2.weight"),
                          down ? w(name + ".downsample.0.weight") : Tensor(), normal(w, name + ".bn1"),
                          normal(w, name + ".bn2"), down ? normal(w, name + ".downsample.1") : Normal{},
                          down ? std::int64_t{2} : std::int64_t{1}});
      }
    }
  }
  static Weights weights() {
    Weights w(2);
    w.convolution("conv1", 64, 3, 7, false);
    w.norm("bn1", 64);
    std::int64_t in = 64;
    for (int stage = 1; stage <= 4; ++stage) {
      const std::int64_t out = std::int64_t{32} << stage;
      for (int i = 0; i < 2; ++i) {
        const std::string name = "layer" + std::to_string(stage) + "." + std::to_string(i);
        w.convolution(name + ".conv1", out, in, 3, false);
        w.norm(name + ".bn1", out);
        w.convolution(name + ".conv2", out, out, 3, false);
        w.norm(name + ".bn2", out);
        if (in != out) {
          w.convolution(name + ".downsample.0", out, in, 1, false);
          w.norm(name + ".downsample.1", out);
        }
        in = out;
      }
    }
    w.linear("fc", 1000, 512);
    return w;
  }
  Tensor operator()(const Tensor& x) const {
    Tensor y = at::max_pool2d(at::relu(bn1(at::conv2d(x, conv1, {}, 2, 3))), 3, 2, 1);
    for (const Block& block : blocks) y = block(y);
    return at::linear(at::adaptive_avg_pool2d(y, {1, 1}).flatten(1), fc, bias);
  }

 private:
  static Normal normal(const Weights& w, const std::string& name) {
    return {w(name + ".weight"), w(name + ".bias"), w(name + ".running_mean"), w(name + ".running_var")};
  }
};

}  // namespace lumen::bench
