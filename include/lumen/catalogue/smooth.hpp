// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/catalogue/cam_options.hpp>
#include <lumen/engine/method.hpp>

namespace lumen::catalogue {

template <>
struct Words<Moment> {
  static constexpr std::array<std::pair<std::string_view, Moment>, 3> all{
      {{"mean", Moment::Mean}, {"square", Moment::Square}, {"variance", Moment::Variance}}};
};

namespace detail {

/// A method that is ready to run, as a method of the library.
struct Prepared {
  Explainer explain{};
  Run run{};

  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      std::vector<Attribution<X>> answers;
      for (const Map& map : explain(engine::bind<X>(model), parts_of(x), targets, run)) {
        Attribution<X> answer{.map = input_of<X>(map.map),
                              .score = map.score,
                              .completeness_error = map.completeness_error,
                              .standard_error = {},
                              .forward_passes = map.forward_passes,
                              .backward_passes = map.backward_passes};
        if (!map.standard_error.empty()) answer.standard_error = input_of<X>(map.standard_error);
        answers.push_back(std::move(answer));
      }
      return answers;
    });
  }
};

/// The options of Smooth, with its method by name.
struct SmoothOptions {
  std::string method = "saliency";  // first: the other way round g++ 12 takes `smooth` for uninitialised
  Smooth<Prepared> smooth{};
};

}  // namespace detail

/// Any method of the list, averaged over noisy copies of the input.
/// @param find  the entry of a name
inline void add_smooth(std::vector<Entry>& all, const std::function<const Entry&(const std::string&)>& find) {
  const auto of = [](auto member) {
    return [member](detail::SmoothOptions& choice) -> auto& { return choice.smooth.*member; };
  };
  using Noisy = Smooth<detail::Prepared>;
  auto table =
      Table("smooth", detail::SmoothOptions{})
          .option("method", "what is averaged; its options as method.steps=8", &detail::SmoothOptions::method)
          .option("samples", "noisy copies", of(&Noisy::samples), positive_count)
          .option("stdev", "standard deviation of the noise", of(&Noisy::stdev), not_negative)
          .option("scale", "what it is measured in", of(&Noisy::scale))
          .option("moment", "SmoothGrad, SmoothGrad-Squared or VarGrad", of(&Noisy::moment));
  Entry made{.name = "smooth",
             .what = "any method, averaged over noisy copies of the input",
             .paper = "Smilkov, Thorat, Kim, Viegas and Wattenberg, 2017, arXiv:1706.03825",
             .options = table.infos(),
             .traits = {.quick = {{"samples", "2"}}},
             .drawn = true,
             .baseline = "its method's",
             .prepare = {}};
  made.prepare = [table, find](const Choices& choices) -> Explainer {
    Settings own;
    Choices inner = choices;
    inner.settings.clear();
    constexpr std::string_view prefix = "method.";
    for (const auto& [name, value] : choices.settings) {
      if (name.starts_with(prefix)) {
        inner.settings.emplace_back(name.substr(prefix.size()), value);
      } else {
        own.emplace_back(name, value);
      }
    }
    detail::SmoothOptions choice = table.with(own);
    choice.smooth.seed = choices.seed;
    const Entry& averaged = find(choice.method);
    // a neuron's noise is that of the input, and its score the head's: the place goes outside
    const bool outside = choices.neuron && !averaged.both && averaged.traits.layer != LayerUse::Required;
    if (outside) {
      require(choices.layer.has_value(), "smooth needs the layer of the neuron: name it, too");
      inner.layer.reset(), inner.neuron.reset();
    }
    choice.smooth.method.explain = averaged.prepare(inner);
    return [smooth = std::move(choice.smooth), outside, choices](
               const engine::Function& model, const Tensors& x, const Targets& targets, const Run& run) {
      Noisy method = smooth;
      method.run = run;
      if (outside) return AtNeuron<Noisy>{method, *choices.layer}(model, x, Targets{*choices.neuron});
      return method(model, x, targets);
    };
  };
  all.push_back(std::move(made));
}

}  // namespace lumen::catalogue
