// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/crop.hpp>
#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// Every element times a constant of its own: what a pointwise operator is at a recorded point. An operand of one
/// channel may meet all channels of the result.
class ScaleMap final : public LocalMap {
 public:
  /// @param derivative  of the result [1, C, H, W] by the operand, element by element
  ScaleMap(const Plane& from, const Plane& to, const Tensor& derivative)
      : LocalMap(from, to), spread_(from.channels != to.channels) {
    const Tensor first = derivative.narrow(2, 0, 1).narrow(3, 0, 1);
    if (derivative.eq(first).all().item<bool>()) {
      const Tensor single = first.narrow(1, 0, 1);
      if (first.eq(single).all().item<bool>()) {
        constant_ = single.item<double>();
      } else {
        factor_ = first.reshape({1, -1, 1, 1}).clone();
      }
    } else {
      factor_ = derivative.detach().select(0, 0).permute({1, 2, 0}).contiguous();
      plane_ = true;
    }
  }
  ScaleMap(const Plane& plane, double constant) : LocalMap(plane, plane), constant_(constant) {}

  /// The map that does `first` and then `second`, neither of which spreads a channel.
  static LocalMapPtr both(const ScaleMap& first, const ScaleMap& second) {
    return LocalMapPtr(new ScaleMap(first.from(), second.to(), first.dense(second) * second.dense(first)));
  }
  [[nodiscard]] bool spreads() const { return spread_; }

  Patches pull(Patches gradient) const override {
    Patches result = scaled(std::move(gradient));
    if (spread_) {
      result.values = result.values.sum(1, true);
      result.owned = true;
    }
    return result;
  }
  Patches push(Patches change) const override {
    if (spread_) {
      change.values = change.values.expand({change.size(), to().channels, change.height(), change.width()});
      change.owned = false;
    }
    return scaled(std::move(change));
  }
  Reach pulled(const Reach& reach) const override { return same(reach); }
  Reach pushed(const Reach& reach) const override { return same(reach); }
  std::int64_t bytes() const override {
    return factor_.defined() ? factor_.numel() * static_cast<std::int64_t>(factor_.element_size()) : 0;
  }

 private:
  /// [1, C, H, W], of the type of the other where it has none itself.
  [[nodiscard]] Tensor dense(const ScaleMap& other) const {
    if (plane_) return factor_.permute({2, 0, 1}).unsqueeze(0);
    const at::TensorOptions options =
        other.factor_.defined() ? other.factor_.options() : at::TensorOptions(at::kDouble);
    const Tensor factor = factor_.defined() ? factor_ : at::full({1, 1, 1, 1}, constant_, options);
    return factor.expand({1, to().channels, to().height, to().width});
  }
  [[nodiscard]] Patches scaled(Patches patches) const {
    if (plane_) return times_plane(std::move(patches), factor_);
    if (!factor_.defined() && constant_ == 1.0) return patches;
    if (factor_.defined()) {
      patches.values = patches.owned ? patches.values.mul_(factor_) : patches.values * factor_;
    } else {
      patches.values = patches.owned ? patches.values.mul_(constant_) : patches.values * constant_;
    }
    patches.owned = true;
    return patches;
  }
  [[nodiscard]] Reach same(const Reach& reach) const {
    return {reach.height, reach.width, static_cast<double>(to().channels) * reach.height * reach.width};
  }

  Tensor factor_;  // [1, C, 1, 1], or [H, W, C] if it is a plane
  double constant_ = 1.0;
  bool plane_ = false, spread_ = false;
};

}  // namespace lumen::op::local
