// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
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
    if (layer_.by == Layer::By::Kind ? kind != layer_.name : !consumes(arguments)) {
      if (layer_.by == Layer::By::Kind) pass(kind);
      return false;
    }
    return seen_++ == layer_.nth;
  }
  bool operator()(std::string_view tap, bool input) {
    if (layer_.by != Layer::By::Tap || input != layer_.input) return false;
    if (tap != layer_.name) {
      pass(std::string(tap));
      return false;
    }
    return seen_++ == layer_.nth;
  }

  [[nodiscard]] const Layer& layer() const { return layer_; }
  [[nodiscard]] std::int64_t seen() const { return seen_; }  ///< how many fitted but for their number
  void restart() { seen_ = 0; }

  /// What came in the layer's place: the names that begin most like it first, else in the order of the pass.
  [[nodiscard]] std::string others() const {
    if (seen_ > 0 || layer_.by == Layer::By::Parameter) return {};
    if (passed_.empty()) return layer_.by == Layer::By::Tap ? ", and no other" : "";
    constexpr std::size_t most = 12;
    const auto alike = [&](const std::string& other) {
      return std::mismatch(other.begin(), other.end(), layer_.name.begin(), layer_.name.end()).first -
             other.begin();
    };
    std::vector<std::string> names = passed_;
    std::stable_sort(names.begin(), names.end(),
                     [&](const std::string& a, const std::string& b) { return alike(a) > alike(b); });
    std::string list;
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) list += (i == 0 ? "" : ", ") + names[i];
    return text(", but ", list,
                names.size() > most ? text(" and ", names.size() - most, " others") : std::string());
  }

  /// @throws Error if the layer never came, with the names that did
  void check() const {
    require(
        layer_.by != Layer::By::Kind || !layer_.name.empty(),
        "no layer was named; give layer::of(net->conv2), layer::nth(\"relu\", -1) or layer::tap(\"name\")");
    require(seen_ > layer_.nth, [&] {
      return text("the pass never came to ", layer_.what(), ": it ran ", seen_,
                  layer_.by == Layer::By::Tap ? " such taps" : " such operators", others(),
                  "; trace::observe lists what a model runs");
    });
  }

 private:
  void pass(const std::string& other) {
    if (known_.insert(other).second) passed_.push_back(other);
  }

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
  std::vector<std::string> passed_;  ///< other names, once each
  std::unordered_set<std::string> known_;
};

/// Which of a layer operator's tensors is its input.
inline std::size_t data_position(const std::string& kind) {
  return kind == "addmm" || kind == "baddbmm" ? 1 : 0;
}

}  // namespace lumen::trace
