// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/detail/layer.hpp>
#include <lumen/engine/input.hpp>

/// Scores of many versions of a layer's value: what ablating and masking a layer needs.
namespace lumen::detail {

/// Puts `rows` in the place of a layer's value of one sample, so that the rest of the model runs on as many rows as
/// these are; what it takes from before the layer is broadcast.
class Rows final : public trace::Listener {
 public:
  Rows(trace::Layer layer, Tensor rows) : match_(std::move(layer)), rows_(std::move(rows)) {}

  void on_call(trace::Call& call) override {
    const std::string kind = trace::kind_of(call.op, call.arguments);
    const bool here = match_(kind, call.arguments), input = match_.layer().input;
    if (reached_) widen(call.arguments);
    if (here && input) {
      const std::size_t data = kind == "addmm" || kind == "baddbmm" ? 1 : 0;
      trace::replace_tensors(call.arguments, [&](const Tensor& value, std::size_t position) {
        return position == data ? replaced() : value;
      });
    }
    call.proceed();
    if (!here || input) return;
    trace::replace_tensors(call.results, [&](const Tensor& value, std::size_t position) {
      if (position > 0) return value;
      if (!trace::in_place(call.op)) return replaced();
      value.set_data(replaced());  // the model may hold the tensor that was written to
      return value;
    });
  }

  Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
    return match_(name, input) ? replaced() : value;
  }

  [[nodiscard]] bool reached() const { return reached_; }
  /// Bytes that the rest of the model took at most.
  [[nodiscard]] std::int64_t peak() const { return meter_ ? meter_->peak() : 0; }

 private:
  Tensor replaced() {
    reached_ = true;
    meter_.emplace();
    return rows_.clone();
  }
  /// Lists of tensors (of cat) do not broadcast.
  void widen(std::vector<c10::IValue>& arguments) const {
    for (c10::IValue& argument : arguments) {
      if (!argument.isTensorList()) continue;
      c10::List<Tensor> list;
      for (const Tensor& each : argument.toTensorVector()) {
        std::vector<std::int64_t> shape = each.sizes().vec();
        if (!shape.empty() && shape.front() == 1) shape.front() = rows_.size(0);
        list.push_back(each.expand(shape));
      }
      argument = std::move(list);
    }
  }

  trace::LayerMatch match_;
  Tensor rows_;
  bool reached_ = false;
  std::optional<MemoryMeter> meter_;
};

/// Versions first ... first + count - 1 of a layer's value [1, C, ...] of one sample: [count, C, ...].
using Versions = std::function<Tensor(const Tensor& value, std::int64_t first, std::int64_t count)>;

/// The versions' scores for one sample, for each target [count], with the model run up to the layer once a chunk;
/// nothing if the model does not let itself be run like that. Every chunk holds the unchanged value too, whose score
/// must be the sample's.
inline std::vector<Tensor> suffix_scores(const engine::Function& model, const trace::Layer& layer,
                                         const Tensors& x, const LayerStart& start, std::int64_t sample,
                                         std::int64_t count, const Versions& versions, const Run& run) {
  const std::int64_t n = x.front().size(0);
  const Tensor value = start.value.narrow(0, sample, 1);
  std::vector<Tensors> pieces(start.targets.size());
  std::int64_t most = 1;
  for (std::int64_t first = 0; first < count;) {
    const std::int64_t more = std::min(most, count - first);
    const MemoryMeter whole;  // what the prefix frees while the rest is measured must be known
    Tensors row;
    for (const Tensor& part : x) row.push_back(part.narrow(0, sample, 1).clone());
    Rows rows(layer, at::cat({value, versions(value, first, more)}));
    try {
      const trace::Listening listening(rows);
      const Tensor output = model(row);
      if (!rows.reached() || !output.defined() || output.dim() < 1 || output.size(0) != more + 1) return {};
      const Targets targets = engine::target_rows(start.targets, at::full({more + 1}, sample, at::kLong), n);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensor scores = targets[t](output);
        if (!at::allclose(scores[0], start.scores[t][sample], 1e-3, 1e-4)) return {};
        pieces[t].push_back(scores.narrow(0, 1, more));
      }
    } catch (const std::exception&) {
      return {};  // whole passes meet it too, if it is not for the rows
    }
    const std::int64_t bytes = std::max<std::int64_t>(rows.peak() / (more + 1), 1);
    most = std::clamp<std::int64_t>(run.memory / bytes - 1, 1, count);
    first += more;
  }
  std::vector<Tensor> scores;
  for (const Tensors& piece : pieces) scores.push_back(at::cat(piece));
  return scores;
}

/// For each target, the scores [N, count] of `count` versions of the layer's value of every sample. Runs the rest of
/// the model only where that is possible, whole passes else.
/// @param share_prefix  false: whole passes
inline std::vector<Tensor> scores_of_versions(const engine::Function& model, const trace::Layer& layer,
                                              const Tensors& x, const LayerStart& start, std::int64_t count,
                                              const Versions& versions, const Run& run, std::string_view what,
                                              bool share_prefix = true) {
  require(run.memory > 0, [&] {
    return text("the memory budget is ", run.memory, " bytes; give run.memory a positive number of bytes");
  });
  const std::int64_t n = x.front().size(0), whole = engine::granule(start.targets, n);
  std::vector<Tensors> pieces(start.targets.size());
  if (share_prefix && whole == 1) {
    for (std::int64_t sample = 0; sample < n; ++sample) {
      const std::vector<Tensor> scores = suffix_scores(model, layer, x, start, sample, count, versions, run);
      if (scores.empty()) break;
      for (std::size_t t = 0; t < scores.size(); ++t) pieces[t].push_back(scores[t]);
      if (run.progress) run.progress(what, (sample + 1) * count, n * count);
    }
    if (static_cast<std::int64_t>(pieces.front().size()) == n) {
      std::vector<Tensor> scores;
      for (const Tensors& piece : pieces) scores.push_back(at::stack(piece));
      return scores;
    }
  }
  for (Tensors& piece : pieces) piece.clear();
  sweep(count * n, whole, run, what, [&](std::int64_t first, std::int64_t rows) {
    const Tensor samples = engine::samples_of(first, rows, n);
    Tensors values;
    for (std::int64_t row = first; row < first + rows; ++row) {
      values.push_back(versions(start.value.narrow(0, row % n, 1), row / n, 1));
    }
    Tensors parts{at::cat(values)};
    for (Tensor& part : engine::select_rows(x, samples)) parts.push_back(std::move(part));
    const Tensor output = trace::tail(model, {layer}, parts);
    const Targets targets = engine::target_rows(start.targets, samples, n);
    for (std::size_t t = 0; t < targets.size(); ++t) pieces[t].push_back(targets[t](output));
  });
  std::vector<Tensor> scores;
  for (const Tensors& piece : pieces) scores.push_back(at::cat(piece).reshape({count, n}).t().contiguous());
  return scores;
}

}  // namespace lumen::detail
