// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/sample.hpp>

namespace lumen::data {

/// Images of one size, each with its class or with the class of every pixel.
struct Labelled {
  Tensor images;  ///< [N, C, H, W], float32 in [0, 1]
  Tensor labels;  ///< int64: [N], or [N, H, W]
};

/// Images that have a class for every pixel as samples to train with; each is named by its number.
/// @throws Error  the labels are one for an image, or of another size than the images
[[nodiscard]] inline std::vector<Sample> samples(const Labelled& set) {
  require(set.labels.dim() == 3, [&] {
    return text("samples: the labels have shape ", set.labels.sizes(), "; expected [N, H, W]");
  });
  require(set.labels.size(0) == set.images.size(0), [&] {
    return text("samples: there are ", set.images.size(0), " images and ", set.labels.size(0), " labels");
  });
  std::vector<Sample> all;
  for (std::int64_t i = 0; i < set.images.size(0); ++i) {
    all.push_back(
        {.image = set.images[i], .label = set.labels[i], .skeleton = {}, .name = std::to_string(i)});
    check(all.back());
  }
  return all;
}

}  // namespace lumen::data
