// SPDX-License-Identifier: BSD-3-Clause
// Captum's cases of DeepLIFT, run by lumen.
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/rule/deep_lift/captum.hpp>

#include <doctest/doctest.h>

#include "support/golden_question.hpp"

namespace golden = lumen::testing::golden;
using lumen::Tensor;

namespace {

/// Cases whose values are known defects of Captum's: a softmax that couples the samples of a
/// batch, and a max pool directly after a ReLU.
bool is_quirk(const golden::Case& one) {
  static const std::set<std::string> quirks{"cnn_deeplift_07", "cnn_deeplift_08", "cnn_deeplift_09",
                                            "cnn_deeplift_10", "cnn_deeplift_11", "cnn_deepliftshap_02"};
  return quirks.contains(one.id);
}

template <lumen::rule::DeepLiftRule R>
golden::Value result_with(const R& rule, const golden::Case& one, const golden::File& file,
                          bool quiet_delta) {
  const bool shap = one.name() == "DeepLiftShap";
  golden::Case plain = one;
  if (shap) plain.baselines = {};
  const golden::Question question = golden::ask(plain, file.model(one.model));
  golden::Options options(one.params), ctor(one.ctor);
  const bool wants_delta = options.take("return_convergence_delta", false).get<bool>();
  if (!options.take("custom_attribution_func", nullptr).is_null()) throw golden::Unmapped("a function");
  const bool multiply = ctor.take("multiply_by_inputs", true).get<bool>();
  const double epsilon = ctor.take("eps", 1e-10).get<double>();
  options.done();
  ctor.done();
  const auto finish = [&](const auto& why, std::int64_t copies) {
    golden::Answer answer = golden::answer(why);
    answer.delta = wants_delta || quiet_delta ? answer.delta.repeat_interleave(copies) : Tensor();
    return answer;
  };
  return golden::result_of(one, question, [&](const auto&, const auto& x, const auto& baselines) {
    if (!shap) {
      const lumen::DeepLift<std::decay_t<decltype(baselines)>, R> method{
          .baseline = baselines, .rule = rule, .multiply_by_inputs = multiply, .epsilon = epsilon};
      return finish(method(question, x, question.target), 1);
    }
    const golden::Value rows = golden::cast(one.baselines, one.type());
    if constexpr (requires { std::tuple_size<std::decay_t<decltype(x)>>::value; }) {
      if (!rows.is_list() || question.inputs.size() != 2) throw golden::Unmapped("other sets than two");
      const std::tuple sets{lumen::baseline::Samples{rows.list()[0].tensor()},
                            lumen::baseline::Samples{rows.list()[1].tensor()}};
      const lumen::DeepLiftShap<std::decay_t<decltype(sets)>, R> method{
          .baseline = sets, .rule = rule, .multiply_by_inputs = multiply, .epsilon = epsilon};
      if constexpr (std::tuple_size_v<std::decay_t<decltype(x)>> == 2) {
        return finish(method(question, x, question.target), std::get<0>(sets).values.size(0));
      } else {
        throw golden::Unmapped("other sets than two");
      }
    } else {
      const lumen::baseline::Samples set{rows.tensor()};
      const lumen::DeepLiftShap<lumen::baseline::Samples, R> method{
          .baseline = set, .rule = rule, .multiply_by_inputs = multiply, .epsilon = epsilon};
      return finish(method(question, x, question.target), set.values.size(0));
    }
  });
}

golden::Value result(const golden::Case& one, const golden::File& file) {
  return is_quirk(one) ? result_with(lumen::rule::CaptumRescale{}, one, file, false)
                       : result_with(lumen::rule::Rescale{}, one, file, false);
}

}  // namespace

DOCTEST_TEST_CASE("Captum's cases of DeepLIFT and DeepLIFT-SHAP") {
  golden::check_family({"DeepLift", "DeepLiftShap"}, result, is_quirk);
}

DOCTEST_TEST_CASE("where Captum's values are defects, lumen's own are complete") {
  const auto path = lumen::testing::shared("golden/captum.json");
  if (!path) return;
  const golden::File file = golden::read(*path);
  int seen = 0;
  for (const golden::Case& one : file.cases) {
    if (!is_quirk(one)) continue;
    DOCTEST_CAPTURE(one.id);
    ++seen;
    const golden::Value delta = golden::at_path(result_with(lumen::rule::Rescale{}, one, file, true), "[1]");
    DOCTEST_CHECK(delta.tensor().abs().max().item<double>() < 1e-14);
  }
  DOCTEST_CHECK(seen == 6);
}
