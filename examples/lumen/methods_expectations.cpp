// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/expected_gradients.hpp>

#include "binding.hpp"

namespace cli {

namespace {

constexpr const char* multiply = "false leaves the factor (x - x') out";
constexpr const char* check = "false saves the passes of the completeness error";

}  // namespace

void add_expectations(std::vector<Entry>& all) {
  using Expected = lm::ExpectedGradients<AnyBaseline>;
  all.push_back(entry(Table("expected-gradients", Expected{.baseline = to_baseline("noise:1")})
                          .option("samples", "draws of the baseline", &Expected::samples)
                          .option("multiply-by-inputs", multiply, &Expected::multiply_by_inputs)
                          .option("check-completeness", check, &Expected::check_completeness),
                      "gradients on paths from drawn baselines (Erion 2021)", {{"samples", "2"}}));
  using Shap = lm::GradientShap<AnyBaseline>;
  all.push_back(entry(Table("gradient-shap", Shap{.baseline = to_baseline("zero")})
                          .option("samples", "draws", &Shap::samples)
                          .option("stdev", "of the noise on the input, in its units", &Shap::stdev)
                          .option("multiply-by-inputs", multiply, &Shap::multiply_by_inputs)
                          .option("check-completeness", check, &Shap::check_completeness),
                      "expected gradients at noisy inputs (Lundberg 2017)", {{"samples", "2"}}));
}

}  // namespace cli
