// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
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

/// A tensor of one's own that broadcasts to the input's shape: [3] or [1, 3] for inputs [N, 3], [C, 1, 1] for images,
/// a number. For a batch that holds several copies of the input one after the other, as combinators make them, it is
/// repeated.
struct Given {
  Tensor value;

  /// @throws Error if the shape does not fit
  Tensor operator()(const Tensor& x) const {
    const std::int64_t missing = x.dim() - (value.defined() ? value.dim() : 0);
    bool fits = value.defined() && missing >= 0 && value.numel() > 0;
    for (std::int64_t dim = std::max<std::int64_t>(missing, 1); fits && dim < x.dim(); ++dim) {
      const std::int64_t size = value.size(dim - missing);
      fits = size == 1 || size == x.size(dim);
    }
    const std::int64_t rows = fits && missing == 0 ? value.size(0) : 1;
    fits = fits && x.size(0) % rows == 0;
    require(fits, [&] {
      return text("baseline::Given is ", value.defined() ? text(value.sizes()) : "undefined",
                  ", expected what broadcasts to the input's shape ", x.sizes(),
                  ", with a batch size, if it has one, that divides ", x.size(0), ": 1 for all samples");
    });
    std::vector<std::int64_t> shape = x.sizes().vec(), copies(static_cast<std::size_t>(x.dim()), 1);
    shape.front() = rows;
    copies.front() = x.size(0) / rows;
    return value.to(x.device(), x.scalar_type()).expand(shape).repeat(copies);
  }
};

}  // namespace lumen::baseline
