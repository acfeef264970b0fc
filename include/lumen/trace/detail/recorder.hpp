// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/trace/detail/replayable.hpp>
#include <lumen/trace/detail/retention.hpp>
#include <lumen/trace/detail/tape.hpp>
#include <lumen/trace/detail/versions.hpp>
#include <lumen/trace/layer_match.hpp>

namespace lumen::trace::detail {

/// Writes down one pass. It never throws of itself: what cannot be replayed becomes the tape's `fault`.
class Recorder final : public Listener {
 public:
  /// @param inputs  the tensors that the model is given
  /// @param layers  whose values are asked for; numbers count from the start
  /// @param memory  bytes of values to keep; constants are kept beyond it
  Recorder(const Tensors& inputs, const std::vector<Layer>& layers, std::int64_t memory)
      : versions_(tape), retention_(tape.values, memory) {
    for (const Layer& layer : layers) matches_.emplace_back(layer);
    tape.layers.assign(layers.size(), -1);
    for (const Tensor& each : inputs) {
      const ValueId value = new_value(each, -1, true);
      tape.values.back().kept = each.clone();  // the model may overwrite what it is given
      (void)versions_.aliases.add(each, value);
    }
  }

  Tape tape;

  [[nodiscard]] bool innermost() const override { return true; }

  void on_call(Call& call) override {
    Step step{.op = call.op, .kind = kind_of(call.op, call.arguments), .order = tape.operators++};
    step.nth = counter_.next(step.kind);
    step.recording = at::GradMode::is_enabled();
    const std::vector<std::size_t> layers = layers_at(step.kind, call.arguments);
    step.arguments = call.arguments;
    std::vector<std::size_t> given;
    take_operands(step, given);
    if (reads_metadata(step.kind)) return call.proceed();
    bool depends = false;
    for (const Operand& each : step.operands) depends = depends || at(each.value).depends;
    const bool reshapes = step.op.hasTag(at::Tag::inplace_view);
    std::vector<std::size_t> written;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (!reshapes && step.writes(i)) written.push_back(given[i]);
    }
    for (const std::size_t node : written) before_write(node, step);
    {
      const at::NoGradGuard no_graph;  // of the operator; what the model reads is as before
      call.proceed();
    }
    judge(step, depends, call.results);
    take_results(std::move(step), given, written, reshapes, depends, call.results);
    for (const std::size_t layer : layers) take_layer(layer, call.results);
  }

  Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
    Tensor current = value;
    for (std::size_t i = 0; i < matches_.size(); ++i) {
      if (matches_[i](name, input)) current = told_apart(current, i);
    }
    return current;
  }

  /// @throws Error if a layer never came
  void check() const {
    for (const LayerMatch& match : matches_) match.check();
  }

  /// To be called with what the model returned, if it did.
  void finish(const Tensor& output) {
    if (!output.defined()) return tape.fail("the model returned nothing");
    tape.output = value_of(output);
    if (!at(tape.output).depends) {
      tape.fail("the output does not come from the input by operators that are heard");
    }
    at(tape.output).kept = output.detach();
  }

 private:
  Taped& at(ValueId value) { return tape.values[static_cast<std::size_t>(value)]; }

  ValueId new_value(const Tensor& tensor, std::int64_t maker, bool depends) {
    tape.values.push_back(
        {.sizes = tensor.sizes().vec(), .dtype = tensor.scalar_type(), .maker = maker, .depends = depends});
    return static_cast<ValueId>(tape.values.size()) - 1;
  }

  /// The layers whose output this operator gives. Of those whose input it takes, the value is told apart.
  std::vector<std::size_t> layers_at(const std::string& kind, std::vector<c10::IValue>& arguments) {
    std::vector<std::size_t> outputs;
    for (std::size_t i = 0; i < matches_.size(); ++i) {
      if (!matches_[i](kind, arguments)) continue;
      if (!matches_[i].layer().input) {
        outputs.push_back(i);
        continue;
      }
      replace_tensors(arguments, [&](const Tensor& value, std::size_t position) {
        return position == data_position(kind) ? told_apart(value, i) : value;
      });
    }
    return outputs;
  }

  void take_layer(std::size_t layer, std::vector<c10::IValue>& results) {
    replace_tensors(results, [&](const Tensor& value, std::size_t position) {
      if (position > 0) return value;
      const ValueId id = value_of(value);
      const std::int64_t maker = at(id).maker;
      if (maker < 0 || tape.steps[static_cast<std::size_t>(maker)].order != tape.operators - 1) {
        return told_apart(value, layer);  // the operator gave back what it got, which others may take too
      }
      tape.layers[layer] = id;
      retention_.pin(id, value);
      return value;
    });
  }

  Tensor told_apart(const Tensor& value, std::size_t layer) {
    auto [other, id] = versions_.told_apart(value, node_of(value), tape.operators);
    tape.layers[layer] = id;
    retention_.pin(id, other);
    return other;
  }

  /// The step's operands, each brought up to date, in the place of the tensors among its arguments.
  void take_operands(Step& step, std::vector<std::size_t>& given) {
    for (std::size_t i = 0; i < step.arguments.size(); ++i) {
      c10::IValue& argument = step.arguments[i];
      if (!argument.isTensor() && !argument.isTensorList() && !argument.isOptionalTensorList()) continue;
      c10::IValue emptied;
      if (argument.isList()) {
        c10::List<c10::IValue> list = argument.toList().copy();
        for (std::size_t e = 0; e < list.size(); ++e) {
          list.set(e, argument.isTensorList() ? c10::IValue(Tensor()) : c10::IValue());
        }
        emptied = std::move(list);
      }
      visit_tensors(argument, [&](const Tensor& tensor, std::int64_t element) {
        const std::size_t node = node_of(tensor);
        given.push_back(node);
        const ValueId value = versions_.aliases[node].value;
        // what a write through a view made of a constant
        if (!at(value).depends && !at(value).kept.defined()) {
          retention_.keep_constant(value, tensor, versions_.aliases[node].memory);
        }
        step.operands.push_back({.value = value,
                                 .sizes = tensor.sizes().vec(),
                                 .dtype = tensor.scalar_type(),
                                 .argument = static_cast<std::int64_t>(i),
                                 .element = element});
      });
      argument = std::move(emptied);
    }
  }

  ValueId value_of(const Tensor& tensor) { return versions_.aliases[node_of(tensor)].value; }

  /// The node of a tensor that the model uses, up to date. One that was never seen is a constant, unless it shows
  /// memory of one that was.
  std::size_t node_of(const Tensor& tensor) {
    if (const std::int64_t known = versions_.aliases.find(tensor); known >= 0) {
      versions_.refresh(static_cast<std::size_t>(known));
      return static_cast<std::size_t>(known);
    }
    const Lie lie = lie_of(tensor);
    for (const std::size_t other : versions_.aliases.sharing(tensor)) {
      if (versions_.aliases[other].lie != lie) continue;
      versions_.refresh(other);  // x.data(), which no operator makes
      const std::size_t node =
          versions_.aliases.add(tensor, versions_.aliases[other].value, static_cast<std::int64_t>(other));
      return node;
    }
    const auto& sharing = versions_.aliases.sharing(tensor);
    if (std::any_of(sharing.begin(), sharing.end(),
                    [&](std::size_t other) { return at(versions_.aliases[other].value).depends; })) {
      tape.fail(text("a tensor ", tensor.sizes(),
                     " shows memory of a value that depends on the input, and no operator ", "made it"));
    }
    const ValueId value = new_value(tensor, -1, false);
    const std::size_t node = versions_.aliases.add(tensor, value);
    retention_.keep_constant(value, tensor, versions_.aliases[node].memory);
    return node;
  }

  void before_write(std::size_t node, const Step& step) {
    for (const std::size_t other : versions_.aliases.sharing(node)) {
      const Taped& known = at(versions_.aliases[other].value);
      if (known.depends || known.maker >= 0) continue;
      tape.fail(text(step.where(), " writes into a tensor ", at::IntArrayRef(known.sizes),
                     " that the model holds, so that its passes are not alike"));
    }
    retention_.before_write(versions_.aliases[node].memory);
  }

  /// Why a replay of the step would not be the model.
  void judge(const Step& step, bool depends, const std::vector<c10::IValue>& results) {
    if (is_random(step)) {
      tape.fail(text(step.where(), " draws random numbers; call eval() on the model, or take the noise out"));
    }
    if (trains_statistics(step)) {
      tape.fail(text(step.where(),
                     " normalises by the batch's own statistics and updates the running ones; call ",
                     "eval() on the model"));
    }
    if (!depends) return;
    for (const c10::IValue& each : results) {
      if (each.isTensor() || each.isTensorList() || each.isNone()) continue;
      tape.fail(text(step.where(),
                     " turns a value that depends on the input into a number, which a replay would not ",
                     "compute anew"));
    }
    if (has_dynamic_sizes(step)) {
      tape.fail(text(step.where(), " makes a tensor whose sizes depend on the input's values"));
    }
  }

  void take_results(Step step, const std::vector<std::size_t>& given, const std::vector<std::size_t>& written,
                    bool reshapes, bool depends, const std::vector<c10::IValue>& results) {
    const auto maker = static_cast<std::int64_t>(tape.steps.size());
    std::vector<std::pair<std::size_t, ValueId>> writes;
    bool makes = false;
    const auto made = [&](const Tensor& result) {
      makes = true;
      return new_value(result, maker, depends);
    };
    for (const Tensor& result : tensors_in(results)) {
      const std::size_t which = step.results.size();
      const std::int64_t known = versions_.aliases.find(result);
      ValueId value = -1;
      std::size_t node = static_cast<std::size_t>(known);
      bool fresh = false;
      if (known >= 0 && reshapes) {
        value = made(result);
        node = versions_.aliases.add(result, value, known, maker, which);
      } else if (known >= 0 && std::find(written.begin(), written.end(), node) != written.end()) {
        value = made(result);
        versions_.aliases[node].lie = lie_of(result);
        writes.emplace_back(node, value);
        fresh = true;
      } else if (known >= 0) {
        value = versions_.aliases[node].value;  // the operator gave back what it got
      } else {
        const std::int64_t parent = parent_among(given, result);
        fresh = parent < 0;
        if (fresh && !versions_.aliases.sharing(result).empty()) {
          tape.fail(text(step.where(), " gives memory of a tensor that it did not get"));
        }
        value = made(result);
        node = fresh ? versions_.aliases.add(result, value)
                     : versions_.aliases.add(
                           result, value, static_cast<std::int64_t>(given[static_cast<std::size_t>(parent)]),
                           maker, which, static_cast<std::size_t>(parent));
      }
      step.results.push_back(value);
      step.result_sizes.push_back(result.sizes().vec());
      if (makes && !depends) {
        retention_.keep_constant(value, result, versions_.aliases[node].memory);
      } else if (fresh) {
        retention_.keep(value, result, versions_.aliases[node].memory);
      }
    }
    if (writes.size() < written.size())
      tape.fail(text(step.where(), " writes into a tensor that it does not give back"));
    if (!makes) return;
    if (reshapes) use_functional_form(step);
    tape.steps.push_back(std::move(step));
    for (const auto& [node, value] : writes) versions_.write(node, value);
  }

  /// Which of the operands shows the memory of `result`.
  [[nodiscard]] std::int64_t parent_among(const std::vector<std::size_t>& given, const Tensor& result) const {
    const std::vector<std::size_t>& sharing = versions_.aliases.sharing(result);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const bool shows = std::find(sharing.begin(), sharing.end(), given[i]) != sharing.end();
      if (shows) return static_cast<std::int64_t>(i);
    }
    return -1;
  }

  std::vector<LayerMatch> matches_;
  Counter counter_;
  Versions versions_;
  Retention retention_;
};

}  // namespace lumen::trace::detail
