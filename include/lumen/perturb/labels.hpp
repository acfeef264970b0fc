// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// Divides an input into features: x -> int64, of its rank, broadcasting to its shape, elements of equal number being one
/// feature; a batch size of 1 is for all samples. Numbers may have gaps and be negative.
template <class L>
concept Labels = std::copy_constructible<L> && requires(const L& labels, const Tensor& x) {
  { labels(x) } -> std::convertible_to<Tensor>;
};

/// One that asks the model: (x, output on the unperturbed x) -> the same.
template <class L>
concept LabelsOfOutput =
    std::copy_constructible<L> && requires(const L& labels, const Tensor& x, const Tensor& output) {
      { labels(x, output) } -> std::convertible_to<Tensor>;
    };

/// The labels of a mask that is given: for parts made of it.
struct GivenLabels {
  Tensor value;  ///< any integers or bool, [H, W], [1, 1, H, W] or [N, 1, H, W]

  /// @throws Error if the mask is of another kind, or another size than `x` ([N, C, H, W])
  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    const bool number = value.defined() && at::isIntegralType(value.scalar_type(), true) && value.dim() >= 2;
    const bool fits = number && x.dim() >= 2 && value.size(-1) == x.size(-1) && value.size(-2) == x.size(-2);
    const std::int64_t samples = fits ? value.numel() / (value.size(-1) * value.size(-2)) : 0;
    require(fits && (value.dim() == 2 || samples == value.size(0)) && samples > 0 && x.size(0) % samples == 0,
            [&] {
              return text("the mask is ",
                          value.defined() ? text(value.scalar_type(), ' ', value.sizes()) : "undefined",
                          ", expected integers [H, W] or [N, 1, H, W] for an input of ", x.sizes());
            });
    return value.to(x.device(), at::kLong).reshape({samples, 1, value.size(-2), value.size(-1)});
  }
};

namespace detail {

/// The labels by whichever kind of functor.
template <class L>
[[nodiscard]] Tensor labels_of(const L& labels, const Tensor& x, const Tensor& output) {
  if constexpr (LabelsOfOutput<L>) {
    return labels(x, output);
  } else {
    return labels(x);
  }
}

}  // namespace detail

}  // namespace lumen::perturb
