// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

/// What "absent" looks like. Sturmfels, Lundberg and Lee, "Visualizing the Impact of Feature Attribution
/// Baselines", Distill 2020, 10.23915/distill.00022, compares them.
namespace lumen::baseline {

/// All zeros: black, or the mean colour of an image normalised to mean 0.
struct Zero {
  Tensor operator()(const Tensor& x) const { return at::zeros_like(x); }
};

/// One value everywhere.
struct Constant {
  double value = 0.0;  ///< in the input's units
  Tensor operator()(const Tensor& x) const { return at::full_like(x, value); }
};

/// Each sample's own mean of each channel; input [N, C, ...] with at least one dimension after C.
struct ChannelMean {
  /// @throws Error if the input has no dimension after its channels
  Tensor operator()(const Tensor& x) const {
    require(x.dim() >= 3, [&] {
      return text("baseline::ChannelMean needs an input [N, C, ...] with spatial dimensions, got ",
                  x.sizes());
    });
    return x.flatten(2)
        .mean(2)
        .reshape({x.size(0), x.size(1)})
        .unsqueeze(2)
        .expand_as(x.flatten(2))
        .reshape(x.sizes());
  }
};

/// A tensor of one's own: of the input's shape, or with batch size 1 for every sample. For a batch that holds
/// several copies of the input one after the other, as combinators make them, it is repeated.
struct Given {
  Tensor value;

  /// @throws Error if the shape does not fit
  Tensor operator()(const Tensor& x) const {
    const bool fits = value.defined() && value.dim() == x.dim() &&
                      value.sizes().slice(1) == x.sizes().slice(1) && value.size(0) >= 1 &&
                      x.size(0) % value.size(0) == 0;
    require(fits, [&] {
      return text("baseline::Given is ", value.defined() ? text(value.sizes()) : "undefined",
                  ", expected the input's shape ", x.sizes(), ", or the same with a batch size that divides ",
                  x.size(0), ": 1 for all samples");
    });
    std::vector<std::int64_t> copies(static_cast<std::size_t>(x.dim()), 1);
    copies.front() = x.size(0) / value.size(0);
    return value.to(x.device(), x.scalar_type()).repeat(copies);
  }
};

}  // namespace lumen::baseline
