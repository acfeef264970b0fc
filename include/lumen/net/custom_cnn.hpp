// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::net {

/// The defaults are the classifier of disks, with 421,954 parameters.
struct CustomCNNOptions {
  std::int64_t width = 32;     ///< channels of the first convolution; each of the next three doubles them
  std::int64_t classes = 2;    ///< length of the output
  std::int64_t hidden = 128;   ///< length of the last hidden layer
  std::int64_t kernel = 3;     ///< side of the convolutions, odd; they are padded by kernel / 2
  std::int64_t dilation3 = 1;  ///< of the third convolution, whose padding stays kernel / 2
  bool third_pooling = false;  ///< halve the third map too
};

/// The variant for MNIST, 422,986 parameters; its input is normalised to [-1, 1]: (pixel / 255 - 0.5) / 0.5.
inline constexpr CustomCNNOptions custom_cnn_mnist{.classes = 10, .third_pooling = true};

/// The small variant for MNIST, 25,234 parameters; its input is pixel / 255.
inline constexpr CustomCNNOptions custom_cnn_mini{.width = 8, .classes = 10, .hidden = 8, .dilation3 = 2};

/// The image classifier of the study that lumen re-creates: four 3 x 3 convolutions with batch normalisation
/// and ReLU, max pooling by 2 after the first two, the mean over space, and two linear layers with a ReLU and
/// dropout between them. Parameters and buffers carry the names of the PyTorch original, so that its state
/// dicts fit.
///
/// [N, 1, H, W] -> logits [N, classes], for H and W of at least 4 (8 with the third pooling).
class CustomCNNImpl : public torch::nn::Module {
 public:
  explicit CustomCNNImpl(CustomCNNOptions options = {})
      : options_(options),
        conv1(register_module("conv1", conv(1, options.width))),
        bn1(register_module("bn1", torch::nn::BatchNorm2d(options.width))),
        conv2(register_module("conv2", conv(options.width, 2 * options.width))),
        bn2(register_module("bn2", torch::nn::BatchNorm2d(2 * options.width))),
        conv3(register_module("conv3", conv(2 * options.width, 4 * options.width, options.dilation3))),
        bn3(register_module("bn3", torch::nn::BatchNorm2d(4 * options.width))),
        conv4(register_module("conv4", conv(4 * options.width, 8 * options.width))),
        bn4(register_module("bn4", torch::nn::BatchNorm2d(8 * options.width))),
        fc1(register_module("fc1", torch::nn::Linear(8 * options.width, options.hidden))),
        drop1(register_module("drop1", torch::nn::Dropout(0.5))),
        fc2(register_module("fc2", torch::nn::Linear(options.hidden, options.classes))) {}

  /// @throws Error  `image` is not [N, 1, H, W], or too small to be pooled
  Tensor forward(const Tensor& image) { return head(features(image)); }

  /// The activation of the last convolution (relu4 in the original), the layer that CAMs look at:
  /// [N, 8 * width, h, w].
  Tensor features(const Tensor& image) {
    const std::int64_t least =
        (options_.third_pooling ? 8 : 4) + 4 * (options_.dilation3 - 1) * (options_.kernel - 1);
    require(image.dim() == 4 && image.size(1) == 1 && image.size(2) >= least && image.size(3) >= least, [&] {
      return text("CustomCNN: the input has shape ", image.sizes(),
                  "; expected [N, 1, H, W] with H and W at least ", least);
    });
    Tensor x = at::max_pool2d(at::relu(bn1(conv1(image))), 2);
    x = at::max_pool2d(at::relu(bn2(conv2(x))), 2);
    x = at::relu(bn3(conv3(x)));
    if (options_.third_pooling) x = at::max_pool2d(x, 2);
    return at::relu(bn4(conv4(x)));
  }

  /// The rest: the logits from the features.
  Tensor head(const Tensor& features) {
    const Tensor pooled = at::adaptive_avg_pool2d(features, {1, 1}).flatten(1);
    return fc2(drop1(at::relu(fc1(pooled))));
  }

 private:
  [[nodiscard]] torch::nn::Conv2d conv(std::int64_t in, std::int64_t out, std::int64_t dilation = 1) const {
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(in, out, options_.kernel).padding(options_.kernel / 2).dilation(dilation));
  }

  CustomCNNOptions options_;
  torch::nn::Conv2d conv1;
  torch::nn::BatchNorm2d bn1;
  torch::nn::Conv2d conv2;
  torch::nn::BatchNorm2d bn2;
  torch::nn::Conv2d conv3;
  torch::nn::BatchNorm2d bn3;
  torch::nn::Conv2d conv4;
  torch::nn::BatchNorm2d bn4;
  torch::nn::Linear fc1;
  torch::nn::Dropout drop1;
  torch::nn::Linear fc2;
};
TORCH_MODULE(CustomCNN);

}  // namespace lumen::net
