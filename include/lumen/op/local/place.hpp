// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// The operand lies somewhere in the result, or the result somewhere in the operand: crops, constant padding, parts of
/// a concatenation. Element (c, y, x) of the operand is element (c, y, x) + offset of the result, if there is one.
class PlaceMap final : public LocalMap {
 public:
  struct Offset {
    std::int64_t channel = 0, row = 0, column = 0;
  };
  PlaceMap(const Plane& from, const Plane& to, const Offset& offset) : LocalMap(from, to), offset_(offset) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    return at(std::move(gradient), from(), {-offset_.channel, -offset_.row, -offset_.column});
  }
  Patches push(Patches change) const override {
    clear_outside(change, from());
    return at(std::move(change), to(), offset_);
  }
  Reach pulled(const Reach& reach) const override { return within(reach, from()); }
  Reach pushed(const Reach& reach) const override { return within(reach, to()); }

 private:
  static Patches at(Patches patches, const Plane& plane, const Offset& offset) {
    const std::int64_t channels = patches.values.size(1);
    const std::int64_t begin = std::max<std::int64_t>(offset.channel, 0);
    const std::int64_t end = std::min(offset.channel + channels, plane.channels);
    if (begin == 0 && end == plane.channels) {
      patches.values = patches.values.narrow(1, -offset.channel, plane.channels);
    } else {
      const Tensor wide = channels_last({patches.size(), plane.channels, patches.height(), patches.width()},
                                        patches.values, true);
      if (end > begin)
        wide.narrow(1, begin, end - begin)
            .copy_(patches.values.narrow(1, begin - offset.channel, end - begin));
      patches.values = wide;
      patches.owned = true;
    }
    for (std::int64_t& row : patches.rows) row += offset.row;
    for (std::int64_t& column : patches.columns) column += offset.column;
    patches.clean = false;
    return cut(std::move(patches), plane);
  }
  static Reach within(const Reach& reach, const Plane& plane) {
    return {std::min(reach.height, static_cast<double>(plane.height)),
            std::min(reach.width, static_cast<double>(plane.width)), 0.0};
  }

  Offset offset_;
};

}  // namespace lumen::op::local
