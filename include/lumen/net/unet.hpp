// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::net {

struct UNetOptions {
  std::int64_t channels = 1;  ///< of the input image
  std::int64_t classes = 2;   ///< channels of the output
  std::int64_t width = 16;    ///< channels at full resolution; doubled by each of the three poolings
};

/// Two 3 x 3 convolutions, each followed by batch normalisation and ReLU.
class DoubleConvImpl : public torch::nn::Module {
 public:
  DoubleConvImpl(std::int64_t in, std::int64_t out)
      : conv1(register_module("conv1", torch::nn::Conv2d(options(in, out)))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(out))),
        conv2(register_module("conv2", torch::nn::Conv2d(options(out, out)))),
        bn2(register_module("bn2", torch::nn::BatchNorm2d(out))) {}

  Tensor forward(const Tensor& x) { return at::relu(bn2(conv2(at::relu(bn1(conv1(x)))))); }

 private:
  static torch::nn::Conv2dOptions options(std::int64_t in, std::int64_t out) {
    return torch::nn::Conv2dOptions(in, out, 3).padding(1).bias(false);
  }

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
};
TORCH_MODULE(DoubleConv);

/// A small U-Net: Ronneberger, Fischer and Brox, MICCAI 2015, arXiv:1505.04597, with padded convolutions,
/// batch normalisation and three poolings. With the default width it has 482,466 parameters.
///
/// [N, channels, H, W] -> logits [N, classes, H, W] for any H, W >= 8: the image is continued at its lower
/// and right border to a multiple of 8 by repeating the last pixel, and the output is cut back.
class UNetImpl : public torch::nn::Module {
 public:
  explicit UNetImpl(UNetOptions options = {})
      : options_(options),
        down1(register_module("down1", DoubleConv(options.channels, options.width))),
        down2(register_module("down2", DoubleConv(options.width, 2 * options.width))),
        down3(register_module("down3", DoubleConv(2 * options.width, 4 * options.width))),
        bottom(register_module("bottom", DoubleConv(4 * options.width, 8 * options.width))),
        up3(register_module("up3", up(8 * options.width))),
        merge3(register_module("merge3", DoubleConv(8 * options.width, 4 * options.width))),
        up2(register_module("up2", up(4 * options.width))),
        merge2(register_module("merge2", DoubleConv(4 * options.width, 2 * options.width))),
        up1(register_module("up1", up(2 * options.width))),
        merge1(register_module("merge1", DoubleConv(2 * options.width, options.width))),
        head(register_module("head", torch::nn::Conv2d(options.width, options.classes, 1))) {}

  /// @throws Error  `image` is not [N, channels, H, W] with H, W >= 8
  Tensor forward(const Tensor& image) {
    require(
        image.dim() == 4 && image.size(1) == options_.channels && image.size(2) >= 8 && image.size(3) >= 8,
        [&] {
          return text("UNet: the input has shape ", image.sizes(), "; expected [N, ", options_.channels,
                      ", H, W] with H and W at least 8");
        });
    const std::int64_t height = image.size(2);
    const std::int64_t width = image.size(3);
    const std::int64_t below = (8 - height % 8) % 8;
    const std::int64_t right = (8 - width % 8) % 8;
    const Tensor x = below + right == 0 ? image : at::replication_pad2d(image, {0, right, 0, below});

    const Tensor x1 = down1(x);
    const Tensor x2 = down2(at::max_pool2d(x1, 2));
    const Tensor x3 = down3(at::max_pool2d(x2, 2));
    Tensor y = bottom(at::max_pool2d(x3, 2));
    y = merge3(at::cat({x3, doubled(up3, y)}, 1));
    y = merge2(at::cat({x2, doubled(up2, y)}, 1));
    y = merge1(at::cat({x1, doubled(up1, y)}, 1));
    y = head(y);
    return below + right == 0 ? y : y.narrow(2, 0, height).narrow(3, 0, width);
  }

 private:
  static torch::nn::ConvTranspose2d up(std::int64_t in) {
    return torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(in, in / 2, 2).stride(2));
  }

  /// What `up(x)` gives, as a 1 x 1 convolution and a pixel shuffle: its kernels do not overlap. LibTorch
  /// without oneDNN's deconvolution (1.13) spends 40 % of a training step in the transposed convolution
  /// otherwise. `layer::of(weight)` names the convolution; the grown map is the next "pixel_shuffle".
  static Tensor doubled(const torch::nn::ConvTranspose2d& up, const Tensor& x) {
    const Tensor& weight = up->weight;  // [in, out, 2, 2]
    const Tensor kernels = weight.permute({1, 2, 3, 0}).reshape({weight.size(1) * 4, weight.size(0), 1, 1});
    return at::pixel_shuffle(at::conv2d(x, kernels, up->bias.repeat_interleave(4)), 2);
  }

  UNetOptions options_;
  DoubleConv down1, down2, down3, bottom;
  torch::nn::ConvTranspose2d up3;
  DoubleConv merge3;
  torch::nn::ConvTranspose2d up2;
  DoubleConv merge2;
  torch::nn::ConvTranspose2d up1;
  DoubleConv merge1;
  torch::nn::Conv2d head;
};
TORCH_MODULE(UNet);

}  // namespace lumen::net
