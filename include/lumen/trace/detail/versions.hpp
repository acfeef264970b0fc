// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/trace/detail/aliases.hpp>
#include <lumen/trace/detail/tape.hpp>
#include <lumen/trace/detail/unview.hpp>

namespace lumen::trace::detail {

/// What the tensors of a pass are as values, of which a write makes new ones, for all that show the memory: steps are
/// added to the tape that carry the write to the tensor that owns it, and make views of it anew when they are used.
class Versions {
 public:
  explicit Versions(Tape& tape) : tape_(tape) {}

  Aliases aliases{};

  /// Brings a node up to date with the writes into its memory: its chain of views again, on what the root is now.
  void refresh(std::size_t node) {
    if (aliases[node].epoch == aliases.epoch(node)) return;
    if (const std::int64_t parent = aliases[node].parent; parent >= 0) {
      refresh(static_cast<std::size_t>(parent));
      const ValueId base = aliases[static_cast<std::size_t>(parent)].value;
      if (aliases[node].step < 0) {
        aliases[node].value = base;
      } else {
        const Step& made = tape_.steps[static_cast<std::size_t>(aliases[node].step)];
        Step again = made;
        again.nth = -1;
        again.synthetic = true;
        again.operands[aliases[node].operand].value = base;
        const std::size_t which = aliases[node].which;
        aliases[node].value = append(std::move(again))[which];
      }
    }
    aliases[node].epoch = aliases.epoch(node);
  }

  /// What a write into a node makes of it, and of what it is a view of.
  void write(std::size_t node, ValueId value) {
    const std::int64_t epoch = ++aliases.epoch(node);
    aliases[node].value = value;
    aliases[node].epoch = epoch;
    for (std::int64_t parent = aliases[node].parent; parent >= 0; parent = aliases[node].parent) {
      const auto above = static_cast<std::size_t>(parent);
      if (aliases[above].lie == aliases[node].lie) {
        aliases[above].value = aliases[node].value;
      } else if (std::optional<Step> back = inverse(node, above)) {
        aliases[above].value = append(std::move(*back)).front();
      } else {
        tape_.fail(text("the model writes through ",
                        tape_.steps[static_cast<std::size_t>(aliases[node].step)].where(),
                        ", a view that cannot be undone"));
      }
      aliases[above].epoch = epoch;
      node = above;
    }
  }

  /// Adds a step of our own; its results, which nobody has computed.
  std::vector<ValueId> append(Step step) {
    const auto maker = static_cast<std::int64_t>(tape_.steps.size());
    bool depends = false;
    for (const Operand& each : step.operands) {
      depends = depends || tape_.values[static_cast<std::size_t>(each.value)].depends;
    }
    const at::ScalarType dtype = step.operands.front().dtype;
    step.results.clear();
    for (const std::vector<std::int64_t>& sizes : step.result_sizes) {
      tape_.values.push_back({.sizes = sizes, .dtype = dtype, .maker = maker, .depends = depends});
      step.results.push_back(static_cast<ValueId>(tape_.values.size()) - 1);
    }
    std::vector<ValueId> results = step.results;
    tape_.steps.push_back(std::move(step));
    return results;
  }

  /// The same tensor as a value of its own, so that another can take the place of what goes on from here, and not of
  /// what others take.
  std::pair<Tensor, ValueId> told_apart(const Tensor& value, std::size_t node, std::int64_t order) {
    static const c10::OperatorHandle alias = *c10::Dispatcher::singleton().findSchema({"aten::alias", ""});
    const at::NoGradGuard no_grad;
    const Tensor other = value.alias();
    const auto maker = static_cast<std::int64_t>(tape_.steps.size());
    const ValueId id = append({.op = alias,
                               .kind = "alias",
                               .order = order,
                               .nth = -1,
                               .arguments = {c10::IValue()},
                               .operands = {{.value = aliases[node].value,
                                             .sizes = value.sizes().vec(),
                                             .dtype = value.scalar_type(),
                                             .argument = 0}},
                               .result_sizes = {value.sizes().vec()},
                               .synthetic = true})
                           .front();
    (void)aliases.add(other, id, static_cast<std::int64_t>(node), maker);
    return {other, id};
  }

 private:
  /// The step that puts what `node`, a view of `above`, has become back into it.
  std::optional<Step> inverse(std::size_t node, std::size_t above) {
    const Lie &part = aliases[node].lie, &all = aliases[above].lie;
    const Step& made = tape_.steps[static_cast<std::size_t>(aliases[node].step)];
    std::optional<Unview> form = unview(made, aliases[node].which, all.sizes);
    if (!form) {
      if (!is_dense(all)) return std::nullopt;
      form =
          Unview{"aten::as_strided_scatter", "", true, {part.sizes, part.strides, part.offset - all.offset}};
    }
    const auto op = c10::Dispatcher::singleton().findSchema({form->name, form->overload});
    if (!op) return std::nullopt;
    Step back{.op = *op, .kind = kind_of(*op, {}), .order = made.order, .nth = -1};
    const auto operand = [&](std::size_t from, const Lie& lie) {
      const ValueId value = aliases[from].value;
      back.operands.push_back({.value = value,
                               .sizes = lie.sizes,
                               .dtype = tape_.values[static_cast<std::size_t>(value)].dtype,
                               .argument = static_cast<std::int64_t>(back.arguments.size())});
      back.arguments.emplace_back();
    };
    if (form->takes_base) operand(above, all);
    operand(node, part);
    for (c10::IValue& each : form->rest) back.arguments.push_back(std::move(each));
    back.result_sizes = {all.sizes};
    back.synthetic = true;
    return back;
  }

  Tape& tape_;
};

}  // namespace lumen::trace::detail
