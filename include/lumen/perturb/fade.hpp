// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include <lumen/baseline/blur.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// Lets a region (a vessel) fade, around a place, into what lies beside it:
///
///     x' = x + share * g * m * (b - x)
///
/// where m is the region, widened by its border, b the mean of the surroundings (a Gaussian blur of what is outside the
/// region, over the blur of the outside), and g a Gaussian around the place, 1 there.
struct Fade {
  double reach = 10.0;        ///< standard deviation of g, pixels
  double surroundings = 6.0;  ///< standard deviation of the blur of what is outside, pixels
  std::int64_t border = 2;    ///< pixels about the region that fade, too: there its light has spread

  /// @param image   [C, H, W], floating point
  /// @param region  [H, W], not 0 inside
  /// @param row     of the place, as `column`
  /// @param share   how much, in [0, 1]: 0 leaves the image, 1 takes the region away at the place
  /// @throws Error  shapes that do not belong together, an option out of range
  [[nodiscard]] Tensor operator()(const Tensor& image, const Tensor& region, std::int64_t row,
                                  std::int64_t column, double share) const {
    require(image.dim() == 3 && image.is_floating_point() && region.defined() && region.dim() == 2 &&
                region.sizes() == image.sizes().slice(1),
            [&] {
              return text("Fade: an image ", image.sizes(), " and a region ",
                          region.defined() ? text(region.sizes()) : "undefined",
                          "; expected floating point [C, H, W] and [H, W]");
            });
    require(
        share >= 0.0 && share <= 1.0 && reach > 0.0 && surroundings > 0.0 && border >= 0,
        "Fade: `share` lies in [0, 1], `reach` and `surroundings` are positive, `border` is not negative");
    const Tensor inside = region.ne(0).to(image.scalar_type()), outside = (1 - inside).unsqueeze(0);
    const baseline::Blur blur{.sigma = surroundings};
    const Tensor around =
        blur((image * outside).unsqueeze(0))[0] / blur(outside.unsqueeze(0))[0].clamp_min(1e-3);
    const Tensor wide = border == 0
                            ? inside.unsqueeze(0)
                            : at::max_pool2d(inside.unsqueeze(0).unsqueeze(0), 2 * border + 1, 1, border)[0];
    const auto squared = [&](std::int64_t extent, std::int64_t middle) {
      return (at::arange(extent, image.options()) - static_cast<double>(middle)).square();
    };
    const Tensor near =
        (-(squared(image.size(1), row).unsqueeze(1) + squared(image.size(2), column).unsqueeze(0)) /
         (2.0 * reach * reach))
            .exp()
            .unsqueeze(0);
    return image + share * near * wide * (around - image);
  }
};

}  // namespace lumen::perturb
