// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/op/detail/pointwise.hpp>
#include <lumen/op/windows.hpp>

namespace lumen::op::detail {

/// The same values in the same row-major order with other dimensions: the dimensions that together are others.
inline std::optional<Stage> regrouped(const Sizes& sizes, const Sizes& result_sizes) {
  Stage stage{.sizes = sizes, .result_sizes = result_sizes};
  std::size_t a = 0, b = 0;
  while (a < sizes.size() || b < result_sizes.size()) {
    Stage::Regroup group;
    std::int64_t left = 1, right = 1;
    const auto take_left = [&] { group.dims.push_back(a), left *= sizes[a++]; };
    const auto take_right = [&] { group.result_dims.push_back(b), right *= result_sizes[b++]; };
    if (a < sizes.size() && sizes[a] == 1) {  // one place: nothing is told by it
      ++a;
      continue;
    }
    if (b < result_sizes.size() && result_sizes[b] == 1) {
      ++b;
      continue;
    }
    if (a == sizes.size() || b == result_sizes.size()) return std::nullopt;
    take_left(), take_right();
    while (left != right) {
      if (left < right && a < sizes.size()) {
        take_left();
      } else if (right < left && b < result_sizes.size()) {
        take_right();
      } else {
        return std::nullopt;
      }
    }
    if (left == 0) return std::nullopt;
    if (group.dims.size() == 1 && group.result_dims.size() == 1) {
      stage.links.push_back({.dim = group.dims[0], .result_dim = group.result_dims[0]});
    } else {
      stage.regroups.push_back(std::move(group));
    }
  }
  return stage;
}

/// view, reshape, flatten, squeeze, unsqueeze: told by the sizes alone. The batch stays as it is.
inline Geometry reshaped(const Subject& subject) {
  if (subject.operand != 0) return unread(subject);  // view_as: its shape
  const Sizes &sizes = subject.sizes(), &result_sizes = subject.result_sizes();
  if (sizes.empty() || result_sizes.empty() || sizes[0] != result_sizes[0]) return everything(subject);
  std::optional<Stage> stage = regrouped(without_batch(sizes), without_batch(result_sizes));
  return stage ? local(subject, {std::move(*stage)}) : everything(subject);
}

/// `order[d]` is the operand's dimension that becomes the result's dimension d, batch included.
inline Geometry permuted(const Subject& subject, const Sizes& order) {
  if (order.empty() || order[0] != 0) return everything(subject);
  Stage stage = bare_stage(subject);
  for (std::size_t d = 1; d < order.size(); ++d) {
    stage.links.push_back({.dim = static_cast<std::size_t>(order[d]) - 1, .result_dim = d - 1});
  }
  return local(subject, {std::move(stage)});
}

inline Geometry permute(const Subject& subject) {
  Sizes order = subject.list("dims");
  for (std::int64_t& each : order) each = wrapped(each, order.size());
  return permuted(subject, order);
}

inline Geometry transpose(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  const std::string_view name = bare_name(subject.step);
  std::int64_t first = subject.number("dim0", subject.number("axis0", -2));
  std::int64_t second = subject.number("dim1", subject.number("axis1", -1));
  if (subject.step.position("dim0") < 0 && subject.step.position("axis0") < 0 && name != "mT")
    first = 0, second = 1;
  if (rank < 2 || subject.argument("dim0").isString()) return everything(subject);
  Sizes order(rank);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(wrapped(first, rank))],
            order[static_cast<std::size_t>(wrapped(second, rank))]);
  return permuted(subject, order);
}

inline Geometry movedim(const Subject& subject) {
  const std::size_t rank = subject.sizes().size();
  const Sizes source = subject.list("source"), goal = subject.list("destination");
  Sizes order(rank, -1);
  std::vector<bool> taken(rank, false);
  for (std::size_t i = 0; i < source.size(); ++i) {
    const auto from = static_cast<std::size_t>(wrapped(source[i], rank));
    order[static_cast<std::size_t>(wrapped(goal[i], rank))] = static_cast<std::int64_t>(from);
    taken[from] = true;
  }
  std::size_t next = 0;
  for (std::int64_t& each : order) {
    if (each >= 0) continue;
    while (taken[next]) ++next;
    each = static_cast<std::int64_t>(next++);
  }
  return permuted(subject, order);
}

}  // namespace lumen::op::detail
