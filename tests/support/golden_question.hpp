// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <lumen/baseline/constant.hpp>
#include <lumen/core/attribution.hpp>
#include <lumen/engine/quadrature.hpp>
#include <lumen/target/element.hpp>

#include "support/golden.hpp"
#include "support/shared.hpp"

/// Captum's cases as questions to lumen, and what all families of them share.
namespace lumen::testing::golden {

/// The case asks for something that the tests do not know how to say in lumen: never skipped, always a failure.
struct Unmapped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using AnyBaseline = std::function<Tensor(const Tensor&)>;
using AnyRule = std::function<Quadrature(std::int64_t)>;

/// A case as lumen is asked it. Additional arguments that are tensors with a row for each sample become further
/// inputs, whose baseline is themselves, so that nothing is attributed to them.
struct Question {
  Model model;
  List arguments;                  ///< all positional arguments of the model
  std::vector<std::size_t> slots;  ///< which of these are inputs
  std::size_t explained = 0;       ///< how many of the inputs the case explains: the first ones
  Tensors inputs;
  std::vector<AnyBaseline> baselines;
  AnyTarget target = target::Output{};

  template <std::same_as<Tensor>... Parts>
  Tensor operator()(const Parts&... parts) const {
    const Tensors given{parts...};
    List all = arguments;
    for (std::size_t i = 0; i < given.size(); ++i) all[slots[i]] = {given[i]};
    return model.run(all);
  }
};

inline AnyBaseline baseline_of(const Value& value) {
  if (value.is_none()) return baseline::Zero{};
  if (value.is_number()) return baseline::Constant{.value = value.number().toDouble()};
  if (value.is_tensor()) return baseline::Given{value.tensor()};
  throw Unmapped("a baseline that is a list");
}

inline AnyTarget target_of(const Json& json) {
  if (json.is_null()) return target::Output{};
  if (json.is_number_integer()) return target::Class{.index = json.get<std::int64_t>()};
  if (is_tensor(json) && tensor(json).dim() == 1) return target::Classes{tensor(json)};
  if (json.is_array() && json.front().is_number_integer()) return target::Classes{nested(json).to(at::kLong)};
  return Selected{json};
}

inline Question ask(const Case& one, const Model& model) {
  Question question{
      .model = model.to(one.type()), .arguments = {}, .slots = {}, .inputs = {}, .baselines = {}};
  const Value inputs = cast(one.inputs, one.type());
  const Value baselines = cast(one.baselines, one.type());
  question.arguments = arguments(inputs, cast(one.additional, one.type()));
  question.explained = inputs.is_list() ? inputs.list().size() : 1;
  const std::int64_t n = question.arguments.front().tensor().size(0);
  for (std::size_t i = 0; i < question.arguments.size(); ++i) {
    const Value& value = question.arguments[i];
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
  explicit Options(Json json) : json_(json.is_null() ? Json::object() : std::move(json)) {}
  Json take(const char* key, Json otherwise) {
    Json value = json_.value(key, std::move(otherwise));
    json_.erase(key);
    return value;
  }
  void done() const {
    if (!json_.empty()) throw Unmapped("options " + json_.dump());
  }

 private:
  Json json_;
};

inline AnyRule rule_of(const std::string& name) {
  namespace quadrature = quadrature;
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
Answer answer(const Attribution<X>& why) {
  return {parts_of(why.map), why.completeness_error};
}

/// Captum's delta of the maps themselves: with its factor (x - x') left out they are not complete.
inline Tensor delta_of_maps(const Tensors& maps, const Question& question, const Tensors& origins) {
  List at_origin = question.arguments;
  for (std::size_t i = 0; i < origins.size(); ++i) at_origin[question.slots[i]] = {origins[i]};
  const Tensor difference = question.target(question.model.run(question.arguments)) -
                            question.target(question.model.run(at_origin));
  Tensor sum = at::zeros_like(difference);
  for (std::size_t i = 0; i < question.explained; ++i) sum += maps[i].reshape({sum.size(0), -1}).sum(1);
  return sum - difference;
}

/// What `run(question, x, baselines) -> Answer` gives, in Captum's shape: x is a tensor or a tuple of them.
template <class Run>
Value result_of(const Case& one, const Question& question, const Run& run) {
  const auto several = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return run(question, std::tuple{question.inputs[I]...}, std::tuple{question.baselines[I]...});
  };
  Answer answer;
  switch (question.inputs.size()) {
    case 1:
      answer = one.several_inputs() ? several(std::make_index_sequence<1>())
                                    : run(question, question.inputs[0], question.baselines[0]);
      break;
    case 2:
      answer = several(std::make_index_sequence<2>());
      break;
    case 3:
      answer = several(std::make_index_sequence<3>());
      break;
    default:
      throw Unmapped(std::to_string(question.inputs.size()) + " inputs");
  }
  Value maps{answer.maps.front()};
  if (one.several_inputs()) {
    List list;
    for (std::size_t i = 0; i < question.explained; ++i) list.push_back({answer.maps[i]});
    maps = {list};
  }
  return answer.delta.defined() ? Value{List{maps, {answer.delta}}} : maps;
}

/// Whether the file may have no case of a method.
enum class Absent { Fails, Allowed };

/// Checks every case of these methods: `result(one, file) -> Value` in the shape of what Captum returned. Says what it
/// leaves out: cases that hang on Captum's random numbers, and quirks unless `quirks(one)` says that lumen has them
/// as an option. Fails if a method has no case that passes, unless the file may be without one.
template <class Result, class Quirks>
void check_family(const std::set<std::string>& family, const Result& result, const Quirks& quirks,
                  Absent absent = Absent::Fails) {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const File file = read(*path);
  std::map<std::string, int> passed, seen;
  for (const Case& one : file.cases) {
    if (!family.contains(one.name())) continue;
    ++seen[one.name()];
    DOCTEST_CAPTURE(one.id);
    const bool readable = one.unreadable.empty();
    if (readable && (!one.seed_independent || (!one.quirk.empty() && !quirks(one)))) {
      std::cout << "golden: left out " << one.id
                << (one.quirk.empty() ? ": depends on Captum's random numbers" : ": a quirk of Captum: ")
                << one.quirk << '\n';
      continue;
    }
    std::string trouble;
    try {
      if (!readable) throw Unmapped(one.unreadable);
      const Value found = result(one, file);
      for (const Expected& expected : one.expected) {
        const double error = expected.error(at_path(found, expected.path).tensor());
        if (!(error <= expected.tolerance)) {
          trouble +=
              text("at '", expected.path, "' the error is ", error, ", allowed ", expected.tolerance, "; ");
        }
      }
    } catch (const Unmapped& problem) {
      trouble = std::string("cannot be mapped: ") + problem.what();
    } catch (const std::exception& problem) {
      trouble = "threw: " + std::string(problem.what()).substr(0, 300);
    }
    DOCTEST_CHECK_MESSAGE(trouble.empty(), one.name(), " ", one.id, ": ", trouble);
    if (trouble.empty()) ++passed[one.name()];
  }
  for (const std::string& name : family) {
    std::cout << "golden: " << name << ": " << passed[name] << " cases pass\n";
    if (absent == Absent::Fails || seen[name] > 0) DOCTEST_CHECK_MESSAGE(passed[name] > 0, name);
  }
}

}  // namespace lumen::testing::golden
