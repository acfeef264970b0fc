// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <string>

#include <lumen/core/tensor.hpp>
#include <lumen/trace/layer.hpp>

#include "common/study.hpp"

namespace studies::edit {

/// [1, C, H, W] -> logits [1, classes, H, W].
using Network = std::function<Tensor(const Tensor&)>;

/// A network, an image, and the layer to be edited.
struct Subject {
  Network net{};
  Tensor x{};  ///< [1, C, H, W]
  lumen::layer::Layer layer{};
  std::string layer_words{}, words{};
};

/// A TorchScript network and an image of the folder, or a small one trained here on synthetic vessels.
[[nodiscard]] Subject load(const Options& options);

}  // namespace studies::edit
