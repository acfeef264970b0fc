// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/csrc/autograd/variable.h>

#include <lumen/engine/gradient.hpp>
#include <lumen/trace/detail/hearing_earlier.hpp>
#include <lumen/trace/layer_match.hpp>
#include <lumen/trace/ungraphed.hpp>

namespace lumen::trace {

/// Shows the values of layers during a pass: `visit(which, value)` may return another value, of the same shape,
/// which then takes its place in the model; an undefined tensor leaves it.
class LayerListener final : public Listener {
 public:
  using Visit = std::function<Tensor(std::size_t which, const Tensor& value)>;

  /// Whether those who began to listen before hear how a value is written over that an in-place operator gave: as a
  /// part of the model, which a replay repeats.
  enum class Writes { Unheard, Heard };

  LayerListener(const std::vector<Layer>& layers, Visit visit, Writes writes = Writes::Unheard)
      : visit_(std::move(visit)), writes_(writes) {
    for (const Layer& layer : layers) matches_.emplace_back(layer);
  }

  enum class Prefix { Graphed, Ungraphed, AllUngraphed };

  /// How to run what comes before the first of the layers, or all. Grad mode is to be on around the model.
  /// @return `x` as the model is to be given it
  [[nodiscard]] Tensors begin(Prefix prefix, const Tensors& x) {
    prefix_ = prefix;
    return prefix == Prefix::Graphed ? x : ungraphed_.marked(x);
  }

  void on_call(Call& call) override {
    const std::string kind = kind_of(call.op, call.arguments);
    std::vector<std::size_t> outputs;
    for (std::size_t i = 0; i < matches_.size(); ++i) {
      if (!matches_[i](kind, call.arguments)) continue;
      if (!matches_[i].layer().input) {
        outputs.push_back(i);
        continue;
      }
      const std::size_t data = data_position(kind);
      replace_tensors(call.arguments, [&](const Tensor& value, std::size_t position) {
        if (position != data) return value;
        return placed(value, kept(i, value), position == 0 && in_place(call.op));
      });
    }
    if (prefix_ == Prefix::Graphed) {
      call.proceed();
    } else {
      ungraphed_.run(call);
    }
    for (const std::size_t i : outputs) {
      replace_tensors(call.results, [&](const Tensor& value, std::size_t position) {
        return position > 0 ? value : placed(value, kept(i, value), in_place(call.op));
      });
    }
  }

  Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
    Tensor current = value;
    for (std::size_t i = 0; i < matches_.size(); ++i) {
      if (matches_[i](name, input)) current = kept(i, current);
    }
    return current;
  }

  /// @throws Error if a layer never came
  void check() const {
    for (const LayerMatch& match : matches_) match.check();
  }

 private:
  Tensor kept(std::size_t which, const Tensor& value) {
    if (prefix_ == Prefix::Ungraphed) {
      prefix_ = Prefix::Graphed;
      ungraphed_.end();
    }
    const Tensor other = visit_(which, value);
    return other.defined() ? other : value;
  }

  /// `other` in the place of `value`. The model may hold the very tensor that an in-place operator works on, so
  /// there that tensor gets the values and the history. It is no write of the model: its version stays, since the
  /// operator that made it may have saved it.
  Tensor placed(const Tensor& value, const Tensor& other, bool same_tensor) const {
    if (!same_tensor || other.is_same(value)) return other;
    const bool graphed = other.requires_grad();
    {
      const at::AutoGradMode mode(at::GradMode::is_enabled() && !graphed);
      std::optional<detail::HearingEarlier> hearing;
      if (writes_ == Writes::Heard && !graphed) hearing.emplace(*this);
      value.variable_data().copy_(other);
    }
    if (graphed && at::GradMode::is_enabled()) {
      torch::autograd::impl::rebase_history(value, torch::autograd::impl::gradient_edge(other.clone()));
    }
    return value;
  }

  Visit visit_;
  Writes writes_;
  Prefix prefix_ = Prefix::Graphed;
  Ungraphed ungraphed_;
  std::vector<LayerMatch> matches_;
};

/// The layers with numbers that count from the end turned into numbers from the start, by one pass over the first
/// row of `x` if there is such a number. @throws Error if there are not so many
inline std::vector<Layer> resolved(std::vector<Layer> layers, const lumen::engine::Function& model,
                                   const Tensors& x) {
  struct Census final : Listener {
    std::vector<LayerMatch> matches;
    Ungraphed ungraphed;
    void on_call(Call& call) override {
      const std::string kind = kind_of(call.op, call.arguments);
      for (LayerMatch& match : matches) match(kind, call.arguments);
      ungraphed.run(call);
    }
    Tensor on_tap(std::string_view name, const Tensor& value, bool input) override {
      for (LayerMatch& match : matches) match(name, input);
      return value;
    }
  } census;
  require(!layers.empty(), "the list of layers is empty; name at least one");
  bool from_end = false;
  for (const Layer& layer : layers) {
    census.matches.emplace_back(layer);
    from_end = from_end || layer.nth < 0;
  }
  if (!from_end) return layers;
  {
    const c10::InferenceMode no_inference(false);
    const at::AutoGradMode enable(true);
    Tensors row;
    for (const Tensor& part : x) row.push_back(part.narrow(0, 0, 1).clone());
    const Tensors marked = census.ungraphed.marked(row);
    const Listening listening(census);
    (void)model(marked);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].nth >= 0) continue;
    const std::int64_t seen = census.matches[i].seen();
    require(seen + layers[i].nth >= 0, [&] {
      return text(layers[i].what(), " is not there: the model ran ", seen, " that fit",
                  census.matches[i].others());
    });
    layers[i].nth += seen;
  }
  return layers;
}

}  // namespace lumen::trace
