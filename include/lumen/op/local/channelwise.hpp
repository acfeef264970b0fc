// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <utility>

#include <ATen/core/grad_mode.h>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/crop.hpp>
#include <lumen/op/local/map.hpp>

namespace lumen::op::local {

/// An operator that mixes a place's channels and nothing else, such as a softmax over them: it is run again on what it
/// was given in the patches, and differentiated.
class ChannelwiseMap final : public LocalMap {
 public:
  /// @param value  what it was given, [1, C, H, W]
  /// @param run    the operator, for any batch, height and width
  ChannelwiseMap(const Plane& from, const Plane& to, const Tensor& value,
                 std::function<Tensor(const Tensor&)> run)
      : LocalMap(from, to),
        value_(value.detach().select(0, 0).permute({1, 2, 0}).contiguous()),
        run_(std::move(run)) {}

  Patches pull(Patches gradient) const override {
    clear_outside(gradient, to());
    const at::AutoGradMode enable(true);
    const Tensor given = crops_of(value_, gradient).requires_grad_(true);
    gradient.values = torch::autograd::grad({run_(given)}, {given}, {gradient.values}).front();
    gradient.owned = true;
    gradient.clean = true;
    return gradient;
  }
  Patches push(Patches change) const override {
    clear_outside(change, from());
    const at::AutoGradMode enable(true);
    const Tensor given = crops_of(value_, change).requires_grad_(true);
    const Tensor result = run_(given);
    // the gradient is linear in what it is given, so that its own gradient is the change of the result
    const Tensor gradient = at::zeros_like(result).requires_grad_(true);
    const Tensor pulled = torch::autograd::grad({result}, {given}, {gradient}, true, true).front();
    change.values = torch::autograd::grad({pulled}, {gradient}, {change.values}).front();
    change.owned = true;
    change.clean = true;
    return change;
  }
  Reach pulled(const Reach& reach) const override { return same(reach); }
  Reach pushed(const Reach& reach) const override { return same(reach); }
  std::int64_t bytes() const override {
    return value_.numel() * static_cast<std::int64_t>(value_.element_size());
  }

 private:
  [[nodiscard]] Reach same(const Reach& reach) const {
    return {reach.height, reach.width,
            10.0 * static_cast<double>(from().channels) * reach.height * reach.width};
  }

  Tensor value_;
  std::function<Tensor(const Tensor&)> run_;
};

}  // namespace lumen::op::local
