// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/trace/layer.hpp>
#include <lumen/trace/operation.hpp>

namespace lumen::trace {

/// Recognises one layer among the operators and taps of a pass, shown to it in order.
class LayerMatch {
 public:
  explicit LayerMatch(Layer layer) : layer_(std::move(layer)) {}

  /// Whether this operator is the layer. To be asked of every operator, once.
  bool operator()(const std::string& kind, const std::vector<c10::IValue>& arguments) {
    if (layer_.by == Layer::By::Tap) return false;
    if (layer_.by == Layer::By::Kind ? kind != layer_.name : !consumes(arguments)) return false;
    return seen_++ == layer_.nth;
  }
  bool operator()(std::string_view tap, bool input) {
    if (layer_.by != Layer::By::Tap || tap != layer_.name || input != layer_.input) return false;
    return seen_++ == layer_.nth;
  }

  [[nodiscard]] const Layer& layer() const { return layer_; }
  [[nodiscard]] std::int64_t seen() const { return seen_; }  ///< how many fitted but for their number
  void restart() { seen_ = 0; }

  /// @throws Error if the layer never came
  void check() const {
    require(seen_ > layer_.nth, [&] {
      return text("the pass never came to ", layer_.what(), ": it ran ", seen_, " such operators",
                  layer_.by == Layer::By::Tap ? " or taps" : "", "; trace::observe lists what a model runs");
    });
  }

 private:
  /// A transposition of the parameter does not consume it: what it multiplies comes first.
  [[nodiscard]] bool consumes(const std::vector<c10::IValue>& arguments) const {
    const Tensors tensors = tensors_in(arguments);
    for (std::size_t i = 1; i < tensors.size(); ++i) {
      if (tensors[i].is_alias_of(layer_.parameter)) return !tensors.front().is_alias_of(layer_.parameter);
    }
    return false;
  }

  Layer layer_;
  std::int64_t seen_ = 0;
};

/// Which of a layer operator's tensors is its input.
inline std::size_t data_position(const std::string& kind) {
  return kind == "addmm" || kind == "baddbmm" ? 1 : 0;
}

}  // namespace lumen::trace
