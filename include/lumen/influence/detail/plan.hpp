// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <lumen/influence/detail/backward.hpp>
#include <lumen/influence/detail/network.hpp>

namespace lumen::influence::detail {

/// What one row (or column) of the Jacobian takes, counted from the network's geometry.
struct Estimate {
  double flops = 0.0;
  double elements = 0.0;             ///< of the largest gradient or change on the way
  double height = 1.0, width = 1.0;  ///< of the window that it ends in
  std::int64_t period = 1;           ///< pixels so far apart have windows of the same shape
};

/// @param backward  rows; else columns
inline Estimate estimate(const Network& network, bool backward) {
  std::vector<std::optional<op::local::Reach>> reach(network.value_count());
  std::vector<double> density(network.value_count(), 1.0);
  const auto at = [&](trace::ValueId id) -> std::optional<op::local::Reach>& {
    return reach[static_cast<std::size_t>(id)];
  };
  const auto whole = [&](trace::ValueId id) {
    const auto& sizes = network.sizes(id);
    if (sizes.size() != 4) return op::local::Reach{};
    return op::local::Reach{static_cast<double>(sizes[2]), static_cast<double>(sizes[3]), 0.0};
  };
  Estimate result;
  const auto reached = [&](trace::ValueId id, const op::local::Reach& more) {
    std::optional<op::local::Reach>& known = at(id);
    if (!known) known = op::local::Reach{};
    known->height = std::max(known->height, more.height);
    known->width = std::max(known->width, more.width);
    double elements = 1.0;
    for (const std::int64_t size : network.sizes(id)) elements *= static_cast<double>(size);
    const auto& sizes = network.sizes(id);
    if (sizes.size() == 4) elements = static_cast<double>(sizes[1]) * more.height * more.width;
    result.elements = std::max(result.elements, elements);
    result.flops += more.flops;
  };
  at(backward ? network.output() : network.input()) = op::local::Reach{};
  const auto& stages = network.stages();
  double finest = 1.0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Network::Stage& stage = stages[backward ? stages.size() - 1 - i : i];
    for (const Network::Arrow& arrow : stage.arrows) {
      const trace::ValueId given = backward ? arrow.to : arrow.from, made = backward ? arrow.from : arrow.to;
      if (!at(given)) continue;
      reached(made, backward ? arrow.map->pulled(*at(given)) : arrow.map->pushed(*at(given)));
      double& there = density[static_cast<std::size_t>(made)];
      there = density[static_cast<std::size_t>(given)] *
              (backward ? 1.0 / arrow.map->stride() : arrow.map->stride());
      finest = std::max(finest, there);
    }
    if (!stage.whole) continue;
    for (const trace::ValueId id : backward ? stage.whole->from() : stage.whole->to()) {
      op::local::Reach all = whole(id);
      all.flops = 10.0 * all.height * all.width;
      reached(id, all);
    }
  }
  const auto& end = at(backward ? network.input() : network.output());
  if (end) {
    result.height = end->height;
    result.width = end->width;
  }
  result.period = std::max<std::int64_t>(std::llround(finest), 1);
  return result;
}

/// So many windows at once that the largest of them stay in a processor's cache, and enough that weights are not read for
/// a few; on other devices as many as keep them busy.
inline std::int64_t chunk_for(const Estimate& estimate, const Tensor& x) {
  if (!x.is_cpu()) return 256;
  const double window = estimate.elements * static_cast<double>(x.element_size());
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(8 << 20) / window), 8, 32);
}

/// How many columns are pushed to make rows of them within the memory, every strip of the output's columns counted.
/// @param row          of a row: its window
/// @param bytes        of an element, of all targets together
inline double columns_for_rows(const Estimate& row, const Estimate& column,
                               const std::vector<std::int64_t>& image,
                               const std::vector<std::int64_t>& output, double bytes, std::int64_t memory) {
  const auto channels = static_cast<double>(image[1]), height = static_cast<double>(image[2]),
             width = static_cast<double>(image[3]), across = static_cast<double>(output[3]);
  const double in_flight =
      std::min((row.height + static_cast<double>(column.period)) * static_cast<double>(output[2]) / height,
               static_cast<double>(output[2]));
  const double held = in_flight * channels * row.height * row.width * bytes;
  const double strip = std::clamp(std::floor(static_cast<double>(memory) / held), 1.0, across);
  const double strips = std::ceil(across / strip);
  return channels * height * strips * std::min(width / strips + row.width, width);
}

/// Positions of pixels in the order in which they are done, in chunks: those whose windows have the same shape together.
struct Order {
  std::vector<Tensor> chunks{};  ///< int64 [at most `chunk`]

  /// @param places  int64 [P, 2]
  /// @param chunk   how many are done at once; shapes are only kept apart where they fill half of that
  Order(const Tensor& places, std::int64_t period, std::int64_t chunk) {
    const Tensor row = places.select(1, 0), column = places.select(1, 1);
    const Tensor kind = row.remainder(period) * period + column.remainder(period);
    const std::int64_t count = places.size(0);
    const std::int64_t span = column.max().item<std::int64_t>() + 1;
    const Tensor which =
        (kind * ((row.max().item<std::int64_t>() + 1) * span) + row * span + column).argsort();
    const Tensor kinds = kind.index_select(0, which).contiguous();
    const auto* at = kinds.data_ptr<std::int64_t>();
    std::vector<std::int64_t> ends;  // where a run of the same shape does
    for (std::int64_t i = 1; i < count; ++i) {
      if (at[i] != at[i - 1]) ends.push_back(i);
    }
    ends.push_back(count);
    if (count / static_cast<std::int64_t>(ends.size()) < (chunk + 1) / 2) ends = {count};
    std::int64_t first = 0;
    for (const std::int64_t end : ends) {
      for (; first < end; first = std::min(first + chunk, end))
        chunks.push_back(which.narrow(0, first, std::min(chunk, end - first)));
    }
  }
};

}  // namespace lumen::influence::detail
