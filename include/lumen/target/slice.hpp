// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::target {

/// Every `step`th place of `from` ... `to` - 1.
struct Range {
  std::int64_t from = 0;
  std::int64_t to = -1;  ///< one past the last; -1: to the end
  std::int64_t step = 1;
};

/// The sum over a box of an output of any rank, the same for every sample.
struct Slice {
  std::vector<Range> ranges;  ///< in dimensions 1, 2, ... of the output; what is not named is summed whole

  /// @throws Error if a range is empty or out of range, or there are more of them than dimensions
  Tensor operator()(const Tensor& output) const {
    require(output.dim() > static_cast<std::int64_t>(ranges.size()), [&] {
      return text("target::Slice has ", ranges.size(), " ranges, an output of shape ", output.sizes(),
                  " takes at most ", output.dim() - 1);
    });
    Tensor scores = output;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      const auto dim = static_cast<std::int64_t>(i) + 1;
      const auto [from, end, step] = ranges[i];
      const std::int64_t to = end < 0 ? output.size(dim) : end;
      require(from >= 0 && from < to && to <= output.size(dim) && step >= 1, [&] {
        return text("target::Slice: from ", from, " to ", to, " step ", step, " is no range of dimension ",
                    dim, " of an output of shape ", output.sizes());
      });
      scores = scores.slice(dim, from, to, step);
    }
    return scores.reshape({output.size(0), -1}).sum(1);
  }
  Slice rows(const Tensor&) const { return *this; }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const {
    Box box = whole(sizes);
    for (std::size_t d = 0; d < std::min(ranges.size(), box.size()); ++d) {
      if (ranges[d].from >= 0) box[d].begin = ranges[d].from;
      if (ranges[d].to >= 0) box[d].end = std::min(ranges[d].to, box[d].end);
    }
    return box;
  }
};

}  // namespace lumen::target
