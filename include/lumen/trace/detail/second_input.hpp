// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include <lumen/core/input.hpp>

namespace lumen::trace::detail {

/// Other values of the same kind. With `keep_first`, beside the first row, and before it: what reads the first values
/// by a pointer gets others.
inline Tensors second_input(const Tensors& x, bool keep_first) {
  Tensors result;
  for (const Tensor& part : x) {
    const Tensor first = keep_first ? part.narrow(0, 0, 1) : part;
    Tensor other;
    if (keep_first && part.size(0) > 1) other = part.narrow(0, 1, 1);
    if (!other.defined() || other.equal(first)) {
      std::vector<std::int64_t> dims;
      for (std::int64_t d = 1; d < first.dim(); ++d) dims.push_back(d);
      other = first.flip(dims);
      if (other.equal(first) && at::isFloatingType(other.scalar_type())) other = first * 0.5 + 0.25;
    }
    result.push_back(keep_first ? at::cat({other, first}) : other);
  }
  return result;
}

}  // namespace lumen::trace::detail
