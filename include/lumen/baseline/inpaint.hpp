// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstdint>

#include <lumen/core/error.hpp>
#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::baseline {

namespace detail {

/// For each pixel of [N, C, H, W] the sum of f(neighbour's value, whether it is of the pixel's region) over the four
/// neighbours. `own` [N, 1, H, W - 1] and [N, 1, H - 1, W]: whether a pixel and the next are of one region.
struct Neighbours {
  Tensor right, below;

  [[nodiscard]] Tensor sum(const Tensor& x, const Tensor& across, const Tensor& down) const {
    Tensor total = at::zeros_like(x);
    const std::int64_t rows = x.size(2), columns = x.size(3);
    total.narrow(3, 0, columns - 1).add_(x.narrow(3, 1, columns - 1) * across);
    total.narrow(3, 1, columns - 1).add_(x.narrow(3, 0, columns - 1) * across);
    total.narrow(2, 0, rows - 1).add_(x.narrow(2, 1, rows - 1) * down);
    total.narrow(2, 1, rows - 1).add_(x.narrow(2, 0, rows - 1) * down);
    return total;
  }
  [[nodiscard]] Tensor inside(const Tensor& x) const { return sum(x, right, below); }
  [[nodiscard]] Tensor outside(const Tensor& x) const { return sum(x, 1 - right, 1 - below); }
};

}  // namespace detail

/// The harmonic filling of `x` [N, C, H, W]: each region of equal labels is replaced by the smooth surface that continues
/// what surrounds it, as if heat had flowed in from there.
///
///     the value of a pixel = the mean over its neighbours q of x'_q if q is of its region, of x_q if not
///
/// Beyond the picture there is nothing. A region that is the whole picture becomes the mean of each channel. Solved by
/// conjugate gradients in double precision to a residual of 1e-9 of the values.
/// @param labels  int64 [1, 1, H, W] or [N, 1, H, W]
/// @throws Error if the labels do not fit
[[nodiscard]] inline Tensor harmonic_filling(const Tensor& x, const Tensor& labels) {
  require(x.dim() == 4 && labels.defined() && labels.scalar_type() == at::kLong && labels.dim() == 4 &&
              (labels.size(0) == 1 || labels.size(0) == x.size(0)) && labels.size(1) == 1 &&
              labels.sizes().slice(2) == x.sizes().slice(2),
          [&] {
            return text(
                "the filling of an input of ", x.sizes(), " was given labels ",
                labels.defined() ? text(labels.scalar_type(), ' ', labels.sizes()) : "that are undefined",
                "; expected an input [N, C, H, W] and int64 [1, 1, H, W] or [N, 1, H, W]");
          });
  const std::int64_t rows = x.size(2), columns = x.size(3);
  const Tensor values = x.detach().to(at::kDouble), l = labels.to(x.device());
  const auto same = [&](std::int64_t dim, std::int64_t size) {
    return l.narrow(dim, 0, size - 1).eq(l.narrow(dim, 1, size - 1)).to(at::kDouble);
  };
  const detail::Neighbours of{same(3, columns), same(2, rows)};
  const Tensor ones = at::ones_like(values.narrow(1, 0, 1)), count = of.inside(ones) + of.outside(ones);
  const Tensor alone = l.eq(l.narrow(2, 0, 1).narrow(3, 0, 1)).all(3, true).all(2, true);
  const Tensor degree = count.clamp_min(1), right = of.outside(values);
  const auto dot = [](const Tensor& a, const Tensor& b) { return (a * b).sum({2, 3}, true); };
  const auto safe = [](const Tensor& a, const Tensor& b) {
    return at::where(b.gt(0), a / b, at::zeros_like(a));
  };
  // for each sample and channel by itself: (degree - inside) u = outside
  Tensor filled = values.mean({2, 3}, true).expand_as(values).clone();
  Tensor residual = right - (count * filled - of.inside(filled));
  Tensor scaled = residual / degree, direction = scaled.clone(), energy = dot(residual, scaled);
  const Tensor enough = (dot(right, right) + dot(values, values)) * 1e-18;
  const std::int64_t most = 10 * (rows + columns) + 1000;
  for (std::int64_t turn = 0;; ++turn) {
    const Tensor open = dot(residual, residual).gt(enough).logical_and(alone.logical_not());
    if (!open.any().item<bool>()) break;
    require(turn < most, [&] {
      return text("the filling of ", x.sizes(), " did not converge in ", most,
                  " steps; check that its values are finite");
    });
    const Tensor image = count * direction - of.inside(direction);
    const Tensor step = safe(energy, dot(direction, image)) * open;
    filled += step * direction;
    residual -= step * image;
    scaled = residual / degree;
    const Tensor next = dot(residual, scaled);
    direction = scaled + safe(next, energy) * direction;
    energy = next;
  }
  return at::where(alone, values.mean({2, 3}, true), filled).to(x.scalar_type());
}

/// The input with each of its features painted over from what surrounds it: absent, yet without an edge that a network
/// could mistake for something. Meant for features that are taken away one at a time, as FeatureAblation does; of several
/// neighbours each is still continued from the others.
template <class L>
struct Inpaint {
  L features{};  ///< x -> int64 labels [N, 1, H, W], such as perturb::Slic

  /// @throws Error if the labels do not fit
  [[nodiscard]] Tensor operator()(const Tensor& x) const { return harmonic_filling(x, features(x)); }
};

template <class L>
Inpaint(L) -> Inpaint<L>;

}  // namespace lumen::baseline
