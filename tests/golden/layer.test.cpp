// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of the methods at a layer, run by lumen.
#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/feature_permutation.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/conductance.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/path/internal_influence.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/layer_activation.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/rule/deep_lift/captum.hpp>

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "support/golden_layers.hpp"

namespace golden = lumen::testing::golden;
using golden::Options;
using golden::Value;
using lumen::Tensor;
using lumen::Tensors;

namespace {

bool tuple_of(const golden::Case& one, const std::vector<std::vector<lumen::trace::Layer>>& layers) {
  return one.layer.is_array() || layers.front().size() > 1;
}

/// `map_at(layers)` for the layers of each name, nested as Captum nests them.
template <class F>
Value each_name(const golden::Case& one, const std::vector<std::vector<lumen::trace::Layer>>& names,
                const F& maps_at) {
  golden::List list;
  for (const auto& layers : names) list.push_back(golden::output_of(maps_at(layers), layers.size() > 1));
  return one.layer.is_array() ? Value{list} : list.front();
}

/// The options that only tell how Captum runs.
void drop_run(Options& options) {
  for (const char* key : {"device_ids", "grad_kwargs", "internal_batch_size", "custom_attribution_func"}) {
    (void)options.take(key, nullptr);
  }
}

/// The layers that a case asks, at their inputs or outputs.
auto names_of(const golden::Case& one, const golden::Model& model, Options& options) {
  return golden::layers_of(one, model, options.take("attribute_to_layer_input", false).get<bool>());
}

Value activation(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  const auto asked = golden::ask_at_layer(one, model);
  const auto names = names_of(one, model, options);
  options.done();
  ctor.done();
  return each_name(one, names, [&](const auto& layers) {
    return lumen::LayerActivation{.layers = layers}(asked, asked.inputs);
  });
}

Value gradient_x_activation(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  drop_run(options);
  const auto asked = golden::ask_at_layer(one, model);
  const bool multiply = ctor.take("multiply_by_inputs", true).get<bool>();
  const auto names = names_of(one, model, options);
  options.done();
  ctor.done();
  const auto maps = [&](const auto& method) {
    return each_name(one, names, [&](const auto& layers) {
      return lumen::AtLayers{.method = method, .layers = layers}(asked, asked.inputs, asked.target).map;
    });
  };
  return multiply ? maps(lumen::InputXGradient{}) : maps(lumen::Saliency{.absolute = false});
}

Value integrated_gradients(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  drop_run(options);
  const auto asked = golden::ask_at_layer(one, model);
  const bool wants_delta = options.take("return_convergence_delta", false).get<bool>();
  const auto names = names_of(one, model, options);
  const auto method = lumen::IntegratedGradients<golden::PartBaselines, golden::AnyRule>{
      .baseline = asked.baselines,
      .steps = options.take("n_steps", 50).get<std::int64_t>(),
      .rule = golden::rule_of(options.take("method", "gausslegendre").get<std::string>()),
      .multiply_by_inputs = ctor.take("multiply_by_inputs", true).get<bool>()};
  options.done();
  ctor.done();
  if (names.size() > 1) throw golden::Unmapped("several names");
  const auto why =
      lumen::AtLayers{.method = method, .layers = names.front()}(asked, asked.inputs, asked.target);
  const Value maps = golden::output_of(why.map, tuple_of(one, names));
  return wants_delta ? Value{golden::List{maps, {why.completeness_error}}} : maps;
}

/// Of methods that look at one layer.
template <class Method>
Value at_one_layer(const golden::Case& one, const golden::Asked& asked, Method method,
                   const std::vector<lumen::trace::Layer>& layers, bool wants_delta) {
  Tensors maps;
  Tensor delta;
  for (const lumen::trace::Layer& layer : layers) {
    method.layer = layer;
    const auto why = method(asked, asked.inputs, asked.target);
    maps.push_back(why.map);
    delta = why.completeness_error;
  }
  const Value output = golden::output_of(maps, tuple_of(one, {layers}));
  return wants_delta ? Value{golden::List{output, {delta}}} : output;
}

Value conductance(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  drop_run(options);
  const auto asked = golden::ask_at_layer(one, model);
  const bool wants_delta = options.take("return_convergence_delta", false).get<bool>();
  const auto names = names_of(one, model, options);
  const auto method = lumen::Conductance<golden::PartBaselines, golden::AnyRule, lumen::CaptumLeftSum>{
      .baseline = asked.baselines,
      .steps = options.take("n_steps", 50).get<std::int64_t>(),
      .rule = golden::rule_of(options.take("method", "gausslegendre").get<std::string>())};
  options.done();
  ctor.done();
  return at_one_layer(one, asked, method, names.front(), wants_delta);
}

Value internal_influence(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  drop_run(options);
  const auto asked = golden::ask_at_layer(one, model);
  const auto names = names_of(one, model, options);
  const auto method = lumen::InternalInfluence<golden::PartBaselines, golden::AnyRule>{
      .baseline = asked.baselines,
      .steps = options.take("n_steps", 50).get<std::int64_t>(),
      .rule = golden::rule_of(options.take("method", "gausslegendre").get<std::string>())};
  options.done();
  ctor.done();
  return at_one_layer(one, asked, method, names.front(), false);
}

Tensors masks_of(const Value& mask) {
  Tensors masks;
  if (mask.is_tensor()) masks.push_back(mask.tensor());
  if (mask.is_list())
    for (const Value& each : mask.list()) masks.push_back(each.tensor());
  return masks;
}

Value feature_ablation(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  (void)options.take("perturbations_per_eval", nullptr);
  const auto asked = golden::ask_at_layer(one, model);
  const auto names = names_of(one, model, options);
  const auto baseline = golden::cast(golden::value(options.take("layer_baselines", nullptr)), one.type());
  const auto mask = golden::value(options.take("layer_mask", nullptr));
  options.done();
  ctor.done();
  lumen::FeatureAblation<golden::PartBaselines> method{};
  for (std::size_t i = 0; i < names.front().size(); ++i) {
    const Value& own = baseline.is_list() ? baseline.list().at(i) : baseline;
    method.baseline.parts.push_back(golden::baseline_of(own));
  }
  method.groups = masks_of(mask);
  const auto why =
      lumen::AtLayers{.method = method, .layers = names.front(), .baseline_of = lumen::BaselineOf::Layer}(
          asked, asked.inputs, asked.target);
  return golden::output_of(why.map, tuple_of(one, names));
}

Value feature_permutation(const golden::Case& one, const golden::Model& model) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  (void)options.take("perturbations_per_eval", nullptr);
  const auto asked = golden::ask_at_layer(one, model);
  const auto names = names_of(one, model, options);
  const lumen::FeaturePermutation method{.groups =
                                             masks_of(golden::value(options.take("layer_mask", nullptr)))};
  if (!ctor.take("perm_func", nullptr).is_null()) throw golden::Unmapped("a permutation of one's own");
  options.done();
  ctor.done();
  const auto why =
      lumen::AtLayers{.method = method, .layers = names.front()}(asked, asked.inputs, asked.target);
  return golden::output_of(why.map, tuple_of(one, names));
}

template <class Method>
Value deep_lift_at(const golden::Case& one, const golden::Model& model, const golden::Asked& asked,
                   Method method) {
  Options options(one.params), ctor(one.ctor);
  drop_run(ctor);
  drop_run(options);
  const bool wants_delta = options.take("return_convergence_delta", false).get<bool>();
  const auto names = names_of(one, model, options);
  method.multiply_by_inputs = ctor.take("multiply_by_inputs", true).get<bool>();
  options.done();
  ctor.done();
  const auto why =
      lumen::AtLayers{.method = method, .layers = names.front()}(asked, asked.inputs, asked.target);
  const Value maps = golden::output_of(why.map, tuple_of(one, names));
  return wants_delta ? Value{golden::List{maps, {why.completeness_error}}} : maps;
}

Value deep_lift(const golden::Case& one, const golden::Model& model) {
  const auto asked = golden::ask_at_layer(one, model);
  if (one.id == "cnn_layerdeeplift_02") {  // the quirk, under its name
    return deep_lift_at(one, model, asked,
                        lumen::DeepLift<golden::PartBaselines, lumen::rule::CaptumRescaleAtInput>{
                            .baseline = asked.baselines});
  }
  return deep_lift_at(one, model, asked, lumen::DeepLift<golden::PartBaselines>{.baseline = asked.baselines});
}

Value deep_lift_shap(const golden::Case& one, const golden::Model& model) {
  const auto asked = golden::ask_at_layer(one, model, false);
  const Value sets = golden::cast(one.baselines, one.type());
  if (!sets.is_list()) {
    return deep_lift_at(one, model, asked, lumen::DeepLiftShap{.baseline = {.values = sets.tensor()}});
  }
  const std::tuple two{lumen::baseline::Samples{sets.list().at(0).tensor()},
                       lumen::baseline::Samples{sets.list().at(1).tensor()}};
  return deep_lift_at(one, model, asked, lumen::DeepLiftShap<std::decay_t<decltype(two)>>{.baseline = two});
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of methods at a layer") {
  using Answer = Value (*)(const golden::Case&, const golden::Model&);
  const std::map<std::string, Answer> answers{{"LayerActivation", activation},
                                              {"LayerGradientXActivation", gradient_x_activation},
                                              {"LayerIntegratedGradients", integrated_gradients},
                                              {"LayerConductance", conductance},
                                              {"InternalInfluence", internal_influence},
                                              {"LayerFeatureAblation", feature_ablation},
                                              {"LayerDeepLift", deep_lift},
                                              {"LayerDeepLiftShap", deep_lift_shap}};
  std::set<std::string> family;
  for (const auto& [name, answer] : answers) family.insert(name);
  golden::check_family(
      family,
      [&](const golden::Case& one, const golden::File& file) {
        return answers.at(one.name())(one, file.model(one.model));
      },
      [](const golden::Case&) { return true; });
}

DOCTEST_TEST_CASE("Captum's cases of feature permutation at a layer") {
  golden::check_family(
      {"LayerFeaturePermutation"},
      [](const golden::Case& one, const golden::File& file) {
        return feature_permutation(one, file.model(one.model));
      },
      [](const golden::Case&) { return false; }, golden::Absent::Allowed);
}
