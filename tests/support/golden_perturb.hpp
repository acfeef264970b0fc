// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/core/attribution.hpp>
#include <lumen/core/input.hpp>
#include <lumen/target/any.hpp>

#include "support/golden_layers.hpp"

/// Captum's cases of the methods that perturb the input, as lumen is asked them.
namespace lumen::testing::golden {

/// Places of an output of these sizes that Captum's indices leave open, each as a tuple that names one number a row:
/// Captum then answers for each of them.
inline std::vector<Json> places_of(const Json& indices, const std::vector<std::int64_t>& sizes) {
  std::vector<Json> all{Json::array()};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::vector<std::int64_t> at;
    const Json index = d < indices.size() ? indices.at(d) : Json{{"slice", {nullptr, nullptr, nullptr}}};
    if (index.is_object()) {
      const Json& range = index.at("slice");
      const auto bound = [&](std::size_t i, std::int64_t otherwise) {
        return range.at(i).is_null() ? otherwise : range.at(i).get<std::int64_t>();
      };
      for (std::int64_t i = bound(0, 0); i < std::min(bound(1, sizes[d]), sizes[d]); i += bound(2, 1))
        at.push_back(i);
    } else {
      const auto i = index.get<std::int64_t>();
      at.push_back(i < 0 ? i + sizes[d] : i);
    }
    std::vector<Json> longer;
    for (const Json& place : all) {
      for (const std::int64_t i : at) {
        longer.push_back(place);
        longer.back().push_back(i);
      }
    }
    all = std::move(longer);
  }
  return all;
}

/// The questions of a case about an output [N, ...]: one for each number that Captum answers for.
inline Targets targets_of(const Json& json, const Tensor& output) {
  const std::vector<std::int64_t> sizes(output.sizes().begin() + 1, output.sizes().end());
  const auto everywhere = [&](const Json& indices) {
    Targets targets;
    for (const Json& place : places_of(indices, sizes))
      targets.emplace_back(target::Element{place.get<std::vector<std::int64_t>>()});
    return targets;
  };
  if (json.is_null() && output.numel() == output.size(0)) return {target::Output{}};
  if (json.is_null()) return everywhere(Json::array());
  if (json.is_number_integer()) return everywhere(Json::array({json}));
  if (is_tensor(json) && tensor(json).numel() == 1)
    return everywhere(Json::array({tensor(json).item<std::int64_t>()}));
  if (is_tensor(json)) return {target::Classes{tensor(json).to(at::kLong)}};
  if (json.is_object() && json.contains("tuple")) return everywhere(json.at("tuple"));
  const Json& rows = json.contains("list") ? json.at("list") : json;
  if (rows.front().is_number_integer()) return {target::Classes{nested(rows).to(at::kLong)}};
  std::vector<Tensors> questions;  // for each place that is left open, where each row looks
  for (const Json& row : rows) {
    const std::vector<Json> places = places_of(row.is_object() ? row.at("tuple") : row, sizes);
    questions.resize(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) questions[i].push_back(nested(places[i]).to(at::kLong));
  }
  Targets targets;
  for (const Tensors& question : questions) targets.emplace_back(target::Elements{at::stack(question)});
  return targets;
}

/// A case of a method that perturbs the input. What the case explains are the inputs; additional arguments with a row for
/// each sample ride along, the others belong to the model. A model that gives one number for its whole batch is asked of
/// one sample, the batch, of which a feature is removed from all rows at once, as Captum does.
class Perturbed {
 public:
  Inputs x{};
  PartBaselines baselines{};
  Targets targets{};

  Perturbed(const Case& one, const Model& model, Options& options)
      : model_(model.to(one.type())), several_(one.several_inputs()) {
    const Value inputs = cast(one.inputs, one.type()), given = cast(one.baselines, one.type());
    const Value mask = value(options.take("feature_mask", nullptr));
    arguments_ = arguments(inputs, cast(one.additional, one.type()));
    const std::size_t explained = inputs.is_list() ? inputs.list().size() : 1;
    for (std::size_t i = 0; i < explained; ++i) arguments_[i] = {arguments_[i].tensor().to(one.type())};
    const Tensor output = run_tapped(model_, arguments_);
    whole_ = output.dim() == 0;
    if (whole_ && !one.target_json.is_null()) throw Unmapped("a target of one number for the whole batch");
    const std::int64_t n = arguments_.front().tensor().size(0);
    std::int64_t next = 0;
    for (std::size_t i = 0; i < explained; ++i) {
      const Tensor& part = arguments_[i].tensor();
      empty_.push_back(part.numel() == 0);
      const Tensor first = part.narrow(0, 0, std::min<std::int64_t>(1, part.size(0)));
      Tensor own = at::arange(next, next + first.numel(), at::kLong).reshape(first.sizes());
      next += first.numel();
      if (mask.is_tensor()) own = mask.tensor();
      if (mask.is_list()) own = mask.list().at(i).tensor();
      if (empty_.back()) continue;
      if (!whole_ && part.size(0) != n) throw Unmapped("an input whose rows are not those of the batch");
      slots_.push_back(i);
      x.parts.push_back(whole_ ? part.unsqueeze(0) : part);
      masks_.push_back(whole_ && own.dim() > 0 ? own.unsqueeze(0) : own);
      const Value& baseline = given.is_list() ? given.list().at(i) : given;
      baselines.parts.push_back(
          baseline_of(whole_ && baseline.is_tensor() ? Value{baseline.tensor().unsqueeze(0)} : baseline));
    }
    x.held.assign(x.parts.size(), false);
    given_masks_ = !mask.is_none();
    for (std::size_t i = explained; i < arguments_.size() && !whole_; ++i) {
      if (!arguments_[i].is_tensor()) continue;
      const Tensor& part = arguments_[i].tensor();
      if (part.dim() == 0 || part.size(0) != n) continue;
      slots_.push_back(i);
      x.parts.push_back(part);
      x.held.push_back(true);
    }
    targets = whole_ ? Targets{target::Output{}} : targets_of(one.target_json, output);
  }

  /// The groups of what is explained; none where each element of a sample is one.
  [[nodiscard]] Tensors groups() const { return given_masks_ || whole_ ? masks_ : Tensors(); }
  [[nodiscard]] std::size_t explained() const { return baselines.parts.size(); }
  /// Whether the model gives one number for its whole batch, which is then the one sample.
  [[nodiscard]] bool whole() const { return whole_; }

  Tensor operator()(const Tensors& parts) const {
    if (!whole_) return run(parts);
    Tensors outputs;
    for (std::int64_t r = 0; r < parts.front().size(0); ++r) {
      Tensors row;
      for (const Tensor& part : parts) row.push_back(part[r]);
      outputs.push_back(run(row));
    }
    return at::stack(outputs);
  }

  /// The maps of all targets in Captum's shape: [N, targets] of rows, of each input.
  /// @return of a model that gives one number for its batch one row: a feature is worth the same in all
  [[nodiscard]] Value answer(const std::vector<Attribution<Inputs>>& whys) const {
    List all;
    std::size_t next = 0;
    for (const bool none : empty_) {
      if (none) {
        all.push_back({whole_ ? at::zeros({1}) : at::empty({x.parts.front().size(0), 0})});
        continue;
      }
      const Tensor map = joined(whys, next++);
      all.push_back({whole_ ? map[0].narrow(0, 0, 1) : map});
    }
    return several_ ? Value{all} : all.front();
  }

  /// The same as a column for each feature, as `return_input_shape=False` asks: those between the numbers of two that are
  /// none have 0.
  [[nodiscard]] Value columns(const std::vector<Attribution<Inputs>>& whys) const {
    std::vector<std::int64_t> ids;
    Tensors masks;
    for (std::size_t i = 0; i < masks_.size(); ++i) {
      masks.push_back(masks_[i].to(at::kLong).expand_as(x.parts[i]));
      ids.push_back(masks.back().min().item<std::int64_t>());
      ids.push_back(masks.back().max().item<std::int64_t>());
    }
    const auto [first, last] = std::minmax_element(ids.begin(), ids.end());
    Tensors columns;
    for (std::int64_t id = *first; id <= *last; ++id) {
      Tensor sum = at::zeros({x.parts.front().size(0)}, x.parts.front().options()), count = sum.clone();
      for (std::size_t i = 0; i < masks.size(); ++i) {
        sum += (joined(whys, i) * masks[i].eq(id)).flatten(1).sum(1);
        count += masks[i].eq(id).flatten(1).sum(1);
      }
      columns.push_back(sum / count.clamp_min(1));
    }
    return {at::stack(columns, 1)};
  }

 private:
  [[nodiscard]] Tensor run(const Tensors& parts) const {
    List all = arguments_;
    for (std::size_t i = 0; i < parts.size(); ++i) all[slots_[i]] = {parts[i]};
    for (std::size_t i = 0; i < empty_.size(); ++i) {
      if (!empty_[i] || whole_) continue;  // nothing, for as many rows
      std::vector<std::int64_t> shape = all[i].tensor().sizes().vec();
      shape.front() = parts.front().size(0);
      all[i] = {all[i].tensor().new_empty(shape)};
    }
    return run_tapped(model_, all);
  }
  static Tensor joined(const std::vector<Attribution<Inputs>>& whys, std::size_t part) {
    Tensors each;
    for (const Attribution<Inputs>& why : whys) each.push_back(why.map.parts[part]);
    return at::stack(each, 1).flatten(0, 1);
  }

  Model model_;
  List arguments_;
  std::vector<std::size_t> slots_;  // the argument that each part is
  std::vector<bool> empty_;         // of the inputs that the case explains, which hold nothing
  Tensors masks_;                   // of those that hold something
  bool several_, whole_ = false, given_masks_ = false;
};

/// Asks a method, or if the case is Captum's noise tunnel the method at noisy inputs.
template <class Method>
std::vector<Attribution<Inputs>> ask(const Case& one, Options& options, const Perturbed& question,
                                     const Method& method) {
  (void)options.take("perturbations_per_eval", 1);
  if (one.wraps.empty()) {
    options.done();
    return method(question, question.x, question.targets);
  }
  const auto kind = options.take("nt_type", "smoothgrad").template get<std::string>();
  const std::map<std::string, Moment> moments{
      {"smoothgrad", Moment::Mean}, {"smoothgrad_sq", Moment::Square}, {"vargrad", Moment::Variance}};
  if (!moments.contains(kind) || options.take("draw_baseline_from_distrib", false).template get<bool>())
    throw Unmapped("another kind of noise tunnel");
  (void)options.take("nt_samples_batch_size", nullptr);
  Smooth<Method> smooth{.method = method,
                        .samples = options.take("nt_samples", 5).template get<std::int64_t>(),
                        .scale = NoiseScale::InputUnits,
                        .moment = moments.at(kind)};
  const Json stdevs = options.take("stdevs", 1.0);
  if (stdevs.is_number()) {
    smooth.stdev = stdevs.get<double>();
  } else {
    smooth.stdevs = stdevs.at("tuple").template get<std::vector<double>>();
  }
  options.done();
  return smooth(question, question.x, question.targets);
}

}  // namespace lumen::testing::golden
