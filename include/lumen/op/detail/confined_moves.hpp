// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/op/confined.hpp>
#include <lumen/op/detail/confined_sliding.hpp>
#include <lumen/op/needed.hpp>

namespace lumen::op::detail {

/// Place by place along each dimension, from one place of the operand or from none: crops, pads, flips, repeats,
/// copying upsampling.
inline std::optional<Confined> confined_gather(const trace::Step& step, std::size_t result, double outside) {
  const Geometry geometry = op::geometry(step, 0, result);
  if (!geometry.local || geometry.stages.size() != 1) return std::nullopt;
  const Stage& stage = geometry.stages.front();
  const std::size_t dims = geometry.sizes.size();
  if (stage.links.size() != dims || dims != geometry.result_sizes.size() || !stage.regroups.empty())
    return std::nullopt;
  std::vector<std::vector<std::int64_t>> source(dims);  // of each place; -1: none; empty: the place itself
  for (const Stage::Link& each : stage.links) {
    if (!each.relation) continue;
    for (std::int64_t o = 0; o < geometry.result_sizes[each.result_dim]; ++o) {
      const Interval read = each.relation->reads({o, o + 1});
      if (read.size() > 1) return std::nullopt;
      source[each.dim].push_back(read.empty() ? -1 : read.begin);
    }
  }
  // The places that a box reads of one dimension.
  const auto range = [source](std::size_t d, std::int64_t begin, std::int64_t count) {
    if (source[d].empty()) return Interval{begin, begin + count};
    Interval all;
    for (std::int64_t o = begin; o < begin + count; ++o) {
      const std::int64_t i = source[d][static_cast<std::size_t>(o)];
      if (i >= 0) all = hull(all, {i, i + 1});
    }
    return all;
  };
  Confined confined{.whole = std::vector<bool>(dims, false)};
  const auto footprint = [range, sizes = geometry.sizes](const Boxes& boxes) {
    Boxes read = boxes;
    for (std::size_t d = 0; d < boxes.dims(); ++d) {
      read.extent[d] = 1;
      for (const Places& origin : boxes.origins) {
        read.extent[d] = std::max(read.extent[d], range(d, origin[d], boxes.extent[d]).size());
      }
      for (std::size_t b = 0; b < boxes.rows(); ++b) {
        const std::int64_t begin = range(d, boxes.origins[b][d], boxes.extent[d]).begin;
        read.origins[b][d] = std::clamp(begin, std::int64_t{0}, sizes[d] - read.extent[d]);
      }
    }
    return read;
  };
  confined.footprint = [footprint](std::size_t, const Boxes& boxes) {
    return Footprint{.boxes = footprint(boxes)};
  };
  confined.value = [footprint, source, outside](Tensors crops, const Boxes& boxes) {
    const Boxes read = footprint(boxes);
    Tensor value = crops.front();
    for (std::size_t d = 0; d < boxes.dims(); ++d) {
      if (source[d].empty()) continue;
      const std::int64_t n = boxes.extent[d], dim = static_cast<std::int64_t>(d) + 1;
      std::vector<std::int64_t> index;
      bool missing = false, same = n == value.size(dim);
      for (std::size_t b = 0; b < boxes.rows(); ++b) {
        for (std::int64_t j = 0; j < n; ++j) {
          const std::int64_t i = source[d][static_cast<std::size_t>(boxes.origins[b][d] + j)];
          index.push_back(i < 0 ? -1 : i - read.origins[b][d]);
          missing = missing || i < 0;
          same = same && index.back() == j;
        }
      }
      if (same) continue;
      std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1), sizes = value.sizes().vec();
      shape[0] = static_cast<std::int64_t>(boxes.rows());
      shape[d + 1] = sizes[d + 1] = n;
      const Tensor places = at::tensor(index, at::kLong).reshape(shape).to(value.device());
      value = value.gather(dim, places.clamp_min(0).expand(sizes));
      if (missing) value = value.masked_fill(places < 0, outside);
    }
    return value;
  };
  return confined;
}

/// Other dimensions or another order of the same ones, where each of the result's is one of the operand's.
inline std::optional<Confined> confined_reorder(const trace::Step& step, std::size_t result) {
  const Geometry geometry = op::geometry(step, 0, result);
  if (!geometry.local || geometry.stages.size() != 1 || !geometry.stages[0].regroups.empty())
    return std::nullopt;
  const Stage& stage = geometry.stages.front();
  // the operand's place of dimensions that are none of the result's
  Places fixed(geometry.sizes.size(), 0), taken(geometry.sizes.size(), -1);
  for (const Stage::Link& each : stage.links) {
    if (each.relation) return std::nullopt;
    taken[each.dim] = static_cast<std::int64_t>(each.result_dim);
  }
  for (const Stage::Only& each : stage.operand_only) fixed[each.dim] = each.places.begin;
  for (std::size_t d = 0; d < taken.size(); ++d) {
    const bool one =
        geometry.sizes[d] == 1 || std::any_of(stage.operand_only.begin(), stage.operand_only.end(),
                                              [&](const Stage::Only& each) { return each.dim == d; });
    if (taken[d] < 0 && !one) return std::nullopt;
  }
  Confined confined{.whole = std::vector<bool>(geometry.result_sizes.size(), false)};
  confined.footprint = [fixed, taken](std::size_t, const Boxes& boxes) {
    Footprint read;
    read.boxes.origins.assign(boxes.rows(), fixed);
    read.boxes.extent.assign(fixed.size(), 1);
    for (std::size_t d = 0; d < fixed.size(); ++d) {
      if (taken[d] < 0) continue;
      const auto from = static_cast<std::size_t>(taken[d]);
      read.boxes.extent[d] = boxes.extent[from];
      for (std::size_t b = 0; b < boxes.rows(); ++b) read.boxes.origins[b][d] = boxes.origins[b][from];
    }
    return read;
  };
  confined.value = [taken](Tensors crops, const Boxes& boxes) {
    std::vector<std::pair<std::int64_t, std::int64_t>>
        order;  // those that are none of the result's come last
    for (std::size_t d = 0; d < taken.size(); ++d) {
      order.push_back({taken[d] < 0 ? static_cast<std::int64_t>(boxes.dims()) : taken[d],
                       static_cast<std::int64_t>(d) + 1});
    }
    std::sort(order.begin(), order.end());
    std::vector<std::int64_t> dims{0}, sizes{static_cast<std::int64_t>(boxes.rows())};
    for (const auto& each : order) dims.push_back(each.second);
    sizes.insert(sizes.end(), boxes.extent.begin(), boxes.extent.end());
    return crops.front().permute(dims).reshape(sizes);
  };
  return confined;
}

/// One behind the other along a dimension that boxes have all of.
inline std::optional<Confined> confined_cat(const trace::Step& step) {
  const std::size_t rank = step.result_sizes.front().size();
  const std::string_view name = bare_name(step);
  const std::int64_t dim = name == "hstack"               ? 1
                           : step.argument("dim").isInt() ? wrapped(step.argument("dim").toInt(), rank)
                                                          : 0;
  if (dim == 0) return std::nullopt;
  const auto at = static_cast<std::size_t>(dim) - 1;
  for (const trace::Operand& each : step.operands) {
    if (each.sizes.size() != rank || (each.is_constant() && each.sizes[0] != 1)) return std::nullopt;
  }
  Confined confined{.whole = std::vector<bool>(rank - 1, false)};
  confined.whole[at] = true;
  const auto read = [&step, at](std::size_t operand, Boxes boxes) {
    widen(boxes, at, step.operands[operand].sizes[at + 1]);
    return boxes;
  };
  confined.footprint = [read](std::size_t operand, const Boxes& boxes) {
    return Footprint{.boxes = read(operand, boxes)};
  };
  confined.value = [&step, read, dim](Tensors crops, const Boxes& boxes) {
    for (std::size_t i = 0; i < crops.size(); ++i) {
      if (step.operands[i].is_constant()) crops[i] = cut(step.operands[i].constant, read(i, boxes));
    }
    return at::cat(crops, dim);
  };
  return confined;
}

/// Channels laid out as blocks of places.
inline std::optional<Confined> confined_pixel_shuffle(const trace::Step& step) {
  const c10::IValue factor = step.argument("upscale_factor");
  if (step.operands.front().sizes.size() != 4 || !factor.isInt()) return std::nullopt;
  const std::int64_t r = factor.toInt(), channels = step.operands.front().sizes[1];
  Confined confined{.whole = {true, false, false}};
  confined.footprint = [r, channels](std::size_t, const Boxes& boxes) {
    Footprint read{.boxes = boxes};
    widen(read.boxes, 0, channels);
    for (std::size_t d = 1; d < 3; ++d) {
      read.boxes.extent[d] = (boxes.extent[d] + r - 2) / r + 1;
      for (Places& origin : read.boxes.origins) origin[d] /= r;
    }
    return read;
  };
  confined.value = [r](Tensors crops, const Boxes& boxes) {
    Boxes within = boxes;
    for (Places& origin : within.origins) origin[1] %= r, origin[2] %= r;
    return cut(at::pixel_shuffle(crops.front(), r), within);
  };
  return confined;
}

inline std::optional<Confined> confined_pixel_unshuffle(const trace::Step& step) {
  const c10::IValue factor = step.argument("downscale_factor");
  if (step.operands.front().sizes.size() != 4 || !factor.isInt()) return std::nullopt;
  const std::int64_t r = factor.toInt(), channels = step.operands.front().sizes[1];
  Confined confined{.whole = {true, false, false}};
  confined.footprint = [r, channels](std::size_t, const Boxes& boxes) {
    Footprint read{.boxes = boxes};
    widen(read.boxes, 0, channels);
    for (std::size_t d = 1; d < 3; ++d) {
      read.boxes.extent[d] *= r;
      for (Places& origin : read.boxes.origins) origin[d] *= r;
    }
    return read;
  };
  confined.value = [r](Tensors crops, const Boxes&) { return at::pixel_unshuffle(crops.front(), r); };
  return confined;
}

}  // namespace lumen::op::detail
