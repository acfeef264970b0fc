// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <support/zoo_classic.hpp>
#include <support/zoo_layers.hpp>
#include <support/zoo_mobile.hpp>

namespace lumen::testing {

/// A model: one of torchvision's classifier families written with functions, reused and in-place activations;
/// float64, random weights, perturbed statistics and biases. Narrow, and but for ResNet-18 and VGG-11 shallow.
struct ZooNet {
  std::string name;
  std::int64_t size = 0;           ///< height and width of its image, pixels
  std::vector<Tensor> parameters;  ///< all its tensors: weights require gradients, running statistics do not
  std::function<Tensor(const Tensor&)> run;

  /// [N, 3, size, size] -> [N, 10].
  [[nodiscard]] Tensor forward(const Tensor& x) const { return run(x); }
  /// Images of a seed, standard normal.
  [[nodiscard]] Tensor images(std::int64_t count = 2, std::uint64_t seed = 1) const {
    return zoo_nets::Draw(seed).normal({count, 3, size, size}, 1.0).detach();
  }
};

namespace zoo_nets {

template <class Net, class... Options>
ZooNet zoo_net(std::string name, std::int64_t size, std::uint64_t seed, const Options&... options) {
  Draw draw(seed);
  Net net(draw, options...);
  return {std::move(name), size, draw.tensors(), std::move(net)};
}

}  // namespace zoo_nets

/// Nine networks, built once.
inline const std::vector<ZooNet>& zoo() {
  using namespace zoo_nets;
  static const std::vector<ZooNet> nets{
      zoo_net<ResNet18>("ResNet-18", 48, 1),
      zoo_net<Vgg11>("VGG-11", 64, 2, false),
      zoo_net<Vgg11>("VGG-11 with batch normalisation", 64, 3, true),
      zoo_net<DenseNet>("DenseNet", 32, 4),
      zoo_net<GoogLeNet>("GoogLeNet", 46, 5),
      zoo_net<MobileNet>("MobileNet", 32, 6),
      zoo_net<EfficientNet>("EfficientNet", 32, 7),
      zoo_net<ConvNeXt>("ConvNeXt", 32, 8),
      zoo_net<ShuffleNet>("ShuffleNet", 32, 9),
  };
  return nets;
}

}  // namespace lumen::testing
