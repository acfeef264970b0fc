// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/op/assemble.hpp>
#include <lumen/perturb/detail/base.hpp>
#include <lumen/perturb/detail/layout.hpp>
#include <lumen/trace/apply.hpp>

namespace lumen::perturb::detail {

/// One pass of a chunk of regions: what they change, from the values of the unperturbed pass around it.
class Pass {
 public:
  Pass(const Network& network, const Base& base, const Layout& layout)
      : network_(network),
        base_(base),
        layout_(layout),
        held_(network.uses().size()),
        left_(network.uses()) {}

  /// What a perturbed value holds in its boxes.
  void give(trace::ValueId id, Tensor values) { held_[Network::index(id)] = std::move(values); }

  /// @return the output in its boxes, [B, ...]
  Tensor operator()() {
    for (const Node& node : network_.nodes()) {
      Tensor values = run(node);
      held_[Network::index(node.to)] = std::move(values);
    }
    return std::move(held_[Network::index(network_.output())]);
  }

 private:
  /// A value that changes, given away when nobody else needs it.
  Tensor take(trace::ValueId id) {
    Tensor& held = held_[Network::index(id)];
    return --left_[Network::index(id)] == 0 ? std::exchange(held, Tensor()) : held;
  }

  /// What an operand holds in boxes.
  Tensor crop(const Node::Operand& operand, const op::Footprint& read) {
    if (!operand.changes) return op::assemble(base_(operand.value), read.boxes, read.outside, {}, {});
    const op::Boxes& at = layout_.of(operand.value);
    Tensor values = take(operand.value);
    if (at.extent == read.boxes.extent && at.origins == read.boxes.origins) return values;
    return op::assemble(base_(operand.value), read.boxes, read.outside, values, at);
  }

  /// All of an operand, as the model would have it.
  Tensor all_of(const Node::Operand& operand) {
    const auto rows = static_cast<std::int64_t>(layout_.rows());
    if (!operand.changes) return base_.in_kind(base_.repeated(operand.value, rows), operand.value);
    Tensor values = take(operand.value);
    if (!base_(operand.value).defined()) return values;  // made by an operator that took its operands whole
    if (!layout_.holds_all(network_, operand.value)) {
      const op::Boxes all = op::Boxes::same(whole(network_.sizes(operand.value)), layout_.rows());
      values = op::assemble(base_(operand.value), all, 0.0, values, layout_.of(operand.value));
    }
    return base_.in_kind(values, operand.value);
  }

  Tensor run(const Node& node) {
    using Kind = Node::Kind;
    const op::Boxes& boxes = layout_.of(node.to);
    const Node::Operand& first = node.operands.front();
    switch (node.kind) {
      case Kind::Same:
        return take(first.value);
      case Kind::Rectifier: {
        Tensor values = take(first.value);
        const bool mine = values.use_count() == 1 && values.storage().use_count() == 1;
        return mine ? values.relu_() : values.relu();
      }
      case Kind::Convolution: {
        const op::Footprint read = node.confined->footprint(first.index, boxes);
        return (*node.convolution)(crop(first, read), boxes, read.boxes);
      }
      case Kind::Total:
        return total(node, boxes);
      case Kind::Confined: {
        Tensors crops(node.step->operands.size());
        for (const Node::Operand& each : node.operands) {
          crops[each.index] = crop(
              each, node.straight ? op::Footprint{boxes, 0.0} : node.confined->footprint(each.index, boxes));
        }
        return node.confined->value(std::move(crops), boxes);
      }
      case Kind::Whole:
        break;
    }
    Tensors operands(node.step->operands.size());
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (node.step->operands[i].is_constant()) operands[i] = node.step->operands[i].constant;
    }
    for (const Node::Operand& each : node.operands) operands[each.index] = all_of(each);
    return trace::apply(*node.step, std::move(operands),
                        static_cast<std::int64_t>(layout_.rows()) - 1)[node.result];
  }

  /// A sum or mean over all places: the unperturbed one, and what the places in the boxes differ by.
  Tensor total(const Node& node, const op::Boxes& boxes) {
    const Node::Operand& operand = node.operands.front();
    const op::Boxes& at = layout_.of(operand.value);
    const Tensor before = op::assemble(base_(operand.value), at, 0.0, {}, {});
    std::vector<std::int64_t> dims;
    double places = 1.0;
    const std::vector<std::int64_t> sizes = network_.sizes(operand.value);
    for (std::size_t d = 2; d < sizes.size(); ++d) {
      dims.push_back(static_cast<std::int64_t>(d));
      places *= static_cast<double>(sizes[d]);
    }
    Tensor change = (take(operand.value) - before).sum(dims, false);
    if (op::detail::bare_name(*node.step) != "sum") change.div_(places);
    const Tensor from = op::assemble(base_(node.to), boxes, 0.0, {}, {});
    return from + change.view(from.sizes());
  }

  const Network& network_;
  const Base& base_;
  const Layout& layout_;
  Tensors held_;
  std::vector<std::int64_t> left_;
};

}  // namespace lumen::perturb::detail
