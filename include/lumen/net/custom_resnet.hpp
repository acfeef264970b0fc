// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/pimpl.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::net {

/// A basic residual block (He, Zhang, Ren and Sun, CVPR 2016, arXiv:1512.03385) of stride 2 whose shortcut is
/// a 3 x 3 convolution with batch normalisation: [N, in, H, W] -> [N, out, ceil(H / 2), ceil(W / 2)].
class ResidualBlockImpl : public torch::nn::Module {
 public:
  ResidualBlockImpl(std::int64_t in, std::int64_t out)
      : conv1(register_module("conv1", torch::nn::Conv2d(options(in, out).stride(2)))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(out))),
        conv2(register_module("conv2", torch::nn::Conv2d(options(out, out)))),
        bn2(register_module("bn2", torch::nn::BatchNorm2d(out))),
        skip(register_module("skip", torch::nn::Sequential(torch::nn::Conv2d(options(in, out).stride(2)),
                                                           torch::nn::BatchNorm2d(out)))) {}

  Tensor forward(const Tensor& x) {
    const Tensor inner = bn2(conv2(at::relu(bn1(conv1(x)))));
    return at::relu(inner + skip->forward(x));
  }

 private:
  static torch::nn::Conv2dOptions options(std::int64_t in, std::int64_t out) {
    return torch::nn::Conv2dOptions(in, out, 3).padding(1).bias(false);
  }

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Sequential skip;
};
TORCH_MODULE(ResidualBlock);

/// Adds `skip` to the upper left part of `x` that has its size: an upsampling by 2 of an odd-sized map gives
/// one row or column more than the map that was halved.
[[nodiscard]] inline Tensor crop_and_add(const Tensor& x, const Tensor& skip) {
  return x.narrow(2, 0, skip.size(2)).narrow(3, 0, skip.size(3)) + skip;
}

/// The vessel segmentation network of the study that lumen re-creates: four residual blocks down, four
/// transposed convolutions up, each joined with the map of its size by addition. Parameters and buffers carry
/// the names of the PyTorch original, so that its state dicts fit. 31,348,738 parameters with 2 classes.
///
/// [N, 1, H, W] -> logits [N, classes, H, W] for any H and W. An output pixel depends on 125 x 125 input
/// pixels.
class CustomResNetImpl : public torch::nn::Module {
 public:
  explicit CustomResNetImpl(std::int64_t classes = 2)
      : conv1(register_module("conv1",
                              torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 64, 3).padding(1).bias(false)))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(64))),
        resblock1(register_module("resblock1", ResidualBlock(64, 128))),
        resblock2(register_module("resblock2", ResidualBlock(128, 256))),
        resblock3(register_module("resblock3", ResidualBlock(256, 512))),
        resblock4(register_module("resblock4", ResidualBlock(512, 1024))),
        dropout(register_module("dropout", torch::nn::Dropout(0.5))),
        upconv1(register_module("upconv1", up(1024))),
        upconv2(register_module("upconv2", up(512))),
        upconv3(register_module("upconv3", up(256))),
        upconv4(register_module("upconv4", up(128))),
        final(register_module("final",
                              torch::nn::Conv2d(torch::nn::Conv2dOptions(64, classes, 3).padding(1)))) {}

  /// @throws Error  `image` is not [N, 1, H, W]
  Tensor forward(const Tensor& image) {
    require(image.dim() == 4 && image.size(1) == 1, [&] {
      return text("CustomResNet: the input has shape ", image.sizes(), "; expected [N, 1, H, W]");
    });
    const Tensor x1 = at::relu(bn1(conv1(image)));
    const Tensor x2 = resblock1(x1);
    const Tensor x3 = resblock2(x2);
    const Tensor x4 = resblock3(x3);
    const Tensor x5 = dropout(resblock4(x4));
    Tensor y = crop_and_add(upconv1(x5), x4);
    y = crop_and_add(upconv2(y), x3);
    y = crop_and_add(upconv3(y), x2);
    y = crop_and_add(upconv4(y), x1);
    return final(y);
  }

 private:
  static torch::nn::ConvTranspose2d up(std::int64_t in) {
    return torch::nn::ConvTranspose2d(
        torch::nn::ConvTranspose2dOptions(in, in / 2, 3).stride(2).padding(1).output_padding(1));
  }

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  ResidualBlock resblock1, resblock2, resblock3, resblock4;
  torch::nn::Dropout dropout;
  torch::nn::ConvTranspose2d upconv1, upconv2, upconv3, upconv4;
  torch::nn::Conv2d final;
};
TORCH_MODULE(CustomResNet);

}  // namespace lumen::net
