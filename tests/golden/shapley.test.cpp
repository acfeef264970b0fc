// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of Shapley values, KernelSHAP and LIME, run by lumen.
#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/attribution/shapley/shapley_sampling.hpp>
#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/attribution/surrogate/lime.hpp>

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "support/golden_layers.hpp"
#include "support/golden_question.hpp"

namespace golden = lumen::testing::golden;
namespace surrogate = lumen::surrogate;
using golden::Json;
using golden::Options;
using golden::Value;
using lumen::Tensor;
using lumen::Tensors;

namespace {

/// A case without its inputs that hold nothing, which lumen refuses to explain: the model is given them as they are.
struct Played {
  golden::Asked asked;
  std::vector<bool> empty;          ///< of the inputs that the case explains
  std::vector<std::size_t> hollow;  ///< the arguments that these are
  Tensors groups, masks;            ///< of all inputs, and of those that are explained, spelt out

  Played(const golden::Case& one, const golden::Model& model, Options& options)
      : asked(golden::ask_at_layer(one, model)) {
    golden::Asked kept = asked;
    kept.inputs.clear();
    kept.slots.clear();
    kept.baselines.parts.clear();
    const Value mask = golden::value(options.take("feature_mask", nullptr));
    std::int64_t next = 0;
    for (std::size_t i = 0; i < asked.inputs.size(); ++i) {
      const Tensor& part = asked.inputs[i];
      if (i < asked.explained) empty.push_back(part.numel() == 0);
      if (part.numel() == 0) {
        hollow.push_back(asked.slots[i]);
        --kept.explained;
        continue;
      }
      kept.inputs.push_back(part);
      kept.slots.push_back(asked.slots[i]);
      kept.baselines.parts.push_back(asked.baselines.parts[i]);
      // additional arguments are one more group, which changes nothing: their baseline is themselves
      Tensor own = at::tensor(-1, at::kLong).squeeze();
      if (i < asked.explained) {
        if (mask.is_none()) {
          own =
              at::arange(next, next + part[0].numel(), at::kLong).reshape(part.sizes().slice(1)).unsqueeze(0);
          next += part[0].numel();
        } else {
          own = mask.is_list() ? mask.list().at(i).tensor() : mask.tensor();
        }
        masks.push_back(own.expand_as(part));
      }
      groups.push_back(own);
    }
    asked = kept;
  }

  Tensor operator()(const Tensors& parts) const {
    golden::Asked full = asked;
    for (const std::size_t slot : hollow) full.arguments[slot] = {at::empty({parts.front().size(0), 0})};
    return full(parts);
  }

  /// The maps in Captum's shape: those of the inputs, or a column a feature.
  [[nodiscard]] Value answer(const golden::Case& one, const Tensors& maps, bool of_inputs) const {
    if (of_inputs) {
      Tensors all;
      std::size_t next = 0;
      for (const bool none : empty) all.push_back(none ? at::empty({maps.front().size(0), 0}) : maps[next++]);
      return golden::output_of(all, one.several_inputs());
    }
    std::set<std::int64_t> ids;
    for (const Tensor& mask : masks) {
      const Tensor flat = mask.reshape({-1}).contiguous();
      ids.insert(flat.data_ptr<std::int64_t>(), flat.data_ptr<std::int64_t>() + flat.numel());
    }
    Tensors columns;
    for (const std::int64_t id : ids) {
      Tensor sum = at::zeros({maps.front().size(0)}), count = sum.clone();
      for (std::size_t i = 0; i < masks.size(); ++i) {
        sum += (maps[i] * masks[i].eq(id)).flatten(1).sum(1);
        count += masks[i].eq(id).flatten(1).sum(1);
      }
      columns.push_back(sum / count.clamp_min(1));
    }
    return {at::stack(columns, 1)};
  }
};

template <class Method>
Value result_of(const golden::Case& one, const golden::File& file, const Method& make) {
  Options options(one.params), ctor(one.ctor);
  const Played played(one, file.models.at(one.model), options);
  (void)options.take("perturbations_per_eval", 1);
  const bool of_inputs = options.take("return_input_shape", true).template get<bool>();
  const auto samples = options.take("n_samples", 25).template get<std::int64_t>();
  const auto method = make(played, samples, ctor);
  options.done();
  ctor.done();
  const auto why = method(played, played.asked.inputs, played.asked.target);
  return played.answer(one, why.map, of_inputs);
}

/// Captum sums Shapley values in float32, also those of a float64 run: its numbers then, where lumen's are as near to them
/// as float32 is to anything.
Value in_float32(const golden::Case& one, const Value& found) {
  if (one.type() != at::kDouble || one.several_inputs() || one.expected.size() != 1) return found;
  const Tensor& expected = one.expected.front().value;
  if (!expected.equal(expected.to(at::kFloat).to(at::kDouble))) return found;
  const double error = (found.tensor().reshape(expected.sizes()) - expected).abs().max().item<double>();
  return error <= 3e-7 * expected.abs().max().item<double>() ? Value{expected} : found;
}

bool no_quirk(const golden::Case&) { return false; }

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of Shapley values, exact and sampled, and of KernelSHAP") {
  golden::check_family(
      {"ShapleyValues"},
      [](const golden::Case& one, const golden::File& file) {
        return in_float32(one, result_of(one, file, [](const Played& played, std::int64_t, Options&) {
                            return lumen::ShapleyValues<golden::PartBaselines>{
                                .baseline = played.asked.baselines, .groups = played.groups};
                          }));
      },
      no_quirk);
  golden::check_family(
      {"ShapleyValueSampling"},
      [](const golden::Case& one, const golden::File& file) {
        return result_of(one, file, [](const Played& played, std::int64_t samples, Options&) {
          return lumen::ShapleySampling<golden::PartBaselines>{
              .baseline = played.asked.baselines, .groups = played.groups, .samples = samples};
        });
      },
      no_quirk);
  golden::check_family(
      {"KernelShap"},
      [](const golden::Case& one, const golden::File& file) {
        return result_of(one, file, [](const Played& played, std::int64_t samples, Options&) {
          return lumen::KernelShap<golden::PartBaselines>{
              .baseline = played.asked.baselines, .groups = played.groups, .samples = samples};
        });
      },
      no_quirk);
}

DOCTEST_TEST_CASE("Captum's cases of LIME") {
  golden::check_family(
      {"Lime"},
      [](const golden::Case& one, const golden::File& file) {
        return result_of(one, file, [](const Played& played, std::int64_t samples, Options& ctor) {
          const Json model = ctor.take("interpretable_model", nullptr),
                     similarity = ctor.take("similarity_func", nullptr);
          if (!ctor.take("perturb_func", nullptr).is_null() || model.at("module") != "SkLearnLasso" ||
              similarity.at("builtin") != "get_exp_kernel_similarity_function" ||
              similarity.at("distance_mode") != "cosine") {
            throw golden::Unmapped("parts of LIME");
          }
          return lumen::Lime<golden::PartBaselines, surrogate::CosineKernel, surrogate::Bernoulli,
                             surrogate::Lasso>{
              .baseline = played.asked.baselines,
              .groups = played.groups,
              .samples = samples,
              .similarity = {.width = similarity.at("kernel_width").get<double>()},
              .regression = {.alpha = model.at("construct_kwargs").at("alpha").get<double>()}};
        });
      },
      no_quirk);
}
