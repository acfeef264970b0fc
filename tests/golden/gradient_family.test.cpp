// SPDX-License-Identifier: BSD-3-Clause
// Captum's own cases of the gradient family, run by lumen.
#include <lumen/attribution/combine/smooth.hpp>
#include <lumen/attribution/gradient/input_x_gradient.hpp>
#include <lumen/attribution/gradient/saliency.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/target/element.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <string>

#include "support/golden_question.hpp"

namespace golden = lumen::testing::golden;
using golden::Answer;
using golden::answer;
using golden::Options;
using golden::Question;
using golden::Unmapped;
using lumen::Tensor;
using lumen::Tensors;

namespace {

template <class Baselines>
auto integrated_gradients(const Baselines& baselines, Options& options, Options& ctor) {
  const bool whole = options.take("internal_batch_size", nullptr).is_null();
  return lumen::IntegratedGradients<Baselines, golden::AnyRule>{
      .baseline = baselines,
      .steps = options.take("n_steps", 50).get<std::int64_t>(),
      .rule = golden::rule_of(options.take("method", "gausslegendre").get<std::string>()),
      .multiply_by_inputs = ctor.take("multiply_by_inputs", true).get<bool>(),
      // a batch size inside becomes the least memory, so that the path is walked in pieces
      .run = {.memory = whole ? lumen::Run{}.memory : 1}};
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
      result.delta = golden::delta_of_maps(result.maps, question, origins);
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
                                                        .scale = lumen::NoiseScale::InputUnits,
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

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of the gradient family") {
  golden::check_family(
      {"Saliency", "InputXGradient", "IntegratedGradients", "NoiseTunnel(IntegratedGradients)",
       "NoiseTunnel(Saliency)"},
      [](const golden::Case& one, const golden::File& file) {
        return golden::result_of(one, golden::ask(one, file.model(one.model)),
                                 [&](const Question& question, const auto& x, const auto& baselines) {
                                   return run(one, question, x, baselines);
                                 });
      },
      [](const golden::Case&) { return false; });
}
