// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/op/confined.hpp>
#include <lumen/op/detail/confined_sliding.hpp>
#include <lumen/op/needed.hpp>
#include <lumen/trace/apply.hpp>

namespace lumen::op::detail {

/// A constant as it is broadcast to a result: with a batch, and as many dimensions.
inline Tensor with_rank(const Tensor& constant, std::size_t rank) {
  Tensor result = constant;
  while (result.dim() < static_cast<std::int64_t>(rank)) result = result.unsqueeze(0);
  return result;
}

/// Functions of each value, of one or of several that are broadcast: run as they are on crops of all of them.
inline std::optional<Confined> confined_pointwise(const trace::Step& step) {
  const std::size_t rank = step.result_sizes.front().size();
  std::vector<std::optional<Tensor>> constants;
  std::vector<std::vector<std::int64_t>> sizes;
  for (const trace::Operand& each : step.operands) {
    constants.push_back(
        each.is_constant()
            ? std::optional(each.constant.dim() == 0 ? each.constant : with_rank(each.constant, rank))
            : std::nullopt);
    sizes.push_back(constants.back() ? constants.back()->sizes().vec() : each.sizes);
    if (!constants.back() && sizes.back().size() != rank) return std::nullopt;
    if (constants.back() && constants.back()->dim() != 0 && constants.back()->size(0) != 1)
      return std::nullopt;
  }
  const auto read = [sizes](std::size_t operand, Boxes boxes) {
    for (std::size_t d = 0; d < boxes.dims(); ++d) {
      if (sizes[operand][d + 1] == 1) widen(boxes, d, 1);
    }
    return boxes;
  };
  Confined confined{.whole = std::vector<bool>(rank - 1, false)};
  confined.footprint = [read](std::size_t operand, const Boxes& boxes) {
    return Footprint{.boxes = read(operand, boxes)};
  };
  confined.value = [&step, constants, read](Tensors crops, const Boxes& boxes) {
    for (std::size_t i = 0; i < crops.size(); ++i) {
      if (!constants[i]) continue;
      crops[i] = constants[i]->numel() == 1 ? *constants[i] : cut(*constants[i], read(i, boxes));
    }
    return trace::apply(step, std::move(crops)).front();
  };
  return confined;
}

/// What mixes nothing but dimensions that it has all of, of one value: run as it is on crops, constants included.
inline std::optional<Confined> confined_rowwise(const trace::Step& step) {
  const std::optional<std::size_t> operand = data(step);
  if (!operand || step.operands[*operand].is_constant()) return std::nullopt;
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    if (i != *operand && !step.operands[i].is_constant()) return std::nullopt;
  }
  const Geometry geometry = op::geometry(step, *operand);
  if (!geometry.local || geometry.stages.size() != 1 || !geometry.stages[0].regroups.empty() ||
      !geometry.stages[0].operand_only.empty())
    return std::nullopt;
  Confined confined{.whole = std::vector<bool>(geometry.result_sizes.size(), true)};
  std::vector<std::pair<std::size_t, std::size_t>> same;
  for (const Stage::Link& each : geometry.stages[0].links) {
    if (each.relation) continue;
    confined.whole[each.result_dim] = false;
    same.push_back({each.dim, each.result_dim});
  }
  confined.footprint = [same, sizes = geometry.sizes](std::size_t, const Boxes& boxes) {
    Footprint read;
    read.boxes.extent = sizes;
    read.boxes.origins.assign(boxes.rows(), Places(sizes.size(), 0));
    for (const auto& [dim, result_dim] : same) {
      read.boxes.extent[dim] = boxes.extent[result_dim];
      for (std::size_t b = 0; b < boxes.rows(); ++b)
        read.boxes.origins[b][dim] = boxes.origins[b][result_dim];
    }
    return read;
  };
  confined.value = [&step](Tensors crops, const Boxes&) {
    for (std::size_t i = 0; i < crops.size(); ++i) {
      if (step.operands[i].is_constant()) crops[i] = step.operands[i].constant;
    }
    return trace::apply(step, std::move(crops)).front();
  };
  return confined;
}

/// Weighted sums over the last dimension by one matrix for all places.
inline std::optional<Confined> confined_product(const trace::Step& step) {
  const std::optional<std::size_t> factor = weight(step), added = bias(step), operand = data(step);
  if (!factor || !operand || step.operands[*factor].sizes.size() != 2) return std::nullopt;
  if (added && step.operands[*added].sizes.size() > 1) return std::nullopt;
  const std::size_t last = step.result_sizes.front().size() - 2;
  std::optional<Confined> confined = confined_rowwise(step);
  if (confined) confined->whole[last] = true;
  return confined;
}

/// Parameters for each channel: run as it is where boxes hold all channels.
inline std::optional<Confined> confined_channelwise(const trace::Step& step) {
  std::optional<Confined> confined = confined_rowwise(step);
  if (confined && !confined->whole.empty()) confined->whole[0] = true;
  return confined;
}

}  // namespace lumen::op::detail
