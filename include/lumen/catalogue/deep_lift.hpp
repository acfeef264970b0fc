// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <lumen/attribution/relevance/deep_lift.hpp>
#include <lumen/attribution/relevance/deep_lift_shap.hpp>
#include <lumen/catalogue/bind.hpp>
#include <lumen/rule/deep_lift/captum.hpp>
#include <lumen/rule/deep_lift/reveal_cancel.hpp>

namespace lumen::catalogue {

/// DeepLIFT's rule chosen at run time.
struct LiftRule {
  enum class Kind { Rescale, RevealCancel, CaptumRescale };
  static constexpr bool whole_batches = rule::needs_whole_batches<rule::RevealCancel>();

  Kind kind = Kind::Rescale;

  rule::DeepLiftChoice operator()(const rule::Record& record) const {
    switch (kind) {
      case Kind::RevealCancel:
        return rule::RevealCancel{}(record);
      case Kind::CaptumRescale:
        return rule::CaptumRescale{}(record);
      default:
        return rule::Rescale{}(record);
    }
  }
  friend bool operator==(const LiftRule&, const LiftRule&) = default;
};

template <>
struct Words<LiftRule> {
  using K = LiftRule::Kind;
  static constexpr std::array<std::pair<std::string_view, LiftRule>, 3> all{
      {{"rescale", {K::Rescale}},
       {"reveal-cancel", {K::RevealCancel}},
       {"captum-rescale", {K::CaptumRescale}}}};
};

namespace detail {

template <class A>
Table<A> with_lift_options(Table<A> table) {
  return table.option("rule", "for elementwise nonlinearities", &A::rule)
      .option("multiply-by-inputs", "false: the multipliers", &A::multiply_by_inputs)
      .option("epsilon", "differences below it count as none", &A::epsilon, not_negative);
}

}  // namespace detail

inline void add_deep_lift(std::vector<Entry>& all) {
  using Lift = DeepLift<AnyBaseline, LiftRule>;
  all.push_back(
      entry(detail::with_lift_options(Table("deep-lift", Lift{.baseline = to_baseline("zero"), .rule = {}})),
            "differences of activations, carried to the input",
            "Shrikumar, Greenside and Kundaje, ICML 2017, arXiv:1704.02685", {.complete = true}));
  using Shap = DeepLiftShap<AnyBaseline, LiftRule>;
  all.push_back(
      entry(detail::with_lift_options(
                Table("deep-lift-shap", Shap{.baseline = to_baseline("noise:1"), .samples = 10, .rule = {}})
                    .option("samples", "draws of the baseline; 0: each row of a set once", &Shap::samples,
                            not_negative)),
            "DeepLIFT, averaged over baselines", "Lundberg and Lee, NeurIPS 2017, arXiv:1705.07874",
            {.quick = {{"samples", "2"}}, .complete = true}));
}

}  // namespace lumen::catalogue
