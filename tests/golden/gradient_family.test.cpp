// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of the gradient family, run by lumen.
#include <lumen/attribution/input_x_gradient.hpp>
#include <lumen/attribution/integrated_gradients.hpp>
#include <lumen/attribution/saliency.hpp>
#include <lumen/attribution/smooth.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/core/target.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <string>

#include "support/golden.hpp"
#include "support/shared.hpp"

namespace golden = lumen::testing::golden;
using lumen::Tensor;
using lumen::Tensors;

namespace {

/// The case asks for something that this file does not know how to say in lumen: never skipped, always a failure.
struct Unmapped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using AnyBaseline = std::function<Tensor(const Tensor&)>;
using AnyRule = std::function<lumen::Quadrature(std::int64_t)>;

/// A case as lumen is asked it. Additional arguments that are tensors with a row for each sample become further
/// inputs, whose baseline is themselves, so that nothing is attributed to them.
struct Question {
  golden::Model model;
  golden::List arguments;          ///< all positional arguments of the model
  std::vector<std::size_t> slots;  ///< which of these are inputs
  std::size_t explained = 0;       ///< how many of the inputs the case explains: the first ones
  Tensors inputs;
  std::vector<AnyBaseline> baselines;
  lumen::AnyTarget target = lumen::target::Output{};

  template <std::same_as<Tensor>... Parts>
  Tensor operator()(const Parts&... parts) const {
    const Tensors given{parts...};
    golden::List all = arguments;
    for (std::size_t i = 0; i < given.size(); ++i) all[slots[i]] = {given[i]};
    return model.run(all);
  }
};

AnyBaseline baseline_of(const golden::Value& value) {
  if (value.is_none()) return lumen::baseline::Zero{};
  if (value.is_number()) return lumen::baseline::Constant{.value = value.number().toDouble()};
  if (value.is_tensor()) return lumen::baseline::Given{value.tensor()};
  throw Unmapped("a baseline that is a list");
}

lumen::AnyTarget target_of(const golden::Json& json) {
  if (json.is_null()) return lumen::target::Output{};
  if (json.is_number_integer()) return lumen::target::Class{.index = json.get<std::int64_t>()};
  if (golden::is_tensor(json) && golden::tensor(json).dim() == 1)
    return lumen::target::Classes{golden::tensor(json)};
  if (json.is_array() && json.front().is_number_integer())
    return lumen::target::Classes{golden::nested(json).to(at::kLong)};
  return golden::Selected{json};
}

Question ask(const golden::Case& one, const golden::Model& model) {
  Question question{
      .model = model.to(one.type()), .arguments = {}, .slots = {}, .inputs = {}, .baselines = {}};
  const golden::Value inputs = golden::cast(one.inputs, one.type());
  const golden::Value baselines = golden::cast(one.baselines, one.type());
  question.arguments = golden::arguments(inputs, golden::cast(one.additional, one.type()));
  question.explained = inputs.is_list() ? inputs.list().size() : 1;
  const std::int64_t n = question.arguments.front().tensor().size(0);
  for (std::size_t i = 0; i < question.arguments.size(); ++i) {
    const golden::Value& value = question.arguments[i];
    const bool explained = i < question.explained;
    if (!explained && (!value.is_tensor() || value.tensor().dim() == 0)) continue;
    if (value.tensor().size(0) != n) throw Unmapped("an input whose rows are not those of the batch");
    question.slots.push_back(i);
    question.inputs.push_back(value.tensor());
    if (!explained)
      question.baselines.push_back([](const Tensor& x) { return x; });
    else
      question.baselines.push_back(baseline_of(baselines.is_list() ? baselines.list().at(i) : baselines));
  }
  question.target = target_of(one.target_json);
  return question;
}

/// The options of a case, each of which must be taken: what is left over is unmapped.
class Options {
 public:
  explicit Options(golden::Json json) : json_(json.is_null() ? golden::Json::object() : std::move(json)) {}
  golden::Json take(const char* key, golden::Json otherwise) {
    golden::Json value = json_.value(key, std::move(otherwise));
    json_.erase(key);
    return value;
  }
  void done() const {
    if (!json_.empty()) throw Unmapped("options " + json_.dump());
  }

 private:
  golden::Json json_;
};

AnyRule rule_of(const std::string& name) {
  namespace quadrature = lumen::quadrature;
  if (name == "gausslegendre") return quadrature::GaussLegendre{};
  if (name == "riemann_left") return quadrature::RiemannLeft{};
  if (name == "riemann_right") return quadrature::RiemannRight{};
  if (name == "riemann_middle") return quadrature::RiemannMiddle{};
  if (name == "riemann_trapezoid") return quadrature::CaptumTrapezoid{};  // the quirk, under its name
  throw Unmapped("quadrature " + name);
}

/// What lumen answers, in the shape of what Captum returns: the maps, and the delta if it was asked for.
struct Answer {
  Tensors maps;
  Tensor delta;
};

template <class X>
Answer answer(const lumen::Attribution<X>& why) {
  return {lumen::parts_of(why.map), why.completeness_error};
}

template <class Baselines>
auto integrated_gradients(const Baselines& baselines, Options& options, Options& ctor) {
  const bool whole = options.take("internal_batch_size", nullptr).is_null();
  return lumen::IntegratedGradients<Baselines, AnyRule>{
      .baseline = baselines,
      .steps = options.take("n_steps", 50).get<std::int64_t>(),
      .rule = rule_of(options.take("method", "gausslegendre").get<std::string>()),
      .multiply_by_inputs = ctor.take("multiply_by_inputs", true).get<bool>(),
      // a batch size inside becomes the least memory, so that the path is walked in pieces
      .run = {.memory = whole ? lumen::Run{}.memory : 1}};
}

/// Captum's delta of the maps themselves: with its factor (x - x') left out they are not complete.
Tensor delta_of_maps(const Tensors& maps, const Question& question, const Tensors& origins) {
  golden::List at_origin = question.arguments;
  for (std::size_t i = 0; i < origins.size(); ++i) at_origin[question.slots[i]] = {origins[i]};
  const Tensor difference = question.target(question.model.run(question.arguments)) -
                            question.target(question.model.run(at_origin));
  Tensor sum = at::zeros_like(difference);
  for (std::size_t i = 0; i < question.explained; ++i) sum += maps[i].reshape({sum.size(0), -1}).sum(1);
  return sum - difference;
}

template <class X, class Baselines>
Answer run(const golden::Case& one, const Question& question, const X& x, const Baselines& baselines) {
  Options options(one.params), ctor(one.ctor), inner(one.inner_ctor);
  const bool wants_delta = options.take("return_convergence_delta", false).get<bool>();
  Answer result;
  if (one.name() == "Saliency") {
    result = answer(
        lumen::Saliency{.absolute = options.take("abs", true).get<bool>()}(question, x, question.target));
  } else if (one.name() == "InputXGradient") {
    result = answer(lumen::InputXGradient{}(question, x, question.target));
  } else if (one.name() == "IntegratedGradients") {
    const auto method = integrated_gradients(baselines, options, ctor);
    result = answer(method(question, x, question.target));
    if (!method.multiply_by_inputs) {
      Tensors origins;
      for (std::size_t i = 0; i < question.inputs.size(); ++i)
        origins.push_back(question.baselines[i](question.inputs[i]));
      result.delta = delta_of_maps(result.maps, question, origins);
    }
  } else if (one.method == "NoiseTunnel" && (one.wraps == "IntegratedGradients" || one.wraps == "Saliency")) {
    const auto samples = options.take("nt_samples", 5).get<std::int64_t>();
    const double stdev = options.take("stdevs", 1.0).get<double>();
    const auto kind = options.take("nt_type", "smoothgrad").get<std::string>();
    if (options.take("draw_baseline_from_distrib", false).get<bool>()) throw Unmapped("drawn baselines");
    const bool whole = options.take("nt_samples_batch_size", nullptr).is_null();
    const auto smooth = [&](const auto& method) {
      const auto moments =
          lumen::Smooth<std::decay_t<decltype(method)>>{.method = method,
                                                        .samples = samples,
                                                        .stdev = stdev,
                                                        .scale = lumen::NoiseScale::input_units,
                                                        .run = {.memory = whole ? lumen::Run{}.memory : 1}}
              .moments(question, x, question.target);
      if (kind == "smoothgrad")
        result = answer(moments.mean);
      else if (kind == "smoothgrad_sq")
        result = answer(moments.square);
      else if (kind == "vargrad")
        result = answer(moments.variance);
      else
        throw Unmapped("noise tunnel " + kind);
      // Captum returns the delta of every noisy sample, lumen the mean over those of one input
      if (wants_delta) result.delta = moments.mean.completeness_error.repeat_interleave(samples);
    };
    if (one.wraps == "Saliency")
      smooth(lumen::Saliency{.absolute = options.take("abs", true).get<bool>()});
    else
      smooth(integrated_gradients(baselines, options, inner));
  } else {
    throw Unmapped("method " + one.name());
  }
  options.done();
  ctor.done();
  inner.done();
  if (!wants_delta)
    result.delta = Tensor();
  else if (!result.delta.defined())
    throw Unmapped("a delta where lumen gives none");
  return result;
}

template <std::size_t... I>
Answer run_tuple(const golden::Case& one, const Question& question, std::index_sequence<I...>) {
  return run(one, question, std::tuple{question.inputs[I]...}, std::tuple{question.baselines[I]...});
}

golden::Value result_of(const golden::Case& one, const Question& question) {
  Answer answer;
  switch (question.inputs.size()) {
    case 1:
      answer = one.several_inputs() ? run_tuple(one, question, std::make_index_sequence<1>())
                                    : run(one, question, question.inputs[0], question.baselines[0]);
      break;
    case 2:
      answer = run_tuple(one, question, std::make_index_sequence<2>());
      break;
    case 3:
      answer = run_tuple(one, question, std::make_index_sequence<3>());
      break;
    default:
      throw Unmapped(std::to_string(question.inputs.size()) + " inputs");
  }
  golden::Value maps{answer.maps.front()};
  if (one.several_inputs()) {
    golden::List list;
    for (std::size_t i = 0; i < question.explained; ++i) list.push_back({answer.maps[i]});
    maps = {list};
  }
  return answer.delta.defined() ? golden::Value{golden::List{maps, {answer.delta}}} : maps;
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of the gradient family") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const golden::File file = golden::read(*path);
  const std::set<std::string> family{"Saliency",
                                     "InputXGradient",
                                     "IntegratedGradients",
                                     "NoiseTunnel(IntegratedGradients)",
                                     "NoiseTunnel(Saliency)",
                                     "GradientShap"};
  std::map<std::string, int> passed, later;
  int failed = 0;
  for (const golden::Case& one : file.cases) {
    if (!family.contains(one.name())) {
      ++later[one.name()];
      continue;
    }
    DOCTEST_CAPTURE(one.id);
    if (!one.seed_independent || !one.quirk.empty()) {
      std::cout << "golden: left out " << one.id
                << (one.quirk.empty() ? ": depends on Captum's random numbers" : ": a quirk of Captum: ")
                << one.quirk << '\n';
      continue;
    }
    std::string trouble;
    try {
      const golden::Value result = result_of(one, ask(one, file.models.at(one.model)));
      for (const golden::Expected& expected : one.expected) {
        const double error = expected.error(golden::at_path(result, expected.path).tensor());
        if (!(error <= expected.tolerance))
          trouble += lumen::text("at '", expected.path, "' the error is ", error, ", allowed ",
                                 expected.tolerance, "; ");
      }
    } catch (const Unmapped& problem) {
      trouble = std::string("cannot be mapped: ") + problem.what();
    } catch (const std::exception& problem) {
      trouble = "threw: " + std::string(problem.what()).substr(0, 160);
    }
    DOCTEST_CHECK_MESSAGE(trouble.empty(), one.name(), " ", one.id, ": ", trouble);
    trouble.empty() ? ++passed[one.name()] : ++failed;
  }
  for (const auto& [name, count] : passed)
    std::cout << "golden: " << name << ": " << count << " cases pass\n";
  for (const std::string& name : family)
    if (!passed.contains(name)) std::cout << "golden: " << name << ": the file has no case that passes\n";
  for (const auto& [name, count] : later)
    std::cout << "golden: not yet covered: " << name << ", " << count << " cases\n";
  DOCTEST_CHECK(failed == 0);
  for (const std::string name : {"Saliency", "InputXGradient", "IntegratedGradients",
                                 "NoiseTunnel(IntegratedGradients)", "NoiseTunnel(Saliency)"})
    DOCTEST_CHECK_MESSAGE(passed[name] > 0, name);
}
