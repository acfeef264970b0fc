// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/core/error.hpp>
#include <lumen/influence/detail/whole_step.hpp>
#include <lumen/influence/options.hpp>
#include <lumen/op/local/of_step.hpp>
#include <lumen/trace/program.hpp>

namespace lumen::influence::detail {

/// A recorded pass as a linear map from the input to the output: for each operator, what it does to changes of its
/// operands and to gradients of its results, confined to windows where its kind allows that.
class Network {
 public:
  /// From one operand of a step to one of its results.
  struct Arrow {
    trace::ValueId from = 0, to = 0;
    op::local::LocalMapPtr map{};
  };
  struct Stage {
    std::string where{};
    std::vector<Arrow> arrows{};
    std::unique_ptr<const WholeStep> whole{};  ///< what no map was found for
  };

  /// @param program  of one image
  explicit Network(const trace::Program& program)
      : input_(program.inputs().front()), output_(program.output()) {
    const auto count = static_cast<std::size_t>(program.value_count());
    sizes_.resize(count);
    for (std::size_t id = 0; id < count; ++id) sizes_[id] = program.sizes(static_cast<trace::ValueId>(id));
    if (output_ < 0) return;
    const std::vector<bool> on_path = between(program);
    Tensors values(count);
    const auto value = [&](trace::ValueId id) {
      Tensor& held = values[static_cast<std::size_t>(id)];
      if (!held.defined()) held = program.value(id).detach();
      return held;
    };
    for (const trace::Step& step : program.steps()) {
      if (differentiable(step)) add(step, program, on_path, value);
    }
    merge();
  }

  [[nodiscard]] trace::ValueId input() const { return input_; }
  [[nodiscard]] trace::ValueId output() const { return output_; }
  [[nodiscard]] const std::vector<Stage>& stages() const { return stages_; }
  [[nodiscard]] const std::vector<std::int64_t>& sizes(trace::ValueId id) const {
    return sizes_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] std::size_t value_count() const { return sizes_.size(); }
  /// Bytes that it holds, the parameters in layouts of its own among them.
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t total = 0;
    for (const Stage& stage : stages_) {
      for (const Arrow& arrow : stage.arrows) total += arrow.map->bytes();
      if (stage.whole) total += stage.whole->bytes();
    }
    return total;
  }
  /// Whether every operator reaches from windows to windows.
  [[nodiscard]] bool confined() const {
    return std::all_of(stages_.begin(), stages_.end(), [](const Stage& stage) { return !stage.whole; });
  }
  /// Whether some operator next to the output does, so that rows are cheaper than whole passes.
  [[nodiscard]] bool any_confined() const {
    return std::any_of(stages_.begin(), stages_.end(),
                       [](const Stage& stage) { return !stage.arrows.empty(); });
  }

 private:
  static bool differentiable(const trace::Step& step) {
    return step.live && step.recording && step.kind != "detach" && step.kind != "detach_copy";
  }
  static bool carries(const trace::Program& program, trace::ValueId id) {
    return id >= 0 && at::isFloatingType(program.dtype(id));
  }

  /// The values that depend on the input and that the output depends on, by what gradients pass through.
  [[nodiscard]] std::vector<bool> between(const trace::Program& program) const {
    std::vector<bool> after(sizes_.size()), before(sizes_.size());
    after[static_cast<std::size_t>(input_)] = true;
    before[static_cast<std::size_t>(output_)] = true;
    const auto& steps = program.steps();
    for (const trace::Step& step : steps) {
      const bool reached =
          differentiable(step) &&
          std::any_of(step.operands.begin(), step.operands.end(), [&](const trace::Operand& operand) {
            return carries(program, operand.value) && after[static_cast<std::size_t>(operand.value)];
          });
      for (const trace::ValueId id : step.results) {
        if (reached && carries(program, id)) after[static_cast<std::size_t>(id)] = true;
      }
    }
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const bool wanted = differentiable(*step) &&
                          std::any_of(step->results.begin(), step->results.end(), [&](trace::ValueId id) {
                            return id >= 0 && before[static_cast<std::size_t>(id)];
                          });
      for (const trace::Operand& operand : step->operands) {
        if (wanted && carries(program, operand.value)) before[static_cast<std::size_t>(operand.value)] = true;
      }
    }
    for (std::size_t id = 0; id < after.size(); ++id) after[id] = after[id] && before[id];
    return after;
  }

  template <class Value>
  void add(const trace::Step& step, const trace::Program& program, const std::vector<bool>& on_path,
           const Value& value) {
    const auto on = [&](trace::ValueId id) {
      return carries(program, id) && on_path[static_cast<std::size_t>(id)];
    };
    std::vector<std::size_t> results;
    for (std::size_t r = 0; r < step.results.size(); ++r) {
      if (on(step.results[r])) results.push_back(r);
    }
    if (results.empty()) return;
    Tensors operands;
    for (const trace::Operand& operand : step.operands)
      operands.push_back(operand.is_constant() ? operand.constant : value(operand.value));
    Stage stage{.where = step.where()};
    std::vector<std::size_t> whole;
    for (std::size_t i = 0; i < step.operands.size(); ++i) {
      if (!on(step.operands[i].value)) continue;
      std::vector<Arrow> arrows;
      for (const std::size_t r : results) {
        op::local::LocalMapPtr map = op::local::local_map(step, i, operands, r);
        if (map) arrows.push_back({step.operands[i].value, step.results[r], std::move(map)});
      }
      if (arrows.size() == results.size()) {
        for (Arrow& arrow : arrows) stage.arrows.push_back(std::move(arrow));
      } else {
        whole.push_back(i);
      }
    }
    if (!whole.empty()) stage.whole = std::make_unique<const WholeStep>(step, operands, whole, results);
    if (stage.whole || !stage.arrows.empty()) stages_.push_back(std::move(stage));
  }

  /// A chain of elementwise operators whose inner values nobody else uses becomes one.
  void merge() {
    std::vector<int> uses(sizes_.size()), makers(sizes_.size());
    std::vector<Stage*> maker(sizes_.size());
    for (Stage& stage : stages_) {
      for (const Arrow& arrow : stage.arrows) {
        ++uses[static_cast<std::size_t>(arrow.from)];
        ++makers[static_cast<std::size_t>(arrow.to)];
        maker[static_cast<std::size_t>(arrow.to)] = &stage;
      }
      if (!stage.whole) continue;
      for (const trace::ValueId id : stage.whole->from()) uses[static_cast<std::size_t>(id)] += 2;
      for (const trace::ValueId id : stage.whole->to()) makers[static_cast<std::size_t>(id)] += 2;
    }
    uses[static_cast<std::size_t>(output_)] += 2;
    for (Stage& stage : stages_) {
      for (Arrow& arrow : stage.arrows) {
        const auto between = static_cast<std::size_t>(arrow.from);
        const auto* second = dynamic_cast<const op::local::ScaleMap*>(arrow.map.get());
        if (second == nullptr || second->spreads() || uses[between] != 1 || makers[between] != 1) continue;
        Stage& before = *maker[between];
        if (before.arrows.size() != 1) continue;
        const auto* first = dynamic_cast<const op::local::ScaleMap*>(before.arrows.front().map.get());
        if (first == nullptr || first->spreads()) continue;
        arrow.map = op::local::ScaleMap::both(*first, *second);
        arrow.from = before.arrows.front().from;
        stage.where = before.where + ", " + stage.where;
        before.arrows.clear();
      }
    }
    std::erase_if(stages_, [](const Stage& stage) { return stage.arrows.empty() && !stage.whole; });
  }

  trace::ValueId input_, output_;
  std::vector<std::vector<std::int64_t>> sizes_;
  std::vector<Stage> stages_;
};

}  // namespace lumen::influence::detail
