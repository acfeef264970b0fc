// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/conductance.hpp>
#include <lumen/attribution/path/internal_influence.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>
#include <lumen/attribution/place/layer_activation.hpp>

#include "binding.hpp"

namespace cli {

namespace {

/// A layer's value as a map.
struct Activation {
  lm::trace::Layer layer{};
  lm::Run run{};

  [[nodiscard]] std::vector<Map> operator()(const Model& model, const Tensor& x,
                                            const lm::Targets& targets) const {
    const at::NoGradGuard no_grad;
    const Tensor value = lm::LayerActivation{.layers = {layer}, .run = run}(model, x).front();
    const Tensor output = model(x);
    std::vector<Map> maps;
    for (const lm::AnyTarget& target : targets) {
      maps.push_back({.map = value, .score = target(output), .forward_passes = 2});
    }
    return maps;
  }
};

constexpr const char* steps = "points on the path";
constexpr const char* rule = "where on the path";

}  // namespace

void add_layers(std::vector<Entry>& all) {
  all.push_back(entry(Table("layer-activation", Activation{}), "what the layer gives"));
  using Conductance = lm::Conductance<AnyBaseline, AnyRule>;
  all.push_back(entry(
      Table("conductance", Conductance{.baseline = to_baseline("zero"), .rule = {AnyRule::Kind::trapezoid}})
          .option("steps", steps, &Conductance::steps)
          .option("rule", rule, &Conductance::rule)
          .option("captum-left-sum", "Captum's sum", &Conductance::captum_left_sum),
      "what flows through a layer along the path (Dhamdhere 2019)", {{"steps", "2"}}));
  using Influence = lm::InternalInfluence<AnyBaseline, AnyRule>;
  all.push_back(entry(Table("internal-influence", Influence{.baseline = to_baseline("zero"), .rule = {}})
                          .option("steps", steps, &Influence::steps)
                          .option("rule", rule, &Influence::rule),
                      "mean gradient at a layer along the path (Leino 2018)", {{"steps", "2"}}));
  using Neuron = lm::NeuronConductance<AnyBaseline, AnyRule>;
  all.push_back(entry(
      Table("neuron-conductance", Neuron{.baseline = to_baseline("zero"), .rule = {}})
          .option("steps", steps, &Neuron::steps)
          .option("rule", rule, &Neuron::rule)
          .option("multiply-by-inputs", "false leaves the factor (x - x') out", &Neuron::multiply_by_inputs),
      "what flows from the input through a neuron to the output (Dhamdhere 2019)", {{"steps", "2"}}));
}

}  // namespace cli
