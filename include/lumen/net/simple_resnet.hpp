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

struct SimpleResNetOptions {
  std::int64_t classes = 2;  ///< channels of the output
  /// After each convolution of the encoder; without it these have a bias instead.
  bool batch_norm = true;
};

namespace detail {

/// A convolution, followed by batch normalisation if that is asked for.
inline torch::nn::Sequential normalised(std::int64_t in, std::int64_t out, std::int64_t size,
                                        std::int64_t stride, bool batch_norm) {
  torch::nn::Sequential layers(torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, size).stride(stride).padding(size / 2).bias(!batch_norm)));
  if (batch_norm) layers->push_back(torch::nn::BatchNorm2d(out));
  return layers;
}

}  // namespace detail

/// A basic residual block (He, Zhang, Ren and Sun, CVPR 2016, arXiv:1512.03385) of stride 2 whose shortcut is a 1 x 1
/// convolution: [N, in, H, W] -> [N, out, ceil(H / 2), ceil(W / 2)].
class SimpleBlockImpl : public torch::nn::Module {
 public:
  SimpleBlockImpl(std::int64_t in, std::int64_t out, bool batch_norm)
      : first(register_module("first", detail::normalised(in, out, 3, 2, batch_norm))),
        second(register_module("second", detail::normalised(out, out, 3, 1, batch_norm))),
        skip(register_module("skip", detail::normalised(in, out, 1, 2, batch_norm))) {}

  Tensor forward(const Tensor& x) {
    return at::relu(second->forward(at::relu(first->forward(x))) + skip->forward(x));
  }

 private:
  torch::nn::Sequential first, second, skip;
};
TORCH_MODULE(SimpleBlock);

/// The smaller segmentation network of the study that lumen re-creates, SimpleResNetSegmentation, with and without batch
/// normalisation: two residual blocks down, two transposed convolutions up, each joined with the map of its size by
/// addition. 1,314,050 parameters with 2 classes and batch normalisation, 1,312,834 without.
///
/// [N, 1, H, W] -> logits [N, classes, H, W], H and W multiples of 4.
class SimpleResNetImpl : public torch::nn::Module {
 public:
  explicit SimpleResNetImpl(SimpleResNetOptions options = {})
      : stem(register_module("stem", detail::normalised(1, 64, 3, 1, options.batch_norm))),
        block1(register_module("block1", SimpleBlock(64, 128, options.batch_norm))),
        block2(register_module("block2", SimpleBlock(128, 256, options.batch_norm))),
        dropout(register_module("dropout", torch::nn::Dropout(0.5))),
        up1(register_module("up1", up(256))),
        up2(register_module("up2", up(128))),
        final(register_module("final", torch::nn::Conv2d(torch::nn::Conv2dOptions(64, options.classes, 1)))) {
  }

  /// @throws Error  `image` is not [N, 1, H, W] with H and W multiples of 4
  Tensor forward(const Tensor& image) {
    require(image.dim() == 4 && image.size(1) == 1 && image.size(2) % 4 == 0 && image.size(3) % 4 == 0, [&] {
      return text("SimpleResNet: the input has shape ", image.sizes(),
                  "; expected [N, 1, H, W] with H and W multiples of 4");
    });
    const Tensor x1 = at::relu(stem->forward(image));
    const Tensor x2 = block1(x1);
    const Tensor x3 = dropout(block2(x2));
    const Tensor y = up1(x3) + x2;
    return final(up2(y) + x1);
  }

 private:
  static torch::nn::ConvTranspose2d up(std::int64_t in) {
    return torch::nn::ConvTranspose2d(torch::nn::ConvTranspose2dOptions(in, in / 2, 2).stride(2));
  }

  torch::nn::Sequential stem;
  SimpleBlock block1, block2;
  torch::nn::Dropout dropout;
  torch::nn::ConvTranspose2d up1, up2;
  torch::nn::Conv2d final;
};
TORCH_MODULE(SimpleResNet);

}  // namespace lumen::net
