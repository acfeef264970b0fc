// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include <lumen/attribution/path/blur_integrated_gradients.hpp>
#include <lumen/attribution/path/expected_gradients.hpp>
#include <lumen/attribution/path/guided_integrated_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/catalogue/cam_options.hpp>
#include <lumen/catalogue/quadrature.hpp>

namespace lumen::catalogue {

/// Methods that integrate gradients along paths from a baseline.
inline void add_paths(std::vector<Entry>& all) {
  const Traits few_steps{.quick = {{"steps", "2"}}, .complete = true};
  using Integrated = IntegratedGradients<AnyBaseline, AnyRule>;
  all.push_back(entry(
      Table("integrated-gradients", Integrated{.baseline = to_baseline("zero"), .rule = {}})
          .option("steps", "points on the path", &Integrated::steps, positive_count)
          .option("rule", "where on the path", &Integrated::rule)
          .option("multiply-by-inputs", "false: the averaged gradient", &Integrated::multiply_by_inputs)
          .option("tolerance", "> 0: doubles the steps until the relative completeness error is below it",
                  &Integrated::tolerance, not_negative)
          .option("max-steps", "the most that a tolerance leads to", &Integrated::max_steps),
      "gradients on a straight path from the baseline",
      "Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365", few_steps));
  using Blurred = BlurIntegratedGradients<AnyRule>;
  all.push_back(
      entry(Table("blur-integrated-gradients", Blurred{.rule = {}})
                .option("sigma", "the largest blur, in pixels", &Blurred::sigma, {.least = 0, .above = true})
                .option("steps", "points on the path", &Blurred::steps, positive_count)
                .option("rule", "where on the path", &Blurred::rule),
            "gradients while the image comes into focus",
            "Xu, Venugopalan and Sundararajan, CVPR 2020, arXiv:2004.03383",
            {.quick = {{"steps", "2"}, {"sigma", "4"}}, .complete = true}));
  using Guided = GuidedIntegratedGradients<AnyBaseline>;
  all.push_back(entry(
      Table("guided-integrated-gradients", Guided{.baseline = to_baseline("zero")})
          .option("steps", "moves along the path", &Guided::steps, positive_count)
          .option("fraction", "of the features, moved first", &Guided::fraction,
                  {.least = 0, .most = 1, .above = true})
          .option("max-distance", "from the straight path", &Guided::max_distance, {.least = 0, .most = 1}),
      "a path that avoids large gradients", "Kapishnikov et al., CVPR 2021, arXiv:2106.09788", few_steps));
}

/// Methods that average over drawn baselines.
inline void add_expectations(std::vector<Entry>& all) {
  constexpr const char* multiply = "false leaves the factor (x - x') out";
  constexpr const char* check = "false saves the passes of the completeness error";
  const Traits few_draws{.quick = {{"samples", "2"}}, .complete = true};
  using Expected = ExpectedGradients<AnyBaseline>;
  all.push_back(entry(Table("expected-gradients", Expected{.baseline = to_baseline("noise:1")})
                          .option("samples", "draws of the baseline", &Expected::samples, positive_count)
                          .option("multiply-by-inputs", multiply, &Expected::multiply_by_inputs)
                          .option("check-completeness", check, &Expected::check_completeness),
                      "gradients on paths from drawn baselines",
                      "Erion, Janizek, Sturmfels, Lundberg and Lee, 2021, arXiv:1906.10670", few_draws));
  using Shap = GradientShap<AnyBaseline>;
  all.push_back(entry(Table("gradient-shap", Shap{.baseline = to_baseline("zero")})
                          .option("samples", "draws", &Shap::samples, positive_count)
                          .option("stdev", "of the noise on the input", &Shap::stdev, not_negative)
                          .option("scale", "what it is measured in", &Shap::scale)
                          .option("multiply-by-inputs", multiply, &Shap::multiply_by_inputs)
                          .option("check-completeness", check, &Shap::check_completeness),
                      "expected gradients at noisy inputs",
                      "Lundberg and Lee, NeurIPS 2017, arXiv:1705.07874", few_draws));
}

}  // namespace lumen::catalogue
