// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::detail {

/// RISE's random masks of a part of an input, one for each draw: a coarse grid of ones and zeros, upsampled linearly
/// to a little more than the part and cropped at a random place. An element is 1 with the grid's probability, on
/// average over the masks.
class RiseMasks {
 public:
  /// @param part  [N, F], whose features are cells each, or [N, C, ...], with cells along what comes after the
  ///              channels
  RiseMasks(const Tensor& part, std::int64_t grid, double probability, std::uint64_t seed)
      : probability_(probability), seed_(seed), options_(part.options()) {
    const std::int64_t from = part.dim() > 2 ? 2 : 1;
    for (std::int64_t d = from; d < part.dim(); ++d) {
      const std::int64_t size = part.size(d), cells = from == 1 ? size : std::min(grid, size);
      sizes_.push_back(size);
      cells_.push_back(cells);
      sides_.push_back((size + cells - 1) / cells);
    }
    require(sizes_.size() <= 3, [&] {
      return text("Rise masks inputs [N, F], [N, C, L], [N, C, H, W] and [N, C, D, H, W]; this one is ",
                  part.sizes());
    });
  }

  /// Masks `first` ... first + count - 1, [count, 1, ...].
  [[nodiscard]] Tensor operator()(std::int64_t first, std::int64_t count) const {
    std::vector<std::int64_t> shape{count, 1};
    shape.insert(shape.end(), cells_.begin(), cells_.end());
    const std::int64_t each = c10::multiply_integers(cells_);
    Tensor grids = at::empty(shape, options_.device(at::kCPU).dtype(at::kFloat));
    auto* cell = grids.data_ptr<float>();
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      for (std::int64_t i = 0; i < each; ++i) *cell++ = uniform(seed_, draw, i) < probability_ ? 1.0F : 0.0F;
    }
    grids = grids.to(options_);
    if (sizes_ == cells_) return sizes_.empty() ? grids.reshape({count}) : grids;
    std::vector<std::int64_t> larger;
    for (std::size_t d = 0; d < cells_.size(); ++d) larger.push_back((cells_[d] + 1) * sides_[d]);
    const Tensor smooth = upsampled(grids, larger, Upsample::Bilinear);
    Tensors masks;
    for (std::int64_t draw = first; draw < first + count; ++draw) {
      Tensor mask = smooth.narrow(0, draw - first, 1);
      for (std::size_t d = 0; d < cells_.size(); ++d) {
        const auto shift =
            static_cast<std::int64_t>(uniform(mix(seed_, d + 1), draw, -1) * static_cast<double>(sides_[d]));
        mask = mask.narrow(static_cast<std::int64_t>(d) + 2, shift, sizes_[d]);
      }
      masks.push_back(mask);
    }
    return at::cat(masks);
  }

 private:
  std::vector<std::int64_t> sizes_, cells_, sides_;
  double probability_;
  std::uint64_t seed_;
  at::TensorOptions options_;
};

}  // namespace lumen::detail
