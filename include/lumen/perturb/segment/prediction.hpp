// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/target/region.hpp>

namespace lumen::perturb {

/// The regions that a segmentation network predicts, one for each class that it sees somewhere: what stands in place of a
/// mask of one's own where the question is what each kind of region does. Taken from the unperturbed output.
struct Prediction {
  /// Of outputs with one channel class 1 is above it: 0 for logits, 0.5 for probabilities; none: logits are taken for
  /// granted, unless the values cannot be told from probabilities.
  std::optional<double> threshold{};

  /// @param output  [N, K, H, W], of the rows and columns of `x`
  /// @return int64 [N, 1, H, W], the channel that is the largest, the first of equal ones
  /// @throws Error for another shape, and where the values of the one channel of a sample all lie in [0, 1] or above 0
  ///         and no threshold is given
  [[nodiscard]] Tensor operator()(const Tensor& x, const Tensor& output) const {
    require(x.dim() == 4 && output.dim() == 4 && output.size(0) == x.size(0) && output.size(2) == x.size(2) &&
                output.size(3) == x.size(3),
            [&] {
              return text("perturb::Prediction: the output is ", output.sizes(), " on an input of ",
                          x.sizes(),
                          "; expected a class for each pixel, [N, K, H, W] of the same rows and columns");
            });
    if (output.size(1) > 1) return output.argmax(1, true).to(x.device());
    if (!threshold) target::detail::check_logits(output.detach().select(1, 0), "perturb::Prediction");
    return output.gt(threshold.value_or(0.0)).to(x.device(), at::kLong);
  }
};

}  // namespace lumen::perturb
