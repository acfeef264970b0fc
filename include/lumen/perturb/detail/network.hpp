// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/box.hpp>
#include <lumen/core/error.hpp>
#include <lumen/op/channel_map.hpp>
#include <lumen/perturb/detail/node.hpp>
#include <lumen/perturb/recorded.hpp>

namespace lumen::perturb::detail {

/// The steps of a program behind what is perturbed that the output depends on.
class Network {
 public:
  /// @param reads  what of the output is needed
  Network(const Recorded& recorded, const Box& reads)
      : program_(*recorded.program), output_(recorded.output) {
    const auto count = static_cast<std::size_t>(program_.value_count());
    std::vector<bool> changes(count), leads(count);
    for (const trace::ValueId id : recorded.from) changes[index(id)] = true;
    leads[index(output_)] = true;
    const auto& steps = program_.steps();
    for (const trace::Step& step : steps) {
      for (std::size_t r = 0; r < step.results.size(); ++r) {
        const trace::ValueId to = step.results[r];
        if (to < 0 || changes[index(to)]) continue;
        Node node = node_of(program_, step, r, changes);
        const bool any = std::any_of(node.operands.begin(), node.operands.end(),
                                     [](const Node::Operand& each) { return each.changes; });
        if (!any) continue;
        changes[index(to)] = true;
        nodes_.push_back(std::move(node));
      }
    }
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      for (std::size_t r = 0; r < step->results.size(); ++r) {
        const trace::ValueId to = step->results[r];
        if (to < 0 || !leads[index(to)]) continue;
        full_cost_ += unit_of(*step, r) * volume(to);
        for (const trace::Operand& each : step->operands) {
          if (!each.is_constant()) leads[index(each.value)] = true;
        }
      }
    }
    std::erase_if(nodes_, [&](const Node& node) { return !leads[index(node.to)]; });
    reached_ = changes[index(output_)];
    if (!reached_) return;
    fuse();
    find_needs(reads);
    uses_.assign(count, 0);
    uses_[index(output_)] = 1;
    for (const Node& node : nodes_) {
      for (const Node::Operand& each : node.operands) ++uses_[index(each.value)];
    }
  }

  [[nodiscard]] const trace::Program& program() const { return program_; }
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] trace::ValueId output() const { return output_; }
  /// Whether the output depends on what is perturbed.
  [[nodiscard]] bool reached() const { return reached_; }
  [[nodiscard]] std::vector<std::int64_t> sizes(trace::ValueId id) const { return program_.sizes(id, 1); }
  /// Elements of one row of a value.
  [[nodiscard]] double volume(trace::ValueId id) const {
    double all = 1.0;
    for (const std::int64_t each : sizes(id)) all *= static_cast<double>(each);
    return all;
  }
  /// The part of a value that the scores depend on.
  [[nodiscard]] const Box& need(trace::ValueId id) const { return need_[index(id)]; }
  /// How often a value is used by nodes, and by the targets.
  [[nodiscard]] const std::vector<std::int64_t>& uses() const { return uses_; }
  /// What a pass of the whole model costs, in units as the nodes'.
  [[nodiscard]] double full_cost() const { return full_cost_; }
  /// Whether the rows of some value cannot be told apart where they must be.
  [[nodiscard]] bool mixes_rows() const {
    for (const Node& node : nodes_) {
      for (const Node::Operand& each : node.operands) {
        if (!each.changes && batch_dim(program_, each.value) == -2) return true;
      }
    }
    return batch_dim(program_, output_) != 0;
  }
  [[nodiscard]] bool any_confined() const {
    return std::any_of(nodes_.begin(), nodes_.end(), [](const Node& node) {
      return node.kind == Node::Kind::Confined || node.kind == Node::Kind::Convolution;
    });
  }
  /// Bytes of the parameters in layouts of its own.
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t total = 0;
    for (const Node& node : nodes_) {
      if (node.convolution) total += node.convolution->bytes();
    }
    return total;
  }

  static std::size_t index(trace::ValueId id) { return static_cast<std::size_t>(id); }

 private:
  /// Convolutions take what follows them alone: an affine map of each channel, a rectifier.
  void fuse() {
    std::vector<int> uses(static_cast<std::size_t>(program_.value_count()));
    ++uses[index(output_)];
    for (const Node& node : nodes_) {
      for (const Node::Operand& each : node.operands) ++uses[index(each.value)];
    }
    std::vector<Node*> maker(uses.size(), nullptr);
    std::vector<bool> gone(nodes_.size(), false);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      if (node.operands.size() == 1 && uses[index(node.operands.front().value)] == 1) {
        Node* const before = maker[index(node.operands.front().value)];
        const bool open = before != nullptr && before->convolution && !before->convolution->rectifies();
        if (open && node.kind == Node::Kind::Rectifier) {
          before->convolution->rectify();
          gone[i] = true;
        } else if (open && node.result == 0 && sizes(node.to) == sizes(before->to)) {
          // in half precision products of weights and scales lose what sums of the two keep
          const at::ScalarType type = program_.dtype(node.to);
          const bool precise = type == at::kFloat || type == at::kDouble;
          const std::optional<op::ChannelMap> map = precise ? op::channel_map(*node.step) : std::nullopt;
          if (map) {
            before->convolution->scale(*map);
            gone[i] = true;
          }
        }
        if (gone[i]) {
          before->to = node.to;
          before->where += ", " + node.where;
          before->unit += node.unit;
          maker[index(node.to)] = before;
          continue;
        }
      }
      maker[index(node.to)] = &node;
    }
    std::vector<Node> left;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (!gone[i]) left.push_back(std::move(nodes_[i]));
    }
    nodes_ = std::move(left);
    for (Node& node : nodes_) {
      if (node.convolution) node.convolution->prepare();
    }
  }

  void find_needs(const Box& reads) {
    need_.resize(static_cast<std::size_t>(program_.value_count()));
    need_[index(output_)] = reads;
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
      const Box& wanted = need_[index(node->to)];
      for (const Node::Operand& each : node->operands) {
        Box& box = need_[index(each.value)];
        const Box more = each.geometry.needed(wanted);
        box = box.empty() ? more : hull(box, more);
      }
    }
  }

  const trace::Program& program_;
  trace::ValueId output_;
  std::vector<Node> nodes_;
  std::vector<Box> need_;
  std::vector<std::int64_t> uses_;
  double full_cost_ = 0.0;
  bool reached_ = false;
};

}  // namespace lumen::perturb::detail
