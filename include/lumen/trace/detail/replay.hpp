// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>

#include <lumen/trace/apply.hpp>
#include <lumen/trace/detail/link.hpp>

namespace lumen::trace::detail {

/// Computes values of a program from others: one evaluation.
class Replay {
 public:
  using Given = std::map<ValueId, Tensor>;

  /// @param kept       of each value what is recorded; undefined where nothing is
  /// @param kept_rows  how many rows that has
  /// @param rows       how many the given values have
  Replay(const Code& code, const Tensors& kept, std::int64_t kept_rows, const Given& given, std::int64_t rows)
      : steps_(code.steps),
        values_(code.values),
        kept_(kept),
        code_(code),
        kept_rows_(kept_rows),
        given_(given),
        rows_(rows),
        held_(code.values.size()),
        waiting_(code.values.size()) {}

  /// Which recorded values a run takes.
  std::vector<ValueId> recorded(const std::vector<ValueId>& wanted) {
    find_affected();
    plan(wanted);
    return recorded_;
  }

  Tensors operator()(const std::vector<ValueId>& wanted) {
    find_affected();
    plan(wanted);
    fetch_recorded();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (runs_[i]) run(steps_[i]);
    }
    Tensors results;
    for (const ValueId each : wanted) results.push_back(held_[index(each)]);
    return results;
  }

 private:
  enum class Source { Given, Recorded, Computed };

  static std::size_t index(ValueId value) { return static_cast<std::size_t>(value); }

  /// What changes when the given values do.
  void find_affected() {
    affected_.assign(values_.size(), false);
    for (const auto& [value, tensor] : given_) affected_[index(value)] = true;
    for (const Step& step : steps_) {
      bool reached = false;
      for (const Operand& each : step.operands)
        reached = reached || (!each.is_constant() && affected_[index(each.value)]);
      if (!reached) continue;
      for (const ValueId each : step.results) {
        if (each >= 0) affected_[index(each)] = true;
      }
    }
  }

  [[nodiscard]] Source source(ValueId id) const {
    if (given_.contains(id)) return Source::Given;
    if (affected_[index(id)]) return Source::Computed;
    const Value& value = values_[index(id)];
    if (rows_ == kept_rows_) return kept_[index(id)].defined() ? Source::Recorded : Source::Computed;
    return value.depends && repeats(value) ? Source::Recorded : Source::Computed;
  }

  /// The dimension of a value that grows with the batch, -1 for none; -2 if rows are mixed with others there.
  [[nodiscard]] std::int64_t batch_dim(const Value& value) const {
    std::int64_t found = -1;
    for (std::size_t d = 0; d < value.slopes.size(); ++d) {
      if (value.slopes[d] == 0) continue;
      if (value.slopes[d] != 1 || value.sizes[d] != code_.rows || found >= 0) return -2;
      found = static_cast<std::int64_t>(d);
    }
    return found;
  }

  /// Whether it is for copies of the recorded batch what it is for that, again and again.
  [[nodiscard]] bool repeats(const Value& value) const {
    return rows_ % kept_rows_ == 0 && batch_dim(value) > -2;
  }

  void plan(const std::vector<ValueId>& wanted) {
    runs_.assign(steps_.size(), false);
    std::vector<bool> computed(values_.size());
    const auto need = [&](ValueId id) {
      if (waiting_[index(id)]++ > 0) return;
      const Source from = source(id);
      if (from == Source::Given) held_[index(id)] = given_.at(id);
      if (from == Source::Recorded) recorded_.push_back(id);
      if (from == Source::Computed) computed[index(id)] = true;
    };
    for (const ValueId each : wanted) need(each);
    for (std::size_t i = steps_.size(); i-- > 0;) {
      for (std::size_t r = 0; r < steps_[i].results.size(); ++r) {
        const ValueId each = steps_[i].results[r];
        if (each < 0 || !computed[index(each)]) continue;
        const Value& value = values_[index(each)];
        if (value.step == static_cast<std::int64_t>(i) && value.result == r) runs_[i] = true;
      }
      if (!runs_[i]) continue;
      for (const Operand& each : steps_[i].operands) {
        if (!each.is_constant()) need(each.value);
      }
    }
  }

  /// Recorded values, as many rows of them as are asked for.
  void fetch_recorded() {
    std::vector<ValueId> lost;
    for (const ValueId id : recorded_) {
      held_[index(id)] = kept_[index(id)];
      if (!held_[index(id)].defined()) lost.push_back(id);
    }
    if (!lost.empty()) {
      const Given nothing;
      const Tensors found = Replay(code_, kept_, kept_rows_, nothing, kept_rows_)(lost);
      for (std::size_t i = 0; i < lost.size(); ++i) held_[index(lost[i])] = found[i];
    }
    if (rows_ == kept_rows_) return;
    for (const ValueId id : recorded_) {
      const std::int64_t dim = batch_dim(values_[index(id)]);
      if (dim < 0) continue;
      Tensor& held = held_[index(id)];
      if (kept_rows_ == 1) {
        std::vector<std::int64_t> sizes = held.sizes().vec();
        sizes[static_cast<std::size_t>(dim)] = rows_;
        held = held.expand(sizes).clone(held.suggest_memory_format());
      } else {
        held = at::cat(Tensors(static_cast<std::size_t>(rows_ / kept_rows_), held), dim);
      }
    }
  }

  void run(const Step& step) {
    Tensors operands;
    operands.reserve(step.operands.size());
    for (const Operand& each : step.operands)
      operands.push_back(each.is_constant() ? each.constant : take(each.value));
    const at::AutoGradMode mode(at::GradMode::is_enabled() && step.recording);
    const Tensors results = apply(step, std::move(operands), rows_ - code_.rows);
    for (std::size_t i = 0; i < results.size() && i < step.results.size(); ++i) {
      const ValueId id = step.results[i];
      if (id >= 0 && waiting_[index(id)] > 0 && !given_.contains(id)) held_[index(id)] = results[i];
    }
  }

  /// The value, given away when nobody else needs it.
  Tensor take(ValueId id) {
    Tensor& held = held_[index(id)];
    return --waiting_[index(id)] == 0 ? std::exchange(held, Tensor()) : held;
  }

  const std::vector<Step>& steps_;
  const std::vector<Value>& values_;
  const Tensors& kept_;
  const Code& code_;
  std::int64_t kept_rows_;
  const Given& given_;
  std::int64_t rows_;
  Tensors held_;
  std::vector<std::int64_t> waiting_;  ///< who still needs a value
  std::vector<bool> affected_, runs_;
  std::vector<ValueId> recorded_;
};

}  // namespace lumen::trace::detail
