// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/place/at_layer.hpp>
#include <lumen/attribution/place/at_neuron.hpp>
#include <lumen/baseline/random.hpp>
#include <lumen/engine/quadrature.hpp>

#include "method.hpp"

namespace cli {

/// A quadrature rule chosen at run time.
struct AnyRule {
  enum class Kind {
    gauss_legendre,
    riemann_left,
    riemann_right,
    riemann_middle,
    trapezoid,
    captum_trapezoid
  };
  Kind kind = Kind::gauss_legendre;

  lm::Quadrature operator()(std::int64_t steps) const;
  friend bool operator==(const AnyRule&, const AnyRule&) = default;
};

template <>
struct Words<AnyRule> {
  using K = AnyRule::Kind;
  static constexpr std::array<std::pair<std::string_view, AnyRule>, 6> all{
      {{"gauss-legendre", {K::gauss_legendre}},
       {"riemann-left", {K::riemann_left}},
       {"riemann-right", {K::riemann_right}},
       {"riemann-middle", {K::riemann_middle}},
       {"trapezoid", {K::trapezoid}},
       {"captum-trapezoid", {K::captum_trapezoid}}}};
};

template <>
struct Words<lm::Upsample> {
  static constexpr std::array<std::pair<std::string_view, lm::Upsample>, 5> all{
      {{"none", lm::Upsample::none},
       {"nearest", lm::Upsample::nearest},
       {"bilinear", lm::Upsample::bilinear},
       {"bicubic", lm::Upsample::bicubic},
       {"area", lm::Upsample::area}}};
};

template <>
struct Words<lm::NoiseScale> {
  static constexpr std::array<std::pair<std::string_view, lm::NoiseScale>, 2> all{
      {{"of-range", lm::NoiseScale::of_range}, {"input-units", lm::NoiseScale::input_units}}};
};

/// The options of an aggregate of type A: the one place that knows their names. Lists, parsing and errors come from it.
template <class A>
class Table {
 public:
  Table(std::string method, A defaults) : method_(std::move(method)), defaults_(std::move(defaults)) {}

  /// @param access  the member, or a function of the aggregate that returns a reference to it
  template <class Access>
  Table& option(std::string name, std::string what, Access access) {
    using T = std::remove_cvref_t<std::invoke_result_t<Access, A&>>;
    infos_.push_back(
        {std::move(name), type_words<T>(), written<T>(std::invoke(access, defaults_)), std::move(what)});
    setters_.push_back([access](A& aggregate, const std::string& value) {
      std::invoke(access, aggregate) = parsed<T>(value);
    });
    return *this;
  }

  [[nodiscard]] const std::vector<OptionInfo>& infos() const { return infos_; }
  [[nodiscard]] const std::string& method() const { return method_; }

  /// @throws Error for a name that is not in the table, or a value that is none
  [[nodiscard]] A with(const Settings& settings) const {
    A aggregate = defaults_;
    for (const auto& [name, value] : settings) {
      std::size_t i = 0;
      while (i < infos_.size() && infos_[i].name != name) ++i;
      require(i < infos_.size(), [&] {
        return text(method_, " has no option '", name, "'; its options are: ", names_of(infos_));
      });
      try {
        setters_[i](aggregate, value);
      } catch (const Error& error) {
        throw Error(
            text(method_, ": --set ", name, "=", value, ": ", error.what(), "; expected ", infos_[i].type));
      }
    }
    return aggregate;
  }

 private:
  std::string method_;
  A defaults_;
  std::vector<OptionInfo> infos_;
  std::vector<std::function<void(A&, const std::string&)>> setters_;
};

/// Runs an aggregate where it is asked for: on the input, at a layer, or for a neuron of a layer.
template <class A>
std::vector<Map> run_at(A method, const Choices& choices, const Model& model, const Tensor& x,
                        const lm::Targets& targets, const lm::Run& run) {
  method.run = run;
  if constexpr (requires { method.layer; }) {
    method.layer = *choices.layer;
    if constexpr (requires { method.neuron; }) method.neuron = *choices.neuron;
    return method(model, x, targets);
  } else {
    if (choices.neuron)
      return lm::AtNeuron<A>{method, *choices.layer}(model, x, lm::Targets{*choices.neuron});
    if (choices.layer) return lm::AtLayer<A>{method, *choices.layer}(model, x, targets);
    return method(model, x, targets);
  }
}

/// The same with what is known of its baseline, where that saves passes or makes draws unnecessary.
template <class A>
std::vector<Map> run_known(const A& method, const Choices& choices, const Model& model, const Tensor& x,
                           const lm::Targets& targets, const lm::Run& run) {
  if constexpr (requires {
                  method.samples;
                  method.with_baseline(FixedBaseline{});
                }) {
    const AnyBaseline& baseline = method.baseline;
    if (!baseline.random) {
      return run_at(method.with_baseline(FixedBaseline{baseline}), choices, model, x, targets, run);
    }
    if (baseline.set.defined()) {
      const lm::baseline::Samples set{.values = baseline.set, .seed = baseline.seed};
      return run_at(method.with_baseline(set), choices, model, x, targets, run);
    }
  }
  return run_at(method, choices, model, x, targets, run);
}

/// The entry of an aggregate whose options stand in `table`.
/// @param layer  for one without a member of this name: whether it may run at a layer
template <class A>
Entry entry(Table<A> table, std::string what, Settings quick = {}, LayerUse layer = LayerUse::optional) {
  constexpr bool has_layer = requires(A a) { a.layer; };
  constexpr bool has_neuron = requires(A a) { a.neuron; };
  constexpr bool has_baseline = requires(A a) { a.baseline; };
  Entry made{.name = table.method(),
             .what = std::move(what),
             .options = table.infos(),
             .layer = has_layer ? LayerUse::required : layer,
             .both = has_neuron,
             .baseline = {},
             .quick = std::move(quick),
             .prepare = {}};
  if constexpr (has_baseline) made.baseline = table.with({}).baseline.words;
  made.prepare = [table = std::move(table), layer](const Choices& choices) -> Explainer {
    A method = table.with(choices.settings);
    require(layer != LayerUse::none || !choices.layer,
            [&] { return table.method() + " explains the whole model; leave --layer out"; });
    require(!has_layer || choices.layer, [&] {
      return table.method() +
             " explains a layer: name it with --layer, for instance --layer layer4 or conv2d:-1";
    });
    require(!has_neuron || choices.neuron,
            [&] { return table.method() + " explains a neuron of the layer: name it with --neuron"; });
    require(!choices.neuron || (choices.layer && (has_neuron || !has_layer)), [&] {
      return table.method() + (has_layer ? " takes no --neuron" : " needs --layer to find the --neuron");
    });
    if constexpr (requires { method.seed; }) method.seed = choices.seed;
    if constexpr (has_baseline) {
      if (choices.baseline) method.baseline = *choices.baseline;
      method.baseline.seed = choices.seed;
    } else {
      require(!choices.baseline, [&] { return table.method() + " has no baseline; leave --baseline out"; });
    }
    return
        [method, choices](const Model& model, const Tensor& x, const lm::Targets& targets,
                          const lm::Run& run) { return run_known(method, choices, model, x, targets, run); };
  };
  return made;
}

}  // namespace cli
