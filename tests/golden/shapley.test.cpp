// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of Shapley values, KernelSHAP and LIME, also at noisy inputs, run by lumen.
#include <lumen/attribution/shapley/kernel_shap.hpp>
#include <lumen/attribution/shapley/shapley_sampling.hpp>
#include <lumen/attribution/shapley/shapley_values.hpp>
#include <lumen/attribution/surrogate/lime.hpp>

#include <doctest/doctest.h>

#include <functional>

#include "support/golden_perturb.hpp"

namespace golden = lumen::testing::golden;
namespace surrogate = lumen::surrogate;
using golden::Json;
using golden::Options;
using golden::Value;
using lumen::Tensor;

namespace {

/// `make(question, samples, ctor)` is the method.
template <class Method>
Value result_of(const golden::Case& one, const golden::File& file, const Method& make) {
  Options options(one.params), ctor(one.wraps.empty() ? one.ctor : one.inner_ctor);
  const golden::Perturbed question(one, file.model(one.model), options);
  const bool of_inputs = options.take("return_input_shape", true).template get<bool>();
  const auto samples = options.take("n_samples", 25).template get<std::int64_t>();
  const auto method = make(question, samples, ctor);
  ctor.done();
  const auto whys = golden::ask(one, options, question, method);
  return of_inputs ? question.answer(whys) : question.columns(whys);
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

Value shapley_values(const golden::Case& one, const golden::File& file) {
  return in_float32(one, result_of(one, file, [](const golden::Perturbed& question, std::int64_t, Options&) {
                      return lumen::ShapleyValues<golden::PartBaselines>{.baseline = question.baselines,
                                                                         .groups = question.groups()};
                    }));
}

Value shapley_sampling(const golden::Case& one, const golden::File& file) {
  return result_of(one, file, [](const golden::Perturbed& question, std::int64_t samples, Options&) {
    return lumen::ShapleySampling<golden::PartBaselines>{
        .baseline = question.baselines, .groups = question.groups(), .samples = samples};
  });
}

Value kernel_shap(const golden::Case& one, const golden::File& file) {
  return result_of(one, file, [](const golden::Perturbed& question, std::int64_t samples, Options&) {
    return lumen::KernelShap<golden::PartBaselines>{
        .baseline = question.baselines, .groups = question.groups(), .samples = samples};
  });
}

using AnySimilarity = std::function<Tensor(const surrogate::Neighbours&)>;
using AnyRegression = std::function<Tensor(const Tensor&, const Tensor&, const Tensor&)>;

AnySimilarity similarity_of(const Json& json) {
  if (json.is_null()) return surrogate::CosineKernel{};
  const Json builtin = json.value("builtin", Json()), mode = json.value("distance_mode", Json("cosine"));
  const double width = json.value("kernel_width", 1.0);
  if (builtin == "get_exp_kernel_similarity_function" && mode == "cosine")
    return surrogate::CosineKernel{.width = width};
  if (builtin == "get_exp_kernel_similarity_function" && mode == "euclidean")
    return surrogate::EuclideanKernel{.width = width};
  throw golden::Unmapped("the similarity " + json.dump());
}

AnyRegression regression_of(const Json& json) {
  if (json.is_null()) return surrogate::Lasso{.alpha = 0.01};
  const Json module = json.value("module", Json());
  Options options(json.value("construct_kwargs", Json()));
  AnyRegression result;
  if (module == "SkLearnLasso") {
    result = surrogate::Lasso{.alpha = options.take("alpha", 1.0).get<double>()};
  } else if (module == "SkLearnRidge") {
    result = surrogate::Ridge{.alpha = options.take("alpha", 1.0).get<double>()};
  } else if (module == "SkLearnLinearRegression") {
    result = surrogate::Ordinary{};
  } else {
    throw golden::Unmapped("the surrogate " + json.dump());
  }
  options.done();
  return result;
}

Value lime(const golden::Case& one, const golden::File& file) {
  return result_of(one, file, [](const golden::Perturbed& question, std::int64_t samples, Options& ctor) {
    if (!ctor.take("perturb_func", nullptr).is_null()) throw golden::Unmapped("a sampler of one's own");
    return lumen::Lime<golden::PartBaselines, AnySimilarity, surrogate::Bernoulli, AnyRegression>{
        .baseline = question.baselines,
        .groups = question.groups(),
        .samples = samples,
        .similarity = similarity_of(ctor.take("similarity_func", nullptr)),
        .regression = regression_of(ctor.take("interpretable_model", nullptr))};
  });
}

bool no_quirk(const golden::Case&) { return false; }

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of Shapley values, exact and sampled, and of KernelSHAP") {
  golden::check_family({"ShapleyValues"}, shapley_values, no_quirk);
  golden::check_family({"ShapleyValueSampling"}, shapley_sampling, no_quirk);
  golden::check_family({"KernelShap"}, kernel_shap, no_quirk);
}

DOCTEST_TEST_CASE("Captum's cases of LIME") { golden::check_family({"Lime"}, lime, no_quirk); }

DOCTEST_TEST_CASE("Captum's cases of coalitions at noisy inputs") {
  const auto allowed = golden::Absent::Allowed;
  golden::check_family({"NoiseTunnel(ShapleyValues)"}, shapley_values, no_quirk, allowed);
  golden::check_family({"NoiseTunnel(ShapleyValueSampling)"}, shapley_sampling, no_quirk, allowed);
  golden::check_family({"NoiseTunnel(KernelShap)"}, kernel_shap, no_quirk, allowed);
  golden::check_family({"NoiseTunnel(Lime)"}, lime, no_quirk, allowed);
}
