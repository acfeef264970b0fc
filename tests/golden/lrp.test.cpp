// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of LRP and LayerLRP, run by lumen.
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/relevance/lrp.hpp>
#include <lumen/target/element.hpp>

#include <doctest/doctest.h>

#include <iostream>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "support/golden.hpp"
#include "support/shared.hpp"

namespace golden = lumen::testing::golden;
namespace lrp = lumen::rule::lrp;
using lumen::Tensor;
using lumen::Tensors;

namespace {

/// The case asks for something that this file does not know how to say in lumen: never skipped, always a failure.
struct Unmapped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How Captum's modules are called here, by the operator that runs them; a linear layer as LibTorch calls it.
lumen::trace::Layer layer_of(const golden::Model& model, const std::string& module) {
  static const std::map<std::string, std::string> kinds{
      {"linear", "linear"},          {"conv2d", "conv2d"},
      {"batchnorm2d", "batch_norm"}, {"add", "add"},
      {"maxpool1d", "max_pool1d"},   {"relu", "relu"},
      {"maxpool2d", "max_pool2d"},   {"tanh", "tanh"},
      {"avgpool2d", "avg_pool2d"},   {"adaptive_avgpool2d", "adaptive_avg_pool2d"}};
  std::map<std::string, std::int64_t> seen;
  for (const golden::Node& node : model.nodes) {
    if (node.op == "add_optional") ++seen["add"];
    if (!kinds.contains(node.op)) continue;
    const std::int64_t nth = seen[kinds.at(node.op)]++;
    if (node.module == module) return lumen::layer::nth(kinds.at(node.op), nth);
  }
  throw Unmapped("module " + module);
}

/// A rule of Captum. Its rules replace weights and leave inputs and, unless told, biases as they are.
lumen::rule::Backward rule_of(const golden::Json& json) {
  const auto name = json.at("rule").get<std::string>();
  const golden::Json given = json.at("params");
  const double epsilon = given.value("epsilon", given.value("STABILITY_FACTOR", 1e-9));
  lrp::Replaced replaced{.epsilon = 1e-9};
  if (given.value("set_bias_to_zero", false)) replaced.biases = nullptr;
  if (name == "IdentityRule") return lrp::Pass{};
  if (name == "EpsilonRule") return lrp::Epsilon{.epsilon = epsilon};
  if (name == "GammaRule") {
    const double gamma = given.value("gamma", 0.25);
    replaced.weights = [gamma](const Tensor& w) { return w + gamma * w.clamp_min(0); };
    return replaced;
  }
  if (name == "Alpha1_Beta0_Rule") {
    replaced.weights = [](const Tensor& w) { return w.clamp_min(0); };
    return replaced;
  }
  throw Unmapped("rule " + name);
}

/// Captum's conventions: LRP-epsilon with 1e-9 for every module with parameters and every pool, no merging of
/// normalisations, and sums written as functions, which its modules do not see, doubling relevance.
lumen::rule::Composite composite_of(const golden::Case& one, const golden::Model& model) {
  const lumen::rule::Backward epsilon = lrp::Epsilon{.epsilon = 1e-9};
  lumen::rule::Composite composite =
      lrp::Parts{.convolution = epsilon, .dense = epsilon, .sum = epsilon, .fixed_norm = epsilon};
  composite.use(lumen::rule::kinds::maxima, epsilon).pass({"add"});
  std::int64_t adds = 0;
  for (const golden::Node& node : model.nodes) {
    if (node.op != "add" && node.op != "add_optional") continue;
    if (!node.module.empty()) composite.layers.emplace_back(lumen::layer::nth("add", adds), epsilon);
    ++adds;
  }
  for (const golden::Json& rules : {model.lrp_rules, one.lrp_rules}) {
    if (rules.is_null()) continue;
    for (const auto& [module, rule] : rules.items()) {
      composite.layers.emplace_back(layer_of(model, module), rule_of(rule));
    }
  }
  return composite;
}

Tensor delta_of(const Tensor& error) { return -error; }  // Captum's is the output less the sum

golden::Value run(const golden::Case& one, golden::Model model) {
  model = model.to(one.type());
  const golden::Value inputs = golden::cast(one.inputs, one.type());
  Tensors x;
  for (const golden::Value& each : golden::arguments(inputs, golden::cast(one.additional, one.type()))) {
    x.push_back(each.tensor());
  }
  const auto network = [&model](const Tensors& parts) {
    golden::List list;
    for (const Tensor& part : parts) list.push_back({part});
    return model.run(list);
  };
  const golden::Selected target{one.target_json};
  const lumen::Lrp method{.composite = composite_of(one, model)};
  golden::Json options = one.params;
  const bool wants_delta = options.value("return_convergence_delta", false);
  const bool of_input = options.value("attribute_to_layer_input", false);
  for (const char* const known : {"return_convergence_delta", "attribute_to_layer_input", "verbose"}) {
    options.erase(known);
  }
  if (!options.empty()) throw Unmapped("options " + options.dump());

  golden::List maps;
  Tensor delta;
  if (one.layer.is_null()) {
    const auto answer = method(network, x, target);
    for (const Tensor& map : answer.map) maps.push_back({map});
    delta = delta_of(answer.completeness_error);
  } else {
    const golden::Json names = one.layer.is_array() ? one.layer : golden::Json::array({one.layer});
    for (const golden::Json& name : names) {
      lumen::trace::Layer layer = layer_of(model, name.get<std::string>());
      if (of_input) layer = lumen::layer::input(layer);
      const auto answer = lumen::AtLayer{.method = method, .layer = layer}(network, x, target);
      maps.push_back({answer.map});
      delta = delta_of(answer.completeness_error);
    }
  }
  const bool several = one.several_inputs() || one.layer.is_array();
  const golden::Value all = several ? golden::Value{maps} : maps.front();
  return wants_delta ? golden::Value{golden::List{all, {delta}}} : all;
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of LRP") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const golden::File file = golden::read(*path);
  std::map<std::string, int> passed;
  for (const golden::Case& one : file.cases) {
    if (one.name() != "LRP" && one.name() != "LayerLRP") continue;
    std::string trouble;
    try {
      const golden::Value result = run(one, file.model(one.model));
      for (const golden::Expected& expected : one.expected) {
        const double error = expected.error(golden::at_path(result, expected.path).tensor());
        if (!(error <= expected.tolerance)) {
          trouble += lumen::text("at '", expected.path, "' the error is ", error, ", allowed ",
                                 expected.tolerance, "; ");
        }
      }
    } catch (const std::exception& problem) {
      trouble = "threw: " + std::string(problem.what()).substr(0, 200);
    }
    DOCTEST_CHECK_MESSAGE(trouble.empty(), one.name(), " ", one.id, ": ", trouble);
    if (trouble.empty()) ++passed[one.name()];
  }
  for (const auto& [name, count] : passed)
    std::cout << "golden: " << name << ": " << count << " cases pass\n";
  DOCTEST_CHECK(passed["LRP"] == 15);
  DOCTEST_CHECK(passed["LayerLRP"] == 5);
}
