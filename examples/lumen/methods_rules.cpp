// SPDX-License-Identifier: BSD-3-Clause
#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/rule/deep_lift/captum.hpp>
#include <lumen/rule/deep_lift/reveal_cancel.hpp>

#include "binding.hpp"

namespace cli {

namespace {

/// DeepLIFT's rule chosen at run time.
struct LiftRule {
  enum class Kind { rescale, reveal_cancel, captum_rescale };
  static constexpr bool whole_batches = lm::rule::needs_whole_batches<lm::rule::RevealCancel>();

  Kind kind = Kind::rescale;

  lm::rule::DeepLiftChoice operator()(const lm::rule::Record& record) const {
    switch (kind) {
      case Kind::reveal_cancel:
        return lm::rule::RevealCancel{}(record);
      case Kind::captum_rescale:
        return lm::rule::CaptumRescale{}(record);
      default:
        return lm::rule::Rescale{}(record);
    }
  }
  friend bool operator==(const LiftRule&, const LiftRule&) = default;
};

}  // namespace

template <>
struct Words<LiftRule> {
  using K = LiftRule::Kind;
  static constexpr std::array<std::pair<std::string_view, LiftRule>, 3> all{
      {{"rescale", {K::rescale}},
       {"reveal-cancel", {K::reveal_cancel}},
       {"captum-rescale", {K::captum_rescale}}}};
};

namespace {

template <class A>
Table<A> with_lift_options(Table<A> table) {
  return table.option("rule", "for elementwise nonlinearities", &A::rule)
      .option("multiply-by-inputs", "false: the multipliers", &A::multiply_by_inputs)
      .option("epsilon", "differences below it count as none", &A::epsilon);
}

}  // namespace

void add_rules(std::vector<Entry>& all) {
  using Lift = lm::DeepLift<AnyBaseline, LiftRule>;
  all.push_back(
      entry(with_lift_options(Table("deep-lift", Lift{.baseline = to_baseline("zero"), .rule = {}})),
            "differences of activations, to the input (Shrikumar 2017)"));
  using Shap = lm::DeepLiftShap<AnyBaseline, LiftRule>;
  all.push_back(
      entry(with_lift_options(
                Table("deep-lift-shap", Shap{.baseline = to_baseline("noise:1"), .samples = 10, .rule = {}})
                    .option("samples", "draws of the baseline; 0: each row of samples:FOLDER once",
                            &Shap::samples)),
            "DeepLIFT, averaged over baselines (Lundberg 2017)", {{"samples", "2"}}));
}

}  // namespace cli
