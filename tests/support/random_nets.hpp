// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lumen/core/tensor.hpp>

#include "nets.hpp"

/// Networks drawn from the operators that work on images place by place.
namespace lumen::testing {

using nets::random;
using nets::weight;

using Sizes = std::vector<std::int64_t>;
using Layer = std::function<Tensor(const Tensor&)>;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : source_(at::detail::createCPUGenerator(seed)) {}
  std::int64_t operator()(std::int64_t low, std::int64_t high) {
    return at::randint(low, high + 1, {1}, source_, at::kLong).item<std::int64_t>();
  }
  bool coin() { return (*this)(0, 1) == 1; }

 private:
  at::Generator source_;
};

/// What a drawn network is made of, and what it does.
struct Drawn {
  std::string text;
  Layer run;
};

inline Layer drawn_layer(Dice& dice, std::int64_t c, std::int64_t height, std::int64_t width,
                         std::uint64_t seed, std::string& name) {
  const bool tall = height >= 6 && width >= 6, even = c % 2 == 0;
  const std::int64_t size = dice(1, 3), stride = dice(1, 2), dilation = dice(1, 2), padding = dice(0, 2),
                     out = 2 * dice(1, 3);
  const std::int64_t groups = even && dice.coin() ? 2 : 1;
  switch (dice(0, 21)) {
    case 0:
    case 1:
    case 2:
      if (height + 2 * padding <= dilation * (size - 1) + 1 ||
          width + 2 * padding <= dilation * (size - 1) + 1)
        break;
      name = "conv2d";
      return [=, w = weight({out, c / groups, size, size}, seed)](const Tensor& x) {
        return at::conv2d(x, w, {}, stride, padding, dilation, groups);
      };
    case 3:
      if (height > 20) break;
      name = "conv_transpose2d";
      return [=, w = weight({c, out / 2, 3, 3}, seed)](const Tensor& x) {
        return at::conv_transpose2d(x, w, {}, stride, std::min<std::int64_t>(padding, 1), stride - 1);
      };
    case 4:
      name = "relu";
      return [](const Tensor& x) { return at::relu(x); };
    case 5:
      name = "gelu";
      return [](const Tensor& x) { return at::gelu(x); };
    case 6:
      name = "leaky_relu_";
      return [](const Tensor& x) {
        Tensor y = x * 1.5;
        return y.add_(0.1).relu_();
      };
    case 7:
      name = "batch_norm";
      return [g = random({c}, seed), m = random({c}, seed + 1), v = random({c}, seed + 2).abs() + 0.5](
                 const Tensor& x) { return at::batch_norm(x, g, m, m, v, false, 0.1, 1e-5, false); };
    case 8:
      if (!tall) break;
      name = "max_pool2d";
      return [=](const Tensor& x) { return at::max_pool2d(x, 2, 2, 0, 1, size == 1); };
    case 9:
      if (!tall) break;
      name = "max_pool2d 3";
      return [=](const Tensor& x) { return at::max_pool2d(x, 3, stride, 1, 1); };
    case 10:
      if (!tall) break;
      name = "avg_pool2d";
      return [=](const Tensor& x) { return at::avg_pool2d(x, size, stride, 0, size == 2, size == 3); };
    case 11:
      if (height > 20) break;
      name = "nearest";
      return [](const Tensor& x) { return at::upsample_nearest2d(x, Sizes{x.size(2) * 2, x.size(3) * 2}); };
    case 12:
      if (height > 20) break;
      name = "bilinear";
      return [=](const Tensor& x) {
        return at::upsample_bilinear2d(x, Sizes{x.size(2) * 2 - 1, x.size(3) + 3}, size == 1);
      };
    case 13:
      if (c % 4 != 0 || height > 20) break;
      name = "pixel_shuffle";
      return [](const Tensor& x) { return at::pixel_shuffle(x, 2); };
    case 14:
      if (!tall) break;
      name = "reflection_pad2d";
      return [=](const Tensor& x) { return at::reflection_pad2d(x, Sizes{1, 2, padding, 0}); };
    case 15:
      name = "replication_pad2d";
      return [=](const Tensor& x) { return at::replication_pad2d(x, Sizes{0, 1, padding, 2}); };
    case 16:
      if (!tall) break;
      name = "circular";
      return [=](const Tensor& x) { return at::pad(x, Sizes{1, 0, padding, 1}, "circular"); };
    case 17:
      if (!tall) break;
      name = "crop";
      return [](const Tensor& x) { return x.narrow(2, 1, x.size(2) - 2).slice(3, 0, x.size(3) - 1); };
    case 18:
      name = "residual";
      return [w = weight({c, c, 3, 3}, seed)](const Tensor& x) {
        return x + at::relu(at::conv2d(x, w, {}, 1, 1));
      };
    case 19:
      name = "dense";
      return [w = weight({2, c, 3, 3}, seed)](const Tensor& x) {
        return at::cat({x, at::tanh(at::conv2d(x, w, {}, 1, 1))}, 1);
      };
    case 20:
      if (!tall) break;
      name = "down and up";
      return [w = weight({c, c, 3, 3}, seed)](const Tensor& x) {
        const Tensor low = at::silu(at::conv2d(at::max_pool2d(x, 2), w, {}, 1, 1));
        const Tensor up = at::upsample_nearest2d(low, Sizes{x.size(2), x.size(3)});
        return at::cat({up, x}, 1);
      };
    default:
      break;
  }
  name = "constant_pad_nd";
  return [](const Tensor& x) { return at::constant_pad_nd(x, Sizes{0, 1, 1, 0}, 0.5); };
}

inline Drawn drawn_net(std::uint64_t seed, std::int64_t height, std::int64_t width) {
  Dice dice(seed);
  Drawn net;
  std::vector<Layer> layers;
  Tensor shape = random({1, 2, height, width}, 1);
  const std::int64_t depth = dice(4, 8);
  for (std::int64_t i = 0; i < depth; ++i) {
    std::string name;
    layers.push_back(drawn_layer(dice, shape.size(1), shape.size(2), shape.size(3),
                                 100 * seed + static_cast<std::uint64_t>(i), name));
    shape = layers.back()(shape);
    net.text += name + "; ";
  }
  layers.push_back(
      [head = weight({2, shape.size(1), 1, 1}, seed)](const Tensor& x) { return at::conv2d(x, head); });
  net.run = [layers](const Tensor& x) {
    Tensor y = x;
    for (const Layer& layer : layers) y = layer(y);
    return y;
  };
  return net;
}

}  // namespace lumen::testing
