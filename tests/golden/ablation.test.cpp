// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of the ablation and permutation of features and of occlusion, also at noisy inputs, run by lumen.
#include <lumen/attribution/ablation/feature_ablation.hpp>
#include <lumen/attribution/ablation/feature_permutation.hpp>
#include <lumen/attribution/ablation/occlusion.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support/golden_perturb.hpp"

namespace golden = lumen::testing::golden;
using golden::Json;
using golden::Options;
using golden::Value;

namespace {

using Shapes = std::vector<lumen::perturb::Windows::Shape>;

/// Captum's sizes: a number, a tuple of numbers for one input, or one of these for each input.
Shapes shapes(const Json& json, const golden::Perturbed& question) {
  Shapes all;
  if (json.is_null()) return all;
  const Json inside = json.is_object() ? json.at("tuple") : json;
  for (std::size_t i = 0; i < question.explained(); ++i) {
    const auto rank = static_cast<std::size_t>(question.x.parts[i].dim()) - (question.whole() ? 2U : 1U);
    const bool each =
        inside.is_array() && !inside.empty() && (inside.front().is_object() || question.explained() > 1);
    const Json one = each ? inside.at(i) : inside;
    if (one.is_number()) {
      all.emplace_back(rank, one.get<std::int64_t>());
    } else {
      all.push_back((one.is_object() ? one.at("tuple") : one).get<lumen::perturb::Windows::Shape>());
    }
  }
  return all;
}

Value ablation(const golden::Case& one, const golden::File& file) {
  Options options(one.params), ctor(one.ctor), inner(one.inner_ctor);
  const golden::Perturbed question(one, file.model(one.model), options);
  ctor.done();
  inner.done();
  const lumen::FeatureAblation<golden::PartBaselines> method{.baseline = question.baselines,
                                                             .groups = question.groups()};
  return question.answer(golden::ask(one, options, question, method));
}

Value occlusion(const golden::Case& one, const golden::File& file) {
  Options options(one.params), ctor(one.ctor), inner(one.inner_ctor);
  const golden::Perturbed question(one, file.model(one.model), options);
  ctor.done();
  inner.done();
  const lumen::Occlusion<golden::PartBaselines> method{
      .baseline = question.baselines,
      .window = shapes(options.take("sliding_window_shapes", nullptr), question),
      .stride = shapes(options.take("strides", nullptr), question)};
  return question.answer(golden::ask(one, options, question, method));
}

/// With two samples there is one way to permute them; with more the mean over draws is what Captum's come to.
Value permutation(const golden::Case& one, const golden::File& file) {
  Options options(one.params), ctor(one.ctor);
  const golden::Perturbed question(one, file.model(one.model), options);
  if (!ctor.take("perm_func", nullptr).is_null()) throw golden::Unmapped("a permutation of one's own");
  ctor.done();
  const lumen::FeaturePermutation method{.groups = question.groups()};
  return question.answer(golden::ask(one, options, question, method));
}

bool no_quirk(const golden::Case&) { return false; }

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of feature ablation, also at noisy inputs") {
  golden::check_family({"FeatureAblation", "NoiseTunnel(FeatureAblation)"}, ablation, no_quirk);
}

DOCTEST_TEST_CASE("Captum's cases of occlusion") {
  golden::check_family({"Occlusion"}, occlusion, no_quirk);
  golden::check_family({"NoiseTunnel(Occlusion)"}, occlusion, no_quirk, golden::Absent::Allowed);
}

DOCTEST_TEST_CASE("Captum's cases of feature permutation") {
  golden::check_family({"FeaturePermutation"}, permutation, no_quirk, golden::Absent::Allowed);
}
