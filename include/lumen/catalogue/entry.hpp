// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/catalogue/baseline.hpp>
#include <lumen/catalogue/features.hpp>
#include <lumen/core/attribution.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/target/any.hpp>
#include <lumen/trace/layer.hpp>

namespace lumen::catalogue {

/// What a method answers here: one map for each part of the input, or one for a layer.
using Map = Attribution<Tensors>;

/// A method with all its options set, for models of any number of inputs.
using Explainer = std::function<std::vector<Map>(const engine::Function& model, const Tensors& x,
                                                 const Targets& targets, const Run& run)>;

/// name=value, in words.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// How to explain, beside the method.
struct Choices {
  Settings settings{};
  std::optional<AnyBaseline> baseline{};
  std::optional<trace::Layer> layer{};
  std::optional<AnyTarget> neuron{};  ///< of the layer's value: explained in place of the model's output
  MoreMasks more_masks{};
  std::uint64_t seed = 0;
};

/// An option of a method, as data.
struct OptionInfo {
  std::string name{};   ///< steps
  std::string type{};   ///< integer, number, true|false, or the words that it may be
  std::string value{};  ///< the default
  std::string what{};   ///< in a few words
  std::string range{};  ///< what values are allowed, such as ">= 1"; empty: all of the type
};

/// What a method does with a layer.
enum class LayerUse {
  Optional,  ///< runs there in place of the input
  Required,
  None,
};

/// What may be said of a method, beside its options.
struct Traits {
  Settings quick{};       ///< settings with which it takes little time: to see whether it covers a model
  bool gradients = true;  ///< the model must be differentiable
  bool complete =
      false;  ///< promises that the map sums to a difference of scores, and says by how much it fails
  LayerUse layer =
      LayerUse::Optional;  ///< for one without a member of this name: whether it may run at a layer
};

/// A method, as programs and tests know it.
struct Entry {
  std::string name{};   ///< integrated-gradients: the type's name in lower case, with hyphens
  std::string what{};   ///< in a few words
  std::string paper{};  ///< who, where, when, arXiv
  std::vector<OptionInfo> options{};
  Traits traits{};
  bool both = false;       ///< asks about a neuron and the model's output together
  bool drawn = false;      ///< depends on a seed
  std::string baseline{};  ///< the default; empty if it takes none
  /// @throws Error for settings that it has not, and for a missing or needless layer or baseline
  std::function<Explainer(const Choices&)> prepare{};
};

/// "steps, tolerance": for messages.
[[nodiscard]] inline std::string names_of(const std::vector<OptionInfo>& options) {
  std::string all;
  for (const OptionInfo& option : options) all += (all.empty() ? "" : ", ") + option.name;
  return all.empty() ? "none" : all;
}

}  // namespace lumen::catalogue
