// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/path/conductance.hpp>
#include <lumen/attribution/path/internal_influence.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/catalogue/path_sum.hpp>
#include <lumen/catalogue/quadrature.hpp>

namespace lumen::catalogue {

namespace detail {

/// A layer's value as a map.
struct Activation {
  trace::Layer layer{};
  Run run{};

  [[nodiscard]] std::vector<Map> operator()(const engine::Function& model, const Tensors& x,
                                            const Targets& targets) const {
    return engine::answer(targets, [&](const Targets& asked) {
      const Tensors value = LayerActivation{.layers = {layer}, .run = run}(model, x);
      const engine::Start start = engine::start(model, x, asked, run);
      std::vector<Map> maps;
      for (const Tensor& score : start.scores)
        maps.push_back({.map = value, .score = score, .forward_passes = 2});
      return maps;
    });
  }
};

}  // namespace detail

/// Methods that are about a layer.
inline void add_layers(std::vector<Entry>& all) {
  constexpr const char* steps = "points on the path";
  constexpr const char* rule = "where on the path";
  const Traits few_steps{.quick = {{"steps", "2"}}};
  all.push_back(entry(Table("layer-activation", detail::Activation{}), "what the layer gives",
                      "Zeiler and Fergus, ECCV 2014, arXiv:1311.2901", {.gradients = false}));
  using Flow = Conductance<AnyBaseline, AnyRule, AnyPathSum>;
  all.push_back(
      entry(Table("conductance", Flow{.baseline = to_baseline("zero"), .rule = {AnyRule::Kind::Trapezoid}})
                .option("steps", steps, &Flow::steps, positive_count)
                .option("rule", rule, &Flow::rule)
                .option("sum", "of the path's intervals", &Flow::sum),
            "what flows through a layer along the path",
            "Dhamdhere, Sundararajan and Yan, ICLR 2019, arXiv:1805.12233", few_steps));
  using Influence = InternalInfluence<AnyBaseline, AnyRule>;
  all.push_back(entry(Table("internal-influence", Influence{.baseline = to_baseline("zero"), .rule = {}})
                          .option("steps", steps, &Influence::steps, positive_count)
                          .option("rule", rule, &Influence::rule),
                      "mean gradient at a layer along the path",
                      "Leino, Sen, Datta, Fredrikson and Li, ITC 2018, arXiv:1802.03788", few_steps));
  using Neuron = NeuronConductance<AnyBaseline, AnyRule>;
  all.push_back(entry(
      Table("neuron-conductance", Neuron{.baseline = to_baseline("zero"), .rule = {}})
          .option("steps", steps, &Neuron::steps, positive_count)
          .option("rule", rule, &Neuron::rule)
          .option("multiply-by-inputs", "false leaves the factor (x - x') out", &Neuron::multiply_by_inputs),
      "what flows from the input through a neuron to the output",
      "Dhamdhere, Sundararajan and Yan, ICLR 2019, arXiv:1805.12233", few_steps));
}

}  // namespace lumen::catalogue
