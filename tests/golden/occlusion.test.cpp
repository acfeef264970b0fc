// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of occlusion, run by lumen.
#include <lumen/attribution/ablation/occlusion.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support/golden_layers.hpp"
#include "support/golden_question.hpp"

namespace golden = lumen::testing::golden;

namespace {

using Shapes = std::vector<lumen::perturb::Windows::Shape>;

/// Captum's sizes: a number, a tuple of numbers for one input, or one of these for each input.
Shapes shapes(const golden::Json& json, const golden::Asked& asked) {
  Shapes all;
  if (json.is_null()) return all;
  const golden::Json inside = json.is_object() ? json.at("tuple") : json;
  for (std::size_t i = 0; i < asked.inputs.size(); ++i) {
    const lumen::perturb::Windows::Shape whole(asked.inputs[i].sizes().begin() + 1,
                                               asked.inputs[i].sizes().end());
    if (i >= asked.explained) {
      all.push_back(whole);
      continue;
    }
    const bool each =
        inside.is_array() && !inside.empty() && (inside.front().is_object() || asked.explained > 1);
    const golden::Json one = each ? inside.at(i) : inside;
    if (one.is_number()) {
      all.emplace_back(whole.size(), one.get<std::int64_t>());
    } else {
      all.push_back((one.is_object() ? one.at("tuple") : one).get<lumen::perturb::Windows::Shape>());
    }
  }
  return all;
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of occlusion") {
  golden::check_family(
      {"Occlusion"},
      [](const golden::Case& one, const golden::File& file) {
        golden::Options options(one.params), ctor(one.ctor);
        golden::Asked asked = golden::ask_at_layer(one, file.models.at(one.model));
        for (golden::AnyBaseline& baseline : asked.baselines.parts) {  // a column stands for all
          baseline = [given = baseline](const lumen::Tensor& x) {
            try {
              return given(x);
            } catch (const lumen::Error&) {
              return given(x.narrow(1, 0, 1)).expand_as(x);
            }
          };
        }
        const lumen::Occlusion<golden::PartBaselines> method{
            .baseline = asked.baselines,
            .window = shapes(options.take("sliding_window_shapes", nullptr), asked),
            .stride = shapes(options.take("strides", nullptr), asked)};
        (void)options.take("perturbations_per_eval", 1);
        options.done();
        ctor.done();
        const auto why = method(asked, asked.inputs, asked.target);
        return golden::output_of(
            {why.map.begin(), why.map.begin() + static_cast<std::ptrdiff_t>(asked.explained)},
            one.several_inputs());
      },
      [](const golden::Case&) { return false; });
}
