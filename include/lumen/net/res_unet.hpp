// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::net {

/// The defaults are the network of the study that lumen re-creates, with 719,680 parameters.
struct ResUNetOptions {
  std::int64_t width = 64;          ///< channels of all maps
  std::int64_t encoder_blocks = 8;  ///< residual blocks at half the size, the first of stride 2; at least 1
  std::int64_t decoder_blocks =
      1;                     ///< residual blocks at full size, the first of twice the channels; at least 1
  std::int64_t classes = 2;  ///< channels of the output
};

namespace detail {

/// A basic residual block (He, Zhang, Ren and Sun, CVPR 2016, arXiv:1512.03385), with a 1 x 1 convolution and batch
/// normalisation as its shortcut where shapes change.
class BasicBlockImpl : public torch::nn::Module {
 public:
  BasicBlockImpl(std::int64_t in, std::int64_t out, std::int64_t stride)
      : conv1(register_module("conv1", conv(in, out, 3, stride))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(out))),
        conv2(register_module("conv2", conv(out, out, 3, 1))),
        bn2(register_module("bn2", torch::nn::BatchNorm2d(out))) {
    if (in != out || stride != 1)
      residual_adj = register_module(
          "residual_adj", torch::nn::Sequential(conv(in, out, 1, stride), torch::nn::BatchNorm2d(out)));
  }

  Tensor forward(const Tensor& x) {
    const Tensor inner = bn2(conv2(at::relu(bn1(conv1(x)))));
    return at::relu(inner + (residual_adj ? residual_adj->forward(x) : x));
  }

 private:
  static torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t size, std::int64_t stride) {
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(false));
  }

  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Sequential residual_adj{nullptr};
};
TORCH_MODULE(BasicBlock);

}  // namespace detail

/// A U-Net of residual blocks with one halving, ResUNetV2 of the study that lumen re-creates: a 7 x 7 convolution, a row of
/// blocks at half the size, the nearest upsampling joined with what came before it, a block, and a 3 x 3 convolution.
/// Weights start as He, Zhang, Ren and Sun, ICCV 2015, arXiv:1502.01852 (fan out).
///
/// [N, 1, H, W] -> logits [N, classes, H, W] for any H and W. With the default options an output pixel depends on 75 x 75
/// input pixels.
class ResUNetImpl : public torch::nn::Module {
 public:
  /// @throws Error  an option below 1
  explicit ResUNetImpl(ResUNetOptions options = {})
      : stage_input(register_module(
            "stage_input",
            torch::nn::Sequential(
                torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(1, checked(options).width, 7).padding(3).bias(false)),
                torch::nn::BatchNorm2d(options.width)))),
        encoder(register_module("encoder", torch::nn::Sequential())),
        decoder(register_module("decoder", torch::nn::Sequential())),
        conv_output(register_module(
            "conv_output",
            torch::nn::Conv2d(
                torch::nn::Conv2dOptions(options.width, options.classes, 3).padding(1).bias(false)))) {
    for (std::int64_t i = 0; i < options.encoder_blocks; ++i)
      encoder->push_back(detail::BasicBlock(options.width, options.width, i == 0 ? 2 : 1));
    for (std::int64_t i = 0; i < options.decoder_blocks; ++i)
      decoder->push_back(detail::BasicBlock((i == 0 ? 2 : 1) * options.width, options.width, 1));
    for (auto& module : modules(false)) {
      if (auto* conv = module->as<torch::nn::Conv2d>())
        torch::nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
    }
  }

  /// @throws Error  `image` is not [N, 1, H, W]
  Tensor forward(const Tensor& image) {
    require(image.dim() == 4 && image.size(1) == 1,
            [&] { return text("ResUNet: the input has shape ", image.sizes(), "; expected [N, 1, H, W]"); });
    const Tensor skip = at::relu(stage_input->forward(image));
    const Tensor inner = encoder->forward(skip);
    const Tensor large = at::upsample_nearest2d(inner, skip.sizes().slice(2));
    return conv_output(decoder->forward(at::cat({skip, large}, 1)));
  }

 private:
  static const ResUNetOptions& checked(const ResUNetOptions& options) {
    require(options.width >= 1 && options.encoder_blocks >= 1 && options.decoder_blocks >= 1 &&
                options.classes >= 1,
            "ResUNet: width, encoder_blocks, decoder_blocks and classes must be at least 1");
    return options;
  }

  torch::nn::Sequential stage_input, encoder, decoder;
  torch::nn::Conv2d conv_output;
};
TORCH_MODULE(ResUNet);

}  // namespace lumen::net
