// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/path/blur_integrated_gradients.hpp>
#include <lumen/attribution/path/guided_integrated_gradients.hpp>
#include <lumen/attribution/path/integrated_gradients.hpp>

#include "binding.hpp"

namespace cli {

lm::Quadrature AnyRule::operator()(std::int64_t steps) const {
  namespace q = lm::quadrature;
  switch (kind) {
    case Kind::riemann_left:
      return q::RiemannLeft{}(steps);
    case Kind::riemann_right:
      return q::RiemannRight{}(steps);
    case Kind::riemann_middle:
      return q::RiemannMiddle{}(steps);
    case Kind::trapezoid:
      return q::Trapezoid{}(steps);
    case Kind::captum_trapezoid:
      return q::CaptumTrapezoid{}(steps);
    default:
      return q::GaussLegendre{}(steps);
  }
}

void add_paths(std::vector<Entry>& all) {
  using Integrated = lm::IntegratedGradients<AnyBaseline, AnyRule>;
  all.push_back(entry(
      Table("integrated-gradients", Integrated{.baseline = to_baseline("zero"), .rule = {}})
          .option("steps", "points on the path", &Integrated::steps)
          .option("rule", "where on the path", &Integrated::rule)
          .option("multiply-by-inputs", "false: the averaged gradient", &Integrated::multiply_by_inputs)
          .option("tolerance", "> 0: doubles the steps until the relative completeness error is below it",
                  &Integrated::tolerance)
          .option("max-steps", "the most that a tolerance leads to", &Integrated::max_steps),
      "gradients on a straight path from the baseline (Sundararajan 2017)", {{"steps", "2"}}));
  using Blurred = lm::BlurIntegratedGradients<AnyRule>;
  all.push_back(entry(Table("blur-integrated-gradients", Blurred{.rule = {}})
                          .option("sigma", "the largest blur, in pixels", &Blurred::sigma)
                          .option("steps", "points on the path", &Blurred::steps)
                          .option("rule", "where on the path", &Blurred::rule),
                      "gradients while the image comes into focus (Xu 2020)",
                      {{"steps", "2"}, {"sigma", "4"}}));
  using Guided = lm::GuidedIntegratedGradients<AnyBaseline>;
  all.push_back(entry(Table("guided-integrated-gradients", Guided{.baseline = to_baseline("zero")})
                          .option("steps", "moves along the path", &Guided::steps)
                          .option("fraction", "of the features, moved first", &Guided::fraction)
                          .option("max-distance", "from the straight path, 0 to 1", &Guided::max_distance),
                      "a path that avoids large gradients (Kapishnikov 2021)", {{"steps", "2"}}));
}

}  // namespace cli
