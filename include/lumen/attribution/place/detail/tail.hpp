// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <lumen/attribution/detail/layer_values.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/core/attribution.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/rows.hpp>
#include <lumen/perturb/recorded.hpp>
#include <lumen/trace/program.hpp>

/// What it takes to run a method at another place than the model's input.
namespace lumen::detail {

/// A target asked of whole batches only, so that a method keeps every row at its place in the batch.
struct Together {
  AnyTarget target;
  Tensor operator()(const Tensor& output) const { return target(output); }
  [[nodiscard]] Together freeze(const Tensor& output) const { return {target.freeze(output)}; }
  [[nodiscard]] Box reads(const std::vector<std::int64_t>& sizes) const { return target.reads(sizes); }
};

/// About how many rows a method asks for each sample of `values`, as far as its options tell.
template <class A>
std::int64_t rows_asked(const A& method, const Tensors& values) {
  constexpr std::int64_t most = std::int64_t{1} << 40;
  std::int64_t rows = 1;
  // options that are out of range are refused later, by the method
  const auto times = [&](std::int64_t factor) {
    rows = factor > most / rows ? most : rows * std::max<std::int64_t>(factor, 1);
  };
  if constexpr (requires { method.groups.about(values); }) rows += method.groups.about(values);
  if constexpr (requires { std::int64_t{method.steps}; }) times(method.steps);
  if constexpr (requires { std::int64_t{method.samples}; }) times(method.samples);
  if constexpr (requires { method.method; }) times(rows_asked(method.method, values));
  return rows;
}

/// A model cut at layers, for one batch: the output as a function of the layers' values, all else being what the
/// batch's own inputs make it. It is asked of copies of the batch, one after the other.
class Tail {
 public:
  /// @param rows  about how many it will be asked for: where they are many, what comes before the layers runs once
  Tail(engine::Function model, std::vector<trace::Layer> layers, Tensors x, std::int64_t rows = 1)
      : model_(std::move(model)), layers_(std::move(layers)), x_(std::move(x)), rows_(rows) {}

  Tensor operator()(const Tensor& value) const { return (*this)(Tensors{value}); }
  Tensor operator()(const Tensors& values) const {
    const Tensor index = samples(values);
    if (const trace::Program* const behind = behind_layers()) {
      trace::Program::Values given;
      for (std::size_t i = 0; i < values.size(); ++i) given.insert_or_assign(behind->layers()[i], values[i]);
      return behind->run(given);
    }
    Tensors parts = values;
    const Tensors x = engine::select_rows(x_, index);
    parts.insert(parts.end(), x.begin(), x.end());
    return trace::tail(model_, layers_, parts);
  }

  [[nodiscard]] const Tensors& x() const { return x_; }
  [[nodiscard]] std::size_t layers() const { return layers_.size(); }

  /// Which sample of the batch each row of `values` is of.
  /// @throws Error unless they are copies of the whole batch
  [[nodiscard]] Tensor samples(const Tensors& values) const {
    const std::int64_t n = x_.front().size(0), rows = values.front().size(0);
    require(rows % n == 0, [&] {
      return text("a method asked for ", rows, " rows at a layer, expected whole copies of the batch of ", n,
                  ": it must not split a batch for a target that has no rows(index)");
    });
    return engine::samples_of(0, rows, n);
  }

  /// How incremental passes know it, perturbed at these values.
  [[nodiscard]] perturb::Recorder recorder(const Tensors& values) const {
    return [this, &values] {
      perturb::Recorded result;
      result.program = std::make_shared<const trace::Program>(
          trace::Program::record(model_, x_, {.run = {.memory = 1}, .layers = layers_}));
      result.from = result.program->layers();
      const bool missing = std::find(result.from.begin(), result.from.end(), -1) != result.from.end();
      if (!missing) result.output = result.program->output();
      result.given = [this, &values, program = result.program](std::int64_t sample) {
        trace::Program::Values given;
        const std::int64_t n = x_.front().size(0);
        for (std::size_t i = 0; i < x_.size(); ++i)
          given.insert_or_assign(program->inputs()[i], x_[i].narrow(0, sample % n, 1));
        for (std::size_t i = 0; i < values.size(); ++i)
          given.insert_or_assign(program->layers()[i], values[i].narrow(0, sample, 1));
        return given;
      };
      return result;
    };
  }

  /// The layers' values for other inputs.
  [[nodiscard]] Tensors values(const Tensors& x, const Run& run) const {
    return layer_values(model_, layers_, x, run);
  }

 private:
  /// The steps behind the layers; null where whole passes are better: for few rows, for rules, which hear the whole
  /// model, and for a model that is no program.
  [[nodiscard]] const trace::Program* behind_layers() const {
    constexpr std::int64_t worth_recording = 24;  // rows; recording takes three and those of the batch
    // the first pass is the model's own, which may look at more than the output
    if (calls_++ == 0 || rows_ < worth_recording || trace::is_heard()) return nullptr;
    if (!std::exchange(looked_, true)) {
      const at::NoGradGuard no_grad;
      const auto all =
          trace::Program::record(model_, x_, {.run = {.memory = 1}, .verify = false, .layers = layers_});
      const auto missing = std::find(all.layers().begin(), all.layers().end(), -1);
      if (!all.exact() || !all.any_batch() || missing != all.layers().end()) return nullptr;
      trace::Program::Values same;
      for (const trace::ValueId each : all.layers()) same.insert_or_assign(each, all.value(each));
      if (at::allclose(all.run(same), all.value(all.output()), 1e-3, 1e-4))
        behind_ = all.on(x_, all.layers());
    }
    return behind_ ? &*behind_ : nullptr;
  }

  engine::Function model_;
  std::vector<trace::Layer> layers_;
  Tensors x_;
  std::int64_t rows_;
  mutable std::int64_t calls_ = 0;
  mutable bool looked_ = false;
  mutable std::optional<trace::Program> behind_;
};

/// The head of a model, x -> a layer's value, for inputs of any kind.
class Head {
 public:
  Head(engine::Function model, trace::Layer layer) : model_(std::move(model)), layers_{std::move(layer)} {}

  template <std::same_as<Tensor>... Parts>
    requires(sizeof...(Parts) > 0)
  Tensor operator()(const Parts&... parts) const {
    return (*this)(Tensors{parts...});
  }
  Tensor operator()(const Tensors& parts) const { return trace::head(model_, layers_, parts).front(); }

  /// How incremental passes know it.
  [[nodiscard]] perturb::Recorder recorder(const Tensors& parts) const {
    return [this, &parts] {
      perturb::Recorded result;
      result.program = std::make_shared<const trace::Program>(
          trace::Program::record(model_, parts, {.run = {.memory = 1}, .layers = layers_}));
      result.output = result.program->layers().empty() ? -1 : result.program->layers().front();
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (engine::explained(parts[i])) result.from.push_back(result.program->inputs()[i]);
      }
      result.given = [inputs = result.program->inputs(), &parts](std::int64_t sample) {
        trace::Program::Values given;
        for (std::size_t i = 0; i < parts.size(); ++i)
          given.insert_or_assign(inputs[i], parts[i].narrow(0, sample, 1));
        return given;
      };
      return result;
    };
  }

 private:
  engine::Function model_;
  std::vector<trace::Layer> layers_;
};

/// `method` with its baseline b replaced by `other(b)`; itself if it has none. Of a method that combines another,
/// that one's.
template <class A, class F>
auto replace_baseline(const A& method, const F& other) {
  if constexpr (requires { method.with_baseline(other(method.baseline)); }) {
    return method.with_baseline(other(method.baseline));
  } else if constexpr (requires { method.with_method(replace_baseline(method.method, other)); }) {
    return method.with_method(replace_baseline(method.method, other));
  } else {
    static_assert(
        !requires { method.baseline; },
        "a method with a baseline needs with_baseline(other) to run at a layer");
    return method;
  }
}

/// Calls `visit(baseline)` with the baseline that `replace_baseline` would replace, if there is one.
template <class A, class F>
void visit_baseline(const A& method, const F& visit) {
  if constexpr (requires { method.baseline; }) {
    visit(method.baseline);
  } else if constexpr (requires { method.method; }) {
    visit_baseline(method.method, visit);
  }
}

/// `attributions` of consecutive parts of a batch as one.
template <Input X>
Attribution<X> joined(const std::vector<Attribution<X>>& attributions) {
  if (attributions.size() == 1) return attributions.front();
  const auto together = [&](const auto& field) {
    std::vector<Tensors> pieces;
    for (const Attribution<X>& each : attributions) {
      const Tensors parts = parts_of(std::invoke(field, each));
      pieces.resize(parts.size());
      for (std::size_t i = 0; i < parts.size(); ++i) pieces[i].push_back(parts[i]);
    }
    Tensors all;
    for (const Tensors& each : pieces) all.push_back(each.front().defined() ? at::cat(each) : Tensor());
    return all;
  };
  Attribution<X> result = attributions.front();
  result.map = input_of<X>(together(&Attribution<X>::map));
  result.score = together(&Attribution<X>::score).front();
  result.completeness_error = together(&Attribution<X>::completeness_error).front();
  for (const Attribution<X>& each : attributions) {
    if (&each != &attributions.front()) result.execution.full_passes += each.execution.full_passes;
  }
  if (!parts_of(result.standard_error).empty()) {
    result.standard_error = input_of<X>(together(&Attribution<X>::standard_error));
  }
  return result;
}

}  // namespace lumen::detail
