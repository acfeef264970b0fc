// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/op/kinds.hpp>
#include <lumen/op/needed.hpp>
#include <lumen/op/roles.hpp>
#include <lumen/op/value_on.hpp>
#include <lumen/op/windows.hpp>
#include <lumen/perturb/detail/convolution.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::perturb::detail {

/// The dimension along which a value grows with the batch, -1 for none; -2 if rows cannot be told apart.
inline std::int64_t batch_dim(const trace::Program& program, trace::ValueId id) {
  const std::vector<std::int64_t> one = program.sizes(id, 1), two = program.sizes(id, 2);
  std::int64_t found = -1;
  for (std::size_t d = 0; d < one.size(); ++d) {
    if (one[d] == two[d]) continue;
    if (found >= 0 || one[d] != 1 || two[d] != 2) return -2;
    found = static_cast<std::int64_t>(d);
  }
  return found;
}

/// What a step of the program does between what is perturbed and the output.
struct Node {
  enum class Kind {
    Same,         ///< its result is its operand
    Rectifier,    ///< ReLU
    Confined,     ///< on boxes, by op::confined
    Convolution,  ///< likewise, with what follows it
    Total,        ///< a sum or mean over all places: what changes is added
    Whole         ///< takes the whole of its operands
  };
  struct Operand {
    std::size_t index = 0;  ///< among the step's operands
    trace::ValueId value = -1;
    bool changes = false;  ///< whether it depends on what is perturbed
    op::Geometry geometry{};
  };

  Kind kind = Kind::Whole;
  const trace::Step* step = nullptr;
  std::size_t result = 0;
  trace::ValueId to = -1;
  std::vector<Operand> operands{};  ///< that are values
  bool straight = false;            ///< its result's boxes are those of its one operand
  std::optional<op::Confined> confined{};
  std::optional<Convolution> convolution{};
  std::string where{};
  double unit = 1.0;  ///< what one element of the result costs: products and the result
};

inline double unit_of(const trace::Step& step, std::size_t result) {
  const auto numel = [](const std::vector<std::int64_t>& sizes) {
    double all = 1.0;
    for (const std::int64_t each : sizes) all *= static_cast<double>(each);
    return all;
  };
  const std::optional<std::size_t> weight = op::weight(step), data = op::data(step);
  if (weight && data && step.operands[*weight].sizes.size() >= 2 && !step.result_sizes[result].empty()) {
    const auto& sizes = step.operands[*weight].sizes;
    if (op::is_convolution(step)) {
      const std::optional<op::Windows> windows = op::convolution_windows(step);
      if (windows && windows->transposed)
        return 1.0 + numel(step.operands[*data].sizes) * numel(sizes) / static_cast<double>(sizes[0]) /
                         std::max(numel(step.result_sizes[result]), 1.0);
      return 1.0 + numel(sizes) / static_cast<double>(sizes[0]);
    }
    if (!step.operands[*data].sizes.empty())
      return 1.0 + static_cast<double>(step.operands[*data].sizes.back());
  }
  if (const std::optional<op::Windows> windows = op::pool_windows(step)) return numel(windows->kernel);
  return 1.0;
}

inline bool one_value(const trace::Step& step) {
  return std::count_if(step.operands.begin(), step.operands.end(),
                       [](const trace::Operand& each) { return !each.is_constant(); }) == 1;
}

/// Whether the result lies to its one operand place by place.
inline bool is_straight(const Node& node) {
  if (node.operands.size() != 1) return false;
  const op::Geometry& geometry = node.operands.front().geometry;
  if (!geometry.local || geometry.sizes != geometry.result_sizes || geometry.stages.size() != 1) return false;
  const op::Stage& stage = geometry.stages.front();
  return stage.links.size() == geometry.sizes.size() && stage.regroups.empty() &&
         stage.operand_only.empty() && stage.result_only.empty() &&
         std::all_of(stage.links.begin(), stage.links.end(), [](const op::Stage::Link& link) {
           return link.dim == link.result_dim && !link.relation;
         });
}

/// Whether a step adds up, or takes the mean of, all places behind the channels.
inline bool is_total(const trace::Step& step) {
  const std::string_view name = op::detail::bare_name(step);
  if (!one_value(step) || step.operands.empty() || step.operands[0].is_constant()) return false;
  const auto rank = static_cast<std::int64_t>(step.operands[0].sizes.size());
  const std::vector<std::int64_t>& sizes = step.result_sizes.front();
  if (rank < 3) return false;
  if (name.starts_with("adaptive_avg_pool")) {
    return static_cast<std::int64_t>(sizes.size()) == rank &&
           std::all_of(sizes.begin() + 2, sizes.end(), [](std::int64_t each) { return each == 1; });
  }
  if ((name != "mean" && name != "sum") || !step.argument("dtype").isNone() ||
      !step.argument("dim").isIntList())
    return false;
  std::vector<std::int64_t> dims = step.argument("dim").toIntVector();
  for (std::int64_t& dim : dims) dim = dim < 0 ? dim + rank : dim;
  std::sort(dims.begin(), dims.end());
  if (static_cast<std::int64_t>(dims.size()) != rank - 2) return false;
  for (std::int64_t d = 2; d < rank; ++d) {
    if (dims[static_cast<std::size_t>(d) - 2] != d) return false;
  }
  return true;
}

/// @param changes  of each value of the program, whether it depends on what is perturbed
inline Node node_of(const trace::Program& program, const trace::Step& step, std::size_t result,
                    const std::vector<bool>& changes) {
  using Kind = Node::Kind;
  Node node{.step = &step,
            .result = result,
            .to = step.results[result],
            .where = step.where(),
            .unit = unit_of(step, result)};
  bool any = false;
  for (std::size_t i = 0; i < step.operands.size(); ++i) {
    if (step.operands[i].is_constant()) continue;
    op::Geometry geometry = op::geometry(step, i, result);
    const bool changing = changes[static_cast<std::size_t>(step.operands[i].value)] && geometry.read;
    any = any || changing;
    node.operands.push_back({i, step.operands[i].value, changing, std::move(geometry)});
  }
  // rows are told apart by the first dimension
  bool by_rows = batch_dim(program, node.to) == 0;
  for (const Node::Operand& each : node.operands) by_rows = by_rows && batch_dim(program, each.value) == 0;
  if (!any || !by_rows) return node;
  static const op::Kinds passes =
      op::listed("alias contiguous clone detach lift_fresh") | op::kinds::dropouts;
  node.straight = is_straight(node);
  if (node.straight && passes.contains(step.kind) &&
      program.dtype(node.to) == program.dtype(node.operands[0].value)) {
    node.kind = Kind::Same;
  } else if (node.straight && step.kind == "relu" && at::isFloatingType(program.dtype(node.to))) {
    node.kind = Kind::Rectifier;
  } else if (result == 0 && is_total(step) && at::isFloatingType(program.dtype(node.to))) {
    node.kind = Kind::Total;
  } else if ((node.confined = op::confined(step, result))) {
    node.kind = Kind::Confined;
    const std::vector<bool>& all = node.confined->whole;
    node.straight = node.straight && std::none_of(all.begin(), all.end(), [](bool each) { return each; });
    if (result == 0) node.convolution = Convolution::of(step);
    if (node.convolution) node.kind = Kind::Convolution;
  }
  if (node.kind == Kind::Whole || node.kind == Kind::Convolution || node.kind == Kind::Total)
    node.straight = false;
  return node;
}

}  // namespace lumen::perturb::detail
