// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/perturb/labels.hpp>
#include <lumen/perturb/segment/detail/each_plane.hpp>
#include <lumen/perturb/segment/detail/pieces.hpp>
#include <lumen/perturb/segment/prediction.hpp>

namespace lumen::perturb {

/// The connected components of other labels: every piece of equal labels becomes a feature of its own.
template <class L = Prediction>
struct Connected {
  L of{};               ///< Labels or LabelsOfOutput, [1, 1, H, W] or [N, 1, H, W]
  bool corners = true;  ///< whether pixels that share only a corner are connected

  /// @return int64, numbers from 0 on in the order of their first pixels, for each sample
  [[nodiscard]] Tensor operator()(const Tensor& x) const
    requires Labels<L>
  {
    return pieces(of(x));
  }
  [[nodiscard]] Tensor operator()(const Tensor& x, const Tensor& output) const
    requires LabelsOfOutput<L>
  {
    return pieces(of(x, output));
  }

 private:
  [[nodiscard]] Tensor pieces(const Tensor& labels) const {
    return detail::each_plane(labels, "perturb::Connected", [&](const Tensor& plane) {
      const detail::Pieces found =
          detail::pieces_of(plane.data_ptr<std::int64_t>(), plane.size(0), plane.size(1), corners);
      return at::tensor(found.piece, at::kLong).reshape(plane.sizes());
    });
  }
};

template <class L>
Connected(L) -> Connected<L>;
template <class L>
Connected(L, bool) -> Connected<L>;

}  // namespace lumen::perturb
