// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <lumen/influence/row_chunk.hpp>

#include "nets.hpp"

namespace lumen::testing {

/// A Jacobian [P, C, H, W] with windows of random values, held whole, and its rows as a stream of windows: what is said
/// of the stream can be said of `dense` slowly.
struct Jacobian {
  std::int64_t height = 11, width = 9, out_height = 11, out_width = 9, channels = 1, radius = 3;
  std::uint64_t seed = 1;
  at::ScalarType dtype = at::kDouble;
  std::vector<std::int64_t> without{};  ///< indices of outputs that are not asked about

  Jacobian made() const {
    Jacobian result = *this;
    result.make();
    return result;
  }
  void make() {
    const std::int64_t outputs = out_height * out_width, side = 2 * radius + 1;
    const Tensor values = nets::random({outputs, channels, side, side}, seed).to(dtype);
    chunk = {.values = values,
             .origins = at::empty({outputs, 2}, at::kLong),
             .places = at::empty({outputs, 2}, at::kLong),
             .index = at::arange(outputs, at::kLong),
             .scores = at::arange(outputs, at::kDouble).to(dtype),
             .height = height,
             .width = width,
             .out_height = out_height,
             .out_width = out_width,
             .total = outputs};
    for (std::int64_t p = 0; p < outputs; ++p) {
      const std::int64_t row = p / out_width, column = p % out_width;
      chunk.places[p][0] = row;
      chunk.places[p][1] = column;
      // one lower for every second column, so that windows lie differently about their pixels
      chunk.origins[p][0] = row * height / out_height - radius + column % 2;
      chunk.origins[p][1] = column * width / out_width - radius;
    }
    for (std::int64_t p = 0; p < outputs; ++p) {
      const auto [r, h, c, w] = chunk.inside(p);
      const Tensor inside = chunk.values[p].narrow(1, r, h).narrow(2, c, w).clone();
      chunk.values[p].zero_();
      chunk.values[p].narrow(1, r, h).narrow(2, c, w).copy_(inside);
    }
    std::vector<std::int64_t> asked;
    for (std::int64_t p = 0; p < outputs; ++p)
      if (std::find(without.begin(), without.end(), p) == without.end()) asked.push_back(p);
    which = at::tensor(asked, at::kLong);
    dense = chunk.dense();
  }

  /// The rows that are asked about, `size` at a time, from the last to the first.
  void stream(const influence::RowSink& sink, std::int64_t size) const {
    const Tensor order = which.flip(0);
    for (std::int64_t first = 0; first < order.size(0); first += size) {
      const Tensor part = order.narrow(0, first, std::min(size, order.size(0) - first));
      influence::RowChunk some = chunk;
      some.values = chunk.values.index_select(0, part);
      some.origins = chunk.origins.index_select(0, part);
      some.places = chunk.places.index_select(0, part);
      some.index = part.clone();
      some.scores = chunk.scores.index_select(0, part);
      some.first = first;
      some.total = order.size(0);
      sink(some);
    }
  }

  influence::RowChunk chunk{};  ///< all rows
  Tensor which{};               ///< int64, indices of the outputs that are asked about
  Tensor dense{};               ///< [P, C, H, W]
};

}  // namespace lumen::testing
