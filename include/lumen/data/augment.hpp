// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/data/random.hpp>
#include <lumen/data/sample.hpp>

namespace lumen::data {

/// A random crop and random flips, the same for image, label, skeleton and weight; on request also a change of
/// brightness, for the image alone. What is drawn depends on (seed, epoch, index) alone, so neither the order
/// of the calls nor the number of threads changes it. For training data only: what is measured on test data
/// should be measured on the data.
struct Augment {
  std::int64_t crop = 128;       ///< side of the square crop in pixels; 0: the whole image
  double horizontal_flip = 0.5;  ///< probability of exchanging left and right
  double vertical_flip = 0.5;    ///< probability of exchanging top and bottom
  double transposition = 0.0;  ///< probability of exchanging rows and columns of the crop; it must be square
  double gain = 0.0;  ///< the image is multiplied by exp(u), u uniform in [-gain, gain], then cut at 1
  std::uint64_t seed = 0;

  /// @return a new sample, contiguous, [C, crop, crop]; `sample` is unchanged
  /// @throws Error  the sample is smaller than the crop, or what is to be transposed is not square
  [[nodiscard]] Sample operator()(const Sample& sample, std::uint64_t epoch, std::uint64_t index) const {
    const std::int64_t height = sample.image.size(-2);
    const std::int64_t width = sample.image.size(-1);
    require(crop >= 0 && crop <= height && crop <= width, [&] {
      return text("Augment: a crop of ", crop, " pixels does not fit into '", sample.name, "' (", height,
                  " x ", width, "); choose a smaller crop, or 0 for the whole image");
    });
    Random random({seed, epoch, index});
    const auto place = [&](std::int64_t room) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(room) + 1));
    };
    const std::int64_t rows = crop > 0 ? crop : height;
    const std::int64_t columns = crop > 0 ? crop : width;
    const std::int64_t top = place(height - rows);
    const std::int64_t left = place(width - columns);
    const bool mirror = random.chance(horizontal_flip);
    const bool upside_down = random.chance(vertical_flip);
    const bool transposed = random.chance(transposition);
    const double factor = std::exp(random.uniform(-gain, gain));
    require(transposition == 0.0 || rows == columns,
            [&] { return text("Augment: only a square can be transposed, not ", rows, " x ", columns); });

    const auto apply = [&](const Tensor& part) {
      if (!part.defined()) return part;
      Tensor out = part.narrow(-2, top, rows).narrow(-1, left, columns);
      if (mirror) out = out.flip({-1});
      if (upside_down) out = out.flip({-2});
      if (transposed) out = out.transpose(-2, -1);
      return out.clone(at::MemoryFormat::Contiguous);
    };
    Tensor image = apply(sample.image);
    if (gain > 0.0) image.mul_(factor).clamp_(0.0, 1.0);
    return {image, apply(sample.label), apply(sample.skeleton), sample.name, apply(sample.weight)};
  }
};

}  // namespace lumen::data
