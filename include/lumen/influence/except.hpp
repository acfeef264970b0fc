// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <lumen/core/tensor.hpp>
#include <lumen/influence/outputs.hpp>

namespace lumen::influence {

/// Outputs without some of them: those whose rows are there already. None may be left, which `rows` refuses.
struct Except {
  Outputs outputs;
  Tensor
      index;  ///< int64 [n]: row * (width of the output) + column of those left out, such as RowWriter::done

  Tensor operator()(std::int64_t height, std::int64_t width) const {
    const Tensor places = outputs(height, width);
    if (index.numel() == 0) return places;
    const Tensor known = at::isin(places.select(1, 0) * width + places.select(1, 1), index.cpu());
    return places.index_select(0, known.logical_not().nonzero().flatten()).contiguous();
  }
};

}  // namespace lumen::influence
