// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/tensor.hpp>

#include "bench/nets.hpp"

/// The networks that occlusion is timed on, beside those of nets.hpp.
namespace lumen::bench {

using Net = std::function<Tensor(const Tensor&)>;

/// Ten 3 x 3 convolutions of 32 channels with rectifiers, to two classes: [N, 1, H, W] -> [N, 2, H, W].
inline Net ten_convolutions() {
  Weights weights(3);
  for (int i = 0; i < 10; ++i)
    weights.convolution("conv" + std::to_string(i), i == 9 ? 2 : 32, i == 0 ? 1 : 32, 3, true);
  return [weights](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < 10; ++i) {
      const std::string name = "conv" + std::to_string(i);
      y = at::conv2d(y, weights(name + ".weight"), weights(name + ".bias"), 1, 1);
      if (i < 9) y = at::relu(y);
    }
    return y;
  };
}

/// A U-Net of three levels, 32 channels at full resolution, to two classes: [N, 1, H, W] -> [N, 2, H, W].
inline Net unet_of_three() {
  Weights weights(4);
  const auto twice = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    weights.convolution(name + ".0", out, in, 3, true);
    weights.convolution(name + ".1", out, out, 3, true);
  };
  twice("down1", 32, 1);
  twice("down2", 64, 32);
  twice("bottom", 128, 64);
  weights.convolution("up2", 128, 64, 2, false);  // of a transposed one: [in, out, 2, 2]
  twice("merge2", 64, 128);
  weights.convolution("up1", 64, 32, 2, false);
  twice("merge1", 32, 64);
  weights.convolution("head", 2, 32, 1, true);
  return [weights](const Tensor& x) {
    const auto twice_of = [&](const std::string& name, Tensor y) {
      for (const char* each : {".0", ".1"})
        y = at::relu(at::conv2d(y, weights(name + each + ".weight"), weights(name + each + ".bias"), 1, 1));
      return y;
    };
    const Tensor one = twice_of("down1", x), two = twice_of("down2", at::max_pool2d(one, 2));
    const Tensor low = twice_of("bottom", at::max_pool2d(two, 2));
    const Tensor up2 = at::conv_transpose2d(low, weights("up2.weight"), {}, 2);
    const Tensor merged = twice_of("merge2", at::cat({two, up2}, 1));
    const Tensor up1 = at::conv_transpose2d(merged, weights("up1.weight"), {}, 2);
    return at::conv2d(twice_of("merge1", at::cat({one, up1}, 1)), weights("head.weight"),
                      weights("head.bias"));
  };
}

/// VGG-16 (Simonyan and Zisserman 2014, arXiv:1409.1556): [N, 3, 224, 224] -> [N, 1000].
inline Net vgg16() {
  Weights weights(5);
  const std::vector<std::vector<std::int64_t>> stages{
      {64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}};
  std::int64_t in = 3;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    for (std::size_t i = 0; i < stages[s].size(); ++i) {
      weights.convolution(std::to_string(s) + "." + std::to_string(i), stages[s][i], in, 3, true);
      in = stages[s][i];
    }
  }
  weights.linear("fc1", 4096, 512 * 7 * 7);
  weights.linear("fc2", 4096, 4096);
  weights.linear("fc3", 1000, 4096);
  return [weights, stages](const Tensor& x) {
    Tensor y = x;
    for (std::size_t s = 0; s < stages.size(); ++s) {
      for (std::size_t i = 0; i < stages[s].size(); ++i) {
        const std::string name = std::to_string(s) + "." + std::to_string(i);
        y = at::relu(at::conv2d(y, weights(name + ".weight"), weights(name + ".bias"), 1, 1));
      }
      y = at::max_pool2d(y, 2);
    }
    y = at::adaptive_avg_pool2d(y, {7, 7}).flatten(1);
    y = at::relu(at::linear(y, weights("fc1.weight"), weights("fc1.bias")));
    y = at::relu(at::linear(y, weights("fc2.weight"), weights("fc2.bias")));
    return at::linear(y, weights("fc3.weight"), weights("fc3.bias"));
  };
}

/// ResNet-50 (He et al. 2015, arXiv:1512.03385): [N, 3, 224, 224] -> [N, 1000].
inline Net resnet50() {
  Weights w(6);
  w.convolution("conv1", 64, 3, 7, false);
  w.norm("bn1", 64);
  const std::vector<int> depth{3, 4, 6, 3};
  std::int64_t in = 64;
  for (int stage = 0; stage < 4; ++stage) {
    const std::int64_t middle = std::int64_t{64} << stage, out = 4 * middle;
    for (int i = 0; i < depth[static_cast<std::size_t>(stage)]; ++i) {
      const std::string name = std::to_string(stage) + "." + std::to_string(i);
      w.convolution(name + ".conv1", middle, in, 1, false), w.norm(name + ".bn1", middle);
      w.convolution(name + ".conv2", middle, middle, 3, false), w.norm(name + ".bn2", middle);
      w.convolution(name + ".conv3", out, middle, 1, false), w.norm(name + ".bn3", out);
      if (i == 0) w.convolution(name + ".down", out, in, 1, false), w.norm(name + ".bn4", out);
      in = out;
    }
  }
  w.linear("fc", 1000, 2048);
  return [w, depth](const Tensor& x) {
    const auto conv = [&](const std::string& name, const std::string& norm, const Tensor& y,
                          std::int64_t stride, std::int64_t padding) {
      return at::batch_norm(at::conv2d(y, w(name + ".weight"), {}, stride, padding), w(norm + ".weight"),
                            w(norm + ".bias"), w(norm + ".running_mean"), w(norm + ".running_var"), false,
                            0.1, 1e-5, false);
    };
    Tensor y = at::max_pool2d(at::relu(conv("conv1", "bn1", x, 2, 3)), 3, 2, 1);
    for (int stage = 0; stage < 4; ++stage) {
      for (int i = 0; i < depth[static_cast<std::size_t>(stage)]; ++i) {
        const std::string name = std::to_string(stage) + "." + std::to_string(i);
        const std::int64_t stride = i == 0 && stage > 0 ? 2 : 1;
        Tensor z = at::relu(conv(name + ".conv1", name + ".bn1", y, 1, 0));
        z = at::relu(conv(name + ".conv2", name + ".bn2", z, stride, 1));
        z = conv(name + ".conv3", name + ".bn3", z, 1, 0);
        y = at::relu(z + (i == 0 ? conv(name + ".down", name + ".bn4", y, stride, 0) : y));
      }
    }
    return at::linear(at::adaptive_avg_pool2d(y, {1, 1}).flatten(1), w("fc.weight"), w("fc.bias"));
  };
}

}  // namespace lumen::bench
