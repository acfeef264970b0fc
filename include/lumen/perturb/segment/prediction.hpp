// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::perturb {

/// The regions that a segmentation network predicts, one for each class that it sees somewhere: what stands in place of a
/// mask of one's own where the question is what each kind of region does. Taken from the unperturbed output.
struct Prediction {
  double threshold = 0.0;  ///< for outputs with one channel: class 1 is above it; 0.5 for probabilities

  /// @param output  [N, K, H, W], of the rows and columns of `x`
  /// @return int64 [N, 1, H, W], the channel that is the largest, the first of equal ones
  /// @throws Error for another shape
  [[nodiscard]] Tensor operator()(const Tensor& x, const Tensor& output) const {
    require(x.dim() == 4 && output.dim() == 4 && output.size(0) == x.size(0) && output.size(2) == x.size(2) &&
                output.size(3) == x.size(3),
            [&] {
              return text("perturb::Prediction: the output is ", output.sizes(), " on an input of ",
                          x.sizes(),
                          "; expected a class for each pixel, [N, K, H, W] of the same rows and columns");
            });
    const Tensor classes = output.size(1) == 1 ? output.gt(threshold).to(at::kLong) : output.argmax(1, true);
    return classes.to(x.device());
  }
};

}  // namespace lumen::perturb
