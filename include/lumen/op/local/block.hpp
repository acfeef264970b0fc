// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/convolution.hpp>
#include <lumen/op/local/crop.hpp>
#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// Patches of blocks: every value over its own block of `size` rows and columns.
struct Blocks {
  std::array<std::int64_t, 2> size{1, 1};

  [[nodiscard]] Sliding sliding() const { return {.kernel = size, .stride = size}; }

  /// Each value repeated over its block, in a plane of blocks' elements.
  [[nodiscard]] Patches repeated(const Patches& from) const {
    const Tensor nhwc = from.values.permute({0, 2, 3, 1});
    const std::int64_t b = nhwc.size(0), h = nhwc.size(1), w = nhwc.size(2), c = nhwc.size(3);
    Patches to{nhwc.unsqueeze(3)
                   .unsqueeze(2)
                   .expand({b, h, size[0], w, size[1], c})
                   .contiguous()
                   .view({b, h * size[0], w * size[1], c})
                   .permute({0, 3, 1, 2}),
               from.rows, from.columns, false, true};
    if (size[0] * size[1] == 1) to.owned = false;  // the same tensor
    for (std::int64_t& row : to.rows) row *= size[0];
    for (std::int64_t& column : to.columns) column *= size[1];
    return to;
  }
  /// The sums over blocks, of those that a plane [blocks] has.
  [[nodiscard]] Patches sums(const Patches& from, const Plane& blocks) const {
    const Sliding s = sliding();
    const Span rows = s.reading(0, from.rows, from.height(), blocks.height);
    const Span columns = s.reading(1, from.columns, from.width(), blocks.width);
    const Patches source =
        moved(from, s.read(0, rows.begin, rows.extent), s.read(1, columns.begin, columns.extent));
    const Tensor nhwc = source.values.permute({0, 2, 3, 1}).contiguous();
    const std::int64_t b = nhwc.size(0), c = nhwc.size(3);
    return {
        nhwc.view({b, rows.extent, size[0], columns.extent, size[1], c}).sum({2, 4}).permute({0, 3, 1, 2}),
        rows.begin, columns.begin, false, true};
  }
};

/// Maxima over blocks that do not overlap: each element of the operand times a weight of its own, 1 for the winner and
/// 0 else, summed over its block.
class BlockPoolMap final : public LocalMap {
 public:
  /// @param weight  [H, W, C] over the operand
  BlockPoolMap(const Plane& from, const Plane& to, const Blocks& blocks, Tensor weight)
      : LocalMap(from, to), blocks_(blocks), weight_(std::move(weight)) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    return cut(times_plane(std::move(gradient), weight_, blocks_.size[0], blocks_.size[1]), from());
  }
  Patches push(Patches change) const override {
    return blocks_.sums(times_plane(std::move(change), weight_), to());
  }
  Reach pulled(const Reach& reach) const override {
    const Sliding s = blocks_.sliding();
    return {std::min(s.read(0, reach.height), static_cast<double>(from().height)),
            std::min(s.read(1, reach.width), static_cast<double>(from().width)), 0.0};
  }
  Reach pushed(const Reach& reach) const override {
    const Sliding s = blocks_.sliding();
    return {std::min(s.reading(0, reach.height), static_cast<double>(to().height)),
            std::min(s.reading(1, reach.width), static_cast<double>(to().width)), 0.0};
  }
  double stride() const override { return static_cast<double>(blocks_.size[0]); }
  std::int64_t bytes() const override {
    return weight_.numel() * static_cast<std::int64_t>(weight_.element_size());
  }

 private:
  Blocks blocks_;
  Tensor weight_;
};

/// Upsampling by whole numbers, each value repeated over its block.
class RepeatMap final : public LocalMap {
 public:
  RepeatMap(const Plane& from, const Plane& to, const Blocks& blocks) : LocalMap(from, to), blocks_(blocks) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    return blocks_.sums(gradient, from());
  }
  Patches push(Patches change) const override {
    clear_outside(change, from());
    return cut(blocks_.repeated(change), to());
  }
  Reach pulled(const Reach& reach) const override {
    const Sliding s = blocks_.sliding();
    return {std::min(s.reading(0, reach.height), static_cast<double>(from().height)),
            std::min(s.reading(1, reach.width), static_cast<double>(from().width)), 0.0};
  }
  Reach pushed(const Reach& reach) const override {
    const Sliding s = blocks_.sliding();
    return {std::min(s.read(0, reach.height), static_cast<double>(to().height)),
            std::min(s.read(1, reach.width), static_cast<double>(to().width)), 0.0};
  }
  double stride() const override { return 1.0 / static_cast<double>(blocks_.size[0]); }

 private:
  Blocks blocks_;
};

/// Pixel shuffle: channels become blocks of places. The inverse for the unshuffle.
class ShuffleMap final : public LocalMap {
 public:
  /// @param factor     of the side of the finer plane over the coarser's
  /// @param to_finer   pixel_shuffle; else pixel_unshuffle
  ShuffleMap(const Plane& from, const Plane& to, std::int64_t factor, bool to_finer)
      : LocalMap(from, to), factor_(factor), to_finer_(to_finer) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    return to_finer_ ? coarse(gradient, from()) : fine(gradient, from());
  }
  Patches push(Patches change) const override {
    clear_outside(change, from());
    return to_finer_ ? fine(change, to()) : coarse(change, to());
  }
  Reach pulled(const Reach& reach) const override {
    return to_finer_ ? coarse(reach, from()) : fine(reach, from());
  }
  Reach pushed(const Reach& reach) const override {
    return to_finer_ ? fine(reach, to()) : coarse(reach, to());
  }
  double stride() const override {
    const auto factor = static_cast<double>(factor_);
    return to_finer_ ? 1.0 / factor : factor;
  }

 private:
  [[nodiscard]] Sliding sliding() const {
    return {.kernel = {factor_, factor_}, .stride = {factor_, factor_}};
  }
  [[nodiscard]] Patches coarse(const Patches& given, const Plane& plane) const {
    const Sliding s = sliding();
    const Span rows = s.reading(0, given.rows, given.height(), plane.height);
    const Span columns = s.reading(1, given.columns, given.width(), plane.width);
    const Patches source =
        moved(given, s.read(0, rows.begin, rows.extent), s.read(1, columns.begin, columns.extent));
    return {at::pixel_unshuffle(source.values, factor_), rows.begin, columns.begin, false, true};
  }
  [[nodiscard]] Patches fine(const Patches& given, const Plane& plane) const {
    Patches result{at::pixel_shuffle(given.values, factor_), given.rows, given.columns, false, true};
    for (std::int64_t& row : result.rows) row *= factor_;
    for (std::int64_t& column : result.columns) column *= factor_;
    return cut(std::move(result), plane);
  }
  [[nodiscard]] Reach coarse(const Reach& reach, const Plane& plane) const {
    const Sliding s = sliding();
    return {std::min(s.reading(0, reach.height), static_cast<double>(plane.height)),
            std::min(s.reading(1, reach.width), static_cast<double>(plane.width)), 0.0};
  }
  [[nodiscard]] Reach fine(const Reach& reach, const Plane& plane) const {
    const Sliding s = sliding();
    return {std::min(s.read(0, reach.height), static_cast<double>(plane.height)),
            std::min(s.read(1, reach.width), static_cast<double>(plane.width)), 0.0};
  }

  std::int64_t factor_;
  bool to_finer_;
};

}  // namespace lumen::op::local
