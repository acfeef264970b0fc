// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <lumen/core/attribution.hpp>
#include <lumen/core/run.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/trace/layer.hpp>

#include "baseline.hpp"
#include "value.hpp"

namespace cli {

using Model = lm::AnyModel;
using Map = lm::Attribution<Tensor>;

/// A method with all its options set.
using Explainer = std::function<std::vector<Map>(const Model& model, const Tensor& x,
                                                 const lm::Targets& targets, const lm::Run& run)>;

/// name=value, as --set gives them.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// What the command line says about how to explain.
struct Choices {
  Settings settings{};
  std::optional<AnyBaseline> baseline{};
  std::optional<lm::trace::Layer> layer{};
  std::optional<lm::AnyTarget> neuron{};  ///< of the layer's value: explained in place of the model's output
  std::uint64_t seed = 0;
};

struct OptionInfo {
  std::string name{}, type{}, value{}, what{};  ///< value: the default
};

/// What a method does with --layer.
enum class LayerUse {
  optional,  ///< runs there in place of the input
  required,
  none,
};

/// A method as the command line knows it.
struct Entry {
  std::string name{};  ///< integrated-gradients
  std::string what{};  ///< in a few words, with its source
  std::vector<OptionInfo> options{};
  LayerUse layer = LayerUse::optional;
  bool both = false;       ///< asks about a neuron and the model's output together
  std::string baseline{};  ///< the default; empty if it takes none
  Settings quick{};        ///< settings with which it takes little time: to see whether it covers a model
  /// @throws Error for settings that it has not, and for a missing or needless layer or baseline
  std::function<Explainer(const Choices&)> prepare{};
};

/// All methods, in the order in which they are listed.
[[nodiscard]] const std::vector<Entry>& methods();

/// By name; case and hyphens do not matter. @throws Error that lists the names
[[nodiscard]] const Entry& method_named(const std::string& name);

/// "integrated-gradients (steps, tolerance, ...)": for messages.
[[nodiscard]] std::string names_of(const std::vector<OptionInfo>& options);

// The methods by family; each in a source of its own, since they take long to compile.
void add_gradients(std::vector<Entry>& all);
void add_paths(std::vector<Entry>& all);
void add_expectations(std::vector<Entry>& all);
void add_rules(std::vector<Entry>& all);
void add_relevance(std::vector<Entry>& all);
void add_cams(std::vector<Entry>& all);
void add_masked_cams(std::vector<Entry>& all);
void add_layers(std::vector<Entry>& all);
void add_ablations(std::vector<Entry>& all);
void add_smooth(std::vector<Entry>& all);

}  // namespace cli
