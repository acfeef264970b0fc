// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of the methods for a neuron, run by lumen.
#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/attribution/path/neuron_conductance.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/attribution/relevance/deconvnet.hpp>
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/attribution/relevance/guided_backprop.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/rule/deep_lift/captum.hpp>

#include <doctest/doctest.h>

#include <iostream>
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

/// What every case of a neuron has: the question, the layer and the neuron, and options that are left.
struct Neuron {
  Options options, ctor;
  golden::Asked asked;
  lumen::trace::Layer layer;
  lumen::AnyTarget which;

  Neuron(const golden::Case& one, const golden::Model& model, bool with_baselines = true)
      : options(one.params),
        ctor(one.ctor),
        asked(golden::ask_at_layer(one, model, with_baselines)),
        which(golden::neuron_of(options.take("neuron_selector", nullptr))) {
    const bool input = options.take("attribute_to_neuron_input", false).get<bool>();
    layer = golden::layers_of(one, model, input).front().front();
    for (const char* key : {"device_ids", "grad_kwargs", "internal_batch_size", "custom_attribution_func"}) {
      (void)options.take(key, nullptr);
      (void)ctor.take(key, nullptr);
    }
  }

  [[nodiscard]] Value maps(const golden::Case& one, Tensors all) const {
    options.done();
    ctor.done();
    all.resize(asked.explained);
    return golden::output_of(all, one.several_inputs());
  }

  template <class Method>
  [[nodiscard]] Value answer(const golden::Case& one, const Method& method) const {
    return maps(one, lumen::AtNeuron{.method = method, .layer = layer}(asked, asked.inputs, which).map);
  }
};

template <class Method>
Value plain(const golden::Case& one, const golden::Model& model) {
  return Neuron(one, model).answer(one, Method{});
}

Value gradient(const golden::Case& one, const golden::Model& model) {
  return Neuron(one, model).answer(one, lumen::Saliency{.absolute = false});
}

template <template <class, class> class Method>
auto along_path(Neuron& neuron) {
  return Method<golden::PartBaselines, golden::AnyRule>{
      .baseline = neuron.asked.baselines,
      .steps = neuron.options.take("n_steps", 50).get<std::int64_t>(),
      .rule = golden::rule_of(neuron.options.take("method", "gausslegendre").get<std::string>()),
      .multiply_by_inputs = neuron.ctor.take("multiply_by_inputs", true).get<bool>()};
}

Value integrated_gradients(const golden::Case& one, const golden::Model& model) {
  Neuron neuron(one, model);
  return neuron.answer(one, along_path<lumen::IntegratedGradients>(neuron));
}

Value conductance(const golden::Case& one, const golden::Model& model) {
  Neuron neuron(one, model);
  const lumen::NeuronConductance<golden::PartBaselines, golden::AnyRule> method{
      .layer = neuron.layer,
      .neuron = neuron.which,
      .baseline = neuron.asked.baselines,
      .steps = neuron.options.take("n_steps", 50).get<std::int64_t>(),
      .rule = golden::rule_of(neuron.options.take("method", "riemann_trapezoid").get<std::string>()),
      .multiply_by_inputs = neuron.ctor.take("multiply_by_inputs", true).get<bool>()};
  return neuron.maps(one, method(neuron.asked, neuron.asked.inputs, neuron.asked.target).map);
}

Value gradient_shap(const golden::Case& one, const golden::Model& model) {
  Neuron neuron(one, model, false);
  const Tensor references = golden::cast(one.baselines, one.type()).tensor();
  return neuron.answer(one,
                       lumen::GradientShap<lumen::baseline::Samples>{
                           .baseline = {.values = references, .seed = 1},
                           .samples = 100 * neuron.options.take("n_samples", 5).get<std::int64_t>(),
                           .stdev = neuron.options.take("stdevs", 0.0).get<double>(),
                           .scale = lumen::NoiseScale::InputUnits,
                           .multiply_by_inputs = neuron.ctor.take("multiply_by_inputs", true).get<bool>()});
}

template <class Method>
Value deep_lift_of(const golden::Case& one, Neuron& neuron, Method method) {
  method.multiply_by_inputs = neuron.ctor.take("multiply_by_inputs", true).get<bool>();
  return neuron.answer(one, method);
}

/// A max pool directly after a ReLU, which Captum's hooks get wrong.
bool is_quirk(const golden::Case& one) {
  return one.id == "cnn_neurondeeplift_01" || one.id == "cnn_neurondeepliftshap_01";
}

Value deep_lift(const golden::Case& one, const golden::Model& model) {
  Neuron neuron(one, model);
  if (is_quirk(one)) {
    return deep_lift_of(one, neuron,
                        lumen::DeepLift<golden::PartBaselines, lumen::rule::CaptumRescale>{
                            .baseline = neuron.asked.baselines});
  }
  return deep_lift_of(one, neuron,
                      lumen::DeepLift<golden::PartBaselines>{.baseline = neuron.asked.baselines});
}

Value deep_lift_shap(const golden::Case& one, const golden::Model& model) {
  Neuron neuron(one, model, false);
  const Value sets = golden::cast(one.baselines, one.type());
  if (is_quirk(one)) {
    return deep_lift_of(one, neuron,
                        lumen::DeepLiftShap<lumen::baseline::Samples, lumen::rule::CaptumRescale>{
                            .baseline = {.values = sets.tensor()}});
  }
  if (!sets.is_list())
    return deep_lift_of(one, neuron, lumen::DeepLiftShap{.baseline = {.values = sets.tensor()}});
  const std::tuple two{lumen::baseline::Samples{sets.list().at(0).tensor()},
                       lumen::baseline::Samples{sets.list().at(1).tensor()}};
  return deep_lift_of(one, neuron, lumen::DeepLiftShap<std::decay_t<decltype(two)>>{.baseline = two});
}

lumen::FeatureAblation<golden::PartBaselines> ablation(Options& options, const golden::Asked& asked) {
  lumen::FeatureAblation<golden::PartBaselines> method{.baseline = asked.baselines};
  Tensors masks;
  (void)options.take("perturbations_per_eval", nullptr);
  const Value mask = golden::value(options.take("feature_mask", nullptr));
  if (mask.is_none()) {
    // additional arguments are one more group, which changes nothing: their baseline is themselves
    if (asked.explained == asked.inputs.size()) return method;
    std::int64_t next = 0;
    for (std::size_t i = 0; i < asked.inputs.size(); ++i) {
      const std::int64_t count = i < asked.explained ? asked.inputs[i][0].numel() : 1;
      const Tensor ids = at::arange(next, next + count, at::kLong);
      masks.push_back(i < asked.explained ? ids.reshape(asked.inputs[i].sizes().slice(1)).unsqueeze(0)
                                          : ids.squeeze(0));
      next += count;
    }
    method.groups = masks;
    return method;
  }
  if (mask.is_tensor()) masks.push_back(mask.tensor());
  if (mask.is_list())
    for (const Value& each : mask.list()) masks.push_back(each.tensor());
  while (masks.size() < asked.inputs.size()) masks.push_back(at::tensor(-1, at::kLong).squeeze());
  method.groups = masks;
  return method;
}

Value neuron_ablation(const golden::Case& one, const golden::Model& model) {
  Neuron neuron(one, model);
  return neuron.answer(one, ablation(neuron.options, neuron.asked));
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of methods for a neuron") {
  using Answer = Value (*)(const golden::Case&, const golden::Model&);
  const std::map<std::string, Answer> answers{{"NeuronGradient", gradient},
                                              {"NeuronGuidedBackprop", plain<lumen::GuidedBackprop>},
                                              {"NeuronDeconvolution", plain<lumen::Deconvnet>},
                                              {"NeuronIntegratedGradients", integrated_gradients},
                                              {"NeuronConductance", conductance},
                                              {"NeuronGradientShap", gradient_shap},
                                              {"NeuronDeepLift", deep_lift},
                                              {"NeuronDeepLiftShap", deep_lift_shap},
                                              {"NeuronFeatureAblation", neuron_ablation}};
  std::set<std::string> family;
  for (const auto& [name, answer] : answers) family.insert(name);
  golden::check_family(
      family,
      [&](const golden::Case& one, const golden::File& file) {
        return answers.at(one.name())(one, file.model(one.model));
      },
      [](const golden::Case&) { return true; });
}
