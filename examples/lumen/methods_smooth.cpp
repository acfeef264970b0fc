// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/combine/smooth.hpp>

#include "binding.hpp"

namespace cli {

template <>
struct Words<lm::Moment> {
  static constexpr std::array<std::pair<std::string_view, lm::Moment>, 3> all{
      {{"mean", lm::Moment::mean}, {"square", lm::Moment::square}, {"variance", lm::Moment::variance}}};
};

namespace {

/// A method that is ready to run, as a method of the library.
struct Prepared {
  Explainer explain{};
  lm::Run run{};

  template <lm::TargetOrTargets T>
  [[nodiscard]] auto operator()(const Model& model, const Tensor& x, const T& target) const {
    if constexpr (std::same_as<T, lm::Targets>) {
      return explain(model, x, target, run);
    } else {
      return explain(model, x, lm::Targets{target}, run).front();
    }
  }
};

/// The options of Smooth, with its method by name.
struct SmoothOptions {
  std::string method = "saliency";  // first: the other way round g++ 12 takes `smooth` for uninitialised
  lm::Smooth<Prepared> smooth{};
};

}  // namespace

void add_smooth(std::vector<Entry>& all) {
  const auto of = [](auto member) {
    return [member](SmoothOptions& choice) -> auto& { return choice.smooth.*member; };
  };
  using Smooth = lm::Smooth<Prepared>;
  auto table =
      Table("smooth", SmoothOptions{})
          .option("method", "what is averaged; its options as method.steps=8", &SmoothOptions::method)
          .option("samples", "noisy copies", of(&Smooth::samples))
          .option("stdev", "standard deviation of the noise", of(&Smooth::stdev))
          .option("scale", "what it is measured in", of(&Smooth::scale))
          .option("moment", "SmoothGrad, SmoothGrad-Squared or VarGrad", of(&Smooth::moment));
  Entry made{.name = "smooth",
             .what = "any method, averaged over noisy copies of the input (Smilkov 2017)",
             .options = table.infos(),
             .layer = LayerUse::optional,
             .both = false,
             .baseline = "its method's",
             .quick = {{"samples", "2"}},
             .prepare = {}};
  made.prepare = [table](const Choices& choices) -> Explainer {
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
    SmoothOptions choice = table.with(own);
    choice.smooth.seed = choices.seed;
    choice.smooth.method.explain = method_named(choice.method).prepare(inner);
    return [smooth = std::move(choice.smooth)](const Model& model, const Tensor& x,
                                               const lm::Targets& targets, const lm::Run& run) {
      Smooth method = smooth;
      method.run = run;
      return method(model, x, targets);
    };
  };
  all.push_back(std::move(made));
}

}  // namespace cli
