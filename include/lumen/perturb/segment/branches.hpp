// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/tensor.hpp>
#include <lumen/map/branches.hpp>
#include <lumen/map/view.hpp>
#include <lumen/perturb/labels.hpp>
#include <lumen/perturb/segment/detail/each_plane.hpp>
#include <lumen/perturb/segment/prediction.hpp>

namespace lumen::perturb {

/// The branches of a mask, such as vessels, by its skeleton (map::branches): what other labels mark with anything but 0 is
/// the mask. 0 is all outside of it.
template <class L = Prediction>
struct Branches {
  L of{};  ///< Labels or LabelsOfOutput, [1, 1, H, W] or [N, 1, H, W]

  /// @return int64, 0 outside, then numbers from 1 on, for each sample
  [[nodiscard]] Tensor operator()(const Tensor& x) const
    requires Labels<L>
  {
    return cut(of(x));
  }
  [[nodiscard]] Tensor operator()(const Tensor& x, const Tensor& output) const
    requires LabelsOfOutput<L>
  {
    return cut(of(x, output));
  }

 private:
  static Tensor cut(const Tensor& labels) {
    return detail::each_plane(labels, "perturb::Branches", [](const Tensor& plane) {
      return map::tensor(map::branches(map::view<std::int64_t>(plane))).to(at::kLong);
    });
  }
};

template <class L>
Branches(L) -> Branches<L>;

}  // namespace lumen::perturb
