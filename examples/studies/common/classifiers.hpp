// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/data/labelled.hpp>
#include <lumen/target/any.hpp>
#include <lumen/view/pair_grid.hpp>

#include "common/study.hpp"

/// What the studies of classifiers of small images share.
namespace studies {

/// [N, 1, H, W] -> logits [N, classes].
using Classifier = std::function<Tensor(const Tensor&)>;

/// A method with the original's settings.
struct Method {
  std::string name{}, file{}, settings{};
  std::function<std::vector<Tensor>(const Classifier&, const Tensor&, const lumen::Targets&)> maps{};
};

/// The original's methods, for its CustomCNN: the fourth ReLU is the last before pooling, the fifth that behind fc1.
[[nodiscard]] std::vector<Method> methods(const Options& options);

/// SmoothGrad-squared around integrated gradients, as the original smoothed: its NoiseTunnel.
[[nodiscard]] Method smoothed(const Options& options);

/// The first images of each class, class after class.
[[nodiscard]] lumen::data::Labelled first_of_each(const lumen::data::Labelled& all, std::int64_t classes,
                                                  std::int64_t of_each);

/// Images beside their maps; above each what the network says and its probability.
/// @param names  of the classes
[[nodiscard]] lumen::view::PairGrid grid(const lumen::data::Labelled& images, const Tensor& map,
                                         const Tensor& logits, const std::vector<std::string>& names);

/// Label, prediction and probability of each image, for the summary.
[[nodiscard]] nlohmann::ordered_json confidences(const lumen::data::Labelled& images, const Tensor& logits);

}  // namespace studies
