// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/op/crops.hpp>
#include <lumen/perturb/detail/network.hpp>

namespace lumen::perturb::detail {

/// What one region changes of each value, exactly: a box of each; empty where it changes nothing that matters.
using Reach = std::vector<Box>;

/// @param region  for each of the values that are perturbed
/// @return for each value of the program; empty if nothing of the output changes that the scores depend on
[[nodiscard]] inline Reach reach_of(const Network& network, const std::vector<trace::ValueId>& from,
                                    const std::vector<Box>& region) {
  Reach reach(network.uses().size());
  std::vector<bool> changed(reach.size());
  const auto set = [&](trace::ValueId id, const Box& box) {
    const Box needed = meet(box, network.need(id));
    if (empty(needed)) return;
    changed[Network::index(id)] = true;
    reach[Network::index(id)] = needed;
  };
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (network.uses()[Network::index(from[i])] > 0) set(from[i], region[i]);
  }
  for (const Node& node : network.nodes()) {
    Box all;
    bool any = false;
    for (const Node::Operand& each : node.operands) {
      if (!each.changes || !changed[Network::index(each.value)]) continue;
      const Box more = each.geometry.reached(reach[Network::index(each.value)]);
      if (empty(more)) continue;
      all = any ? hull(all, more) : more;
      any = true;
    }
    if (any) set(node.to, all);
  }
  if (!changed[Network::index(network.output())]) return {};
  return reach;
}

/// The boxes that are computed of each value for a chunk of regions: of one extent, within the value, each holding what
/// its region changes.
class Layout {
 public:
  Layout() = default;
  /// @param before  of the chunk before, whose extents are kept where they will do: shapes that come again are fast
  Layout(const Network& network, const std::vector<trace::ValueId>& from, const std::vector<Reach>& reaches,
         const Layout& before)
      : of_(network.uses().size()), rows_(reaches.size()) {
    for (const trace::ValueId id : from) {
      if (network.uses()[Network::index(id)] > 0) lay(network, id, reaches, before, {}, nullptr);
    }
    for (const Node& node : network.nodes()) {
      op::Boxes& boxes = of_[Network::index(node.to)];
      if (node.straight) {
        boxes = of_[Network::index(node.operands.front().value)];
      } else if (node.kind == Node::Kind::Whole) {
        boxes = all(network, node.to);
      } else if (node.kind == Node::Kind::Total) {
        const op::Boxes& given = of_[Network::index(node.operands.front().value)];
        boxes = all(network, node.to);
        boxes.extent[0] = given.extent[0];
        for (std::size_t b = 0; b < rows_; ++b) boxes.origins[b][0] = given.origins[b][0];
      } else {
        lay(network, node.to, reaches, before, node.confined->whole, &node);
      }
      cost_ += node.unit * volume(boxes);
    }
  }

  /// Boxes of more than this share of a value are all of it.
  static constexpr double nearly_all = 0.9;
  /// What a convolution costs that runs on another shape for the first time, in products: its kernel is made.
  [[nodiscard]] static double new_shape(const Node& node) {
    return node.convolution ? 1e8 + 64.0 * weights_of(node) : 0.0;
  }
  /// What a step costs for each chunk beside what it costs for each region, in products: calling it, the kernel for its
  /// shape, and reading its weights.
  [[nodiscard]] static double beside(const Node& node) {
    constexpr double call = 1e6, read = 16.0;
    return call + read * weights_of(node) + new_shape(node);
  }

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] const op::Boxes& of(trace::ValueId id) const { return of_[Network::index(id)]; }
  [[nodiscard]] bool holds_all(const Network& network, trace::ValueId id) const {
    const op::Boxes& boxes = of(id);
    const std::vector<std::int64_t> sizes = network.sizes(id);
    for (std::size_t d = 0; d < boxes.dims(); ++d) {
      if (boxes.extent[d] != sizes[d + 1]) return false;
    }
    return true;
  }
  /// What one region costs, in units as the network's.
  [[nodiscard]] double cost() const { return cost_; }
  /// Elements of a row of the boxes.
  [[nodiscard]] static double volume(const op::Boxes& boxes) {
    double all = 1.0;
    for (const std::int64_t each : boxes.extent) all *= static_cast<double>(each);
    return all;
  }
  /// About how many elements one region holds at once, and of the largest value.
  [[nodiscard]] std::pair<double, double> elements(const Network& network) const {
    std::vector<std::int64_t> left = network.uses();
    double held = 0.0, most = 0.0, largest = 0.0;
    const auto drop = [&](trace::ValueId id) {
      if (--left[Network::index(id)] == 0) held -= volume(of(id));
    };
    for (const Node& node : network.nodes()) {
      const double made = volume(of(node.to));
      double crops = 0.0;
      for (const Node::Operand& each : node.operands) {
        if (node.straight) continue;
        crops += node.confined && node.kind != Node::Kind::Whole
                     ? volume(node.confined->footprint(each.index, of(node.to)).boxes)
                     : network.volume(each.value);
      }
      largest = std::max({largest, made, crops});
      held += made;
      most = std::max(most, held + crops + made);  // once more for what the operator itself takes
      for (const Node::Operand& each : node.operands) {
        if (each.changes && of(each.value).rows() > 0) drop(each.value);
      }
    }
    return {most, largest};
  }

 private:
  /// How many constants go into a step.
  static double weights_of(const Node& node) {
    double total = 0.0;
    for (const trace::Operand& each : node.step->operands) {
      if (each.is_constant() && each.constant.defined()) total += static_cast<double>(each.constant.numel());
    }
    return total;
  }
  [[nodiscard]] op::Boxes all(const Network& network, trace::ValueId id) const {
    return op::Boxes::same(whole(network.sizes(id)), rows_);
  }

  void lay(const Network& network, trace::ValueId id, const std::vector<Reach>& reaches, const Layout& before,
           const std::vector<bool>& must_hold, const Node* maker) {
    const std::vector<std::int64_t> sizes = network.sizes(id);
    const std::size_t dims = sizes.size() - 1;
    op::Boxes& boxes = of_[Network::index(id)];
    boxes.extent.assign(dims, 1);
    for (const Reach& reach : reaches) {
      const Box& box = reach[Network::index(id)];
      for (std::size_t d = 0; d < box.size(); ++d) boxes.extent[d] = std::max(boxes.extent[d], box[d].size());
    }
    for (std::size_t d = 0; d < must_hold.size(); ++d) {
      if (must_hold[d]) boxes.extent[d] = sizes[d + 1];
    }
    if (before.rows_ > 0) {
      const op::Boxes& last = before.of(id);
      bool enough = last.dims() == dims;
      for (std::size_t d = 0; enough && d < dims; ++d) enough = last.extent[d] >= boxes.extent[d];
      const double more = enough ? volume(last) - volume(boxes) : 0.0;
      const bool cheap = maker == nullptr || !maker->convolution ||
                         more * maker->unit * static_cast<double>(rows_) <= new_shape(*maker);
      if (enough && cheap && more <= 0.3 * volume(boxes)) boxes.extent = last.extent;
    }
    double share = 1.0;
    for (std::size_t d = 0; d < dims; ++d)
      share *= static_cast<double>(boxes.extent[d]) / static_cast<double>(sizes[d + 1]);
    if (share > nearly_all) {
      boxes = all(network, id);
      return;
    }
    boxes.origins.assign(rows_, op::Places(dims, 0));
    for (std::size_t b = 0; b < rows_; ++b) {
      const Box& box = reaches[b][Network::index(id)];
      for (std::size_t d = 0; d < box.size(); ++d) {
        boxes.origins[b][d] = std::clamp<std::int64_t>(box[d].begin, 0, sizes[d + 1] - boxes.extent[d]);
      }
    }
  }

  std::vector<op::Boxes> of_;
  std::size_t rows_ = 0;
  double cost_ = 0.0;
};

}  // namespace lumen::perturb::detail
