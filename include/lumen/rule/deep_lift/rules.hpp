// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>

#include <lumen/rule/deep_lift/maxima.hpp>
#include <lumen/rule/deep_lift/norm.hpp>
#include <lumen/rule/deep_lift/pair.hpp>
#include <lumen/rule/deep_lift/product.hpp>
#include <lumen/rule/deep_lift/ranks.hpp>
#include <lumen/rule/deep_lift/softmax.hpp>

namespace lumen::rule {

/// What decides how DeepLIFT treats an operator, asked before `deep_lift_choice`: Rescale, RevealCancel, or one's own
/// for an operator of one's own. Its `whole_batches`, if it has one, says whether the rows of a batch must stay
/// together.
template <class R>
concept DeepLiftRule = std::copy_constructible<R> && requires(const R& rule, const Record& record) {
  { rule(record) } -> std::convertible_to<DeepLiftChoice>;
};

template <DeepLiftRule R>
[[nodiscard]] constexpr bool needs_whole_batches() {
  if constexpr (requires { R::whole_batches; }) {
    return R::whole_batches;
  } else {
    return false;
  }
}

namespace detail {

/// Linear in values on the path when all else is the same in both passes, which is checked.
inline const Kinds linear = kinds::moves | kinds::placements | kinds::scatters | kinds::dropouts |
                            kinds::sums | kinds::gatherings | kinds::averages | kinds::sampling;

/// Whether such an operator is told to do something else.
inline bool is_linear(const Record& record) {
  if (!linear.contains(record.kind)) return false;
  if (record.kind == "grid_sampler") return record.paths() == 1 && record.on_path[0];
  return !kinds::scatters.contains(record.kind) || record.argument("reduce").isNone();
}

}  // namespace detail

/// What is exact (sums to the difference of both passes) for the operators that are no elementwise nonlinearities.
[[nodiscard]] inline DeepLiftChoice deep_lift_choice(const Record& record) {
  if (kinds::norms_fixed.contains(record.kind)) return detail::norm_choice(record);
  if (detail::is_linear(record)) return DeepLiftBackward();
  if (kinds::softmaxes.contains(record.kind)) return detail::rows_of_exponentials;
  for (const auto choose : {detail::product_choice, detail::maxima_choice, detail::rank_choice,
                            detail::norm_choice, detail::pair_choice}) {
    if (DeepLiftChoice choice = choose(record)) return choice;
  }
  return std::nullopt;
}

/// What DeepLIFT does with each operator when elementwise nonlinearities are left to `rule`.
template <DeepLiftRule R>
[[nodiscard]] DeepLiftPasses::Chooser deep_lift_chooser(const R& rule) {
  return [rule](const Record& record) -> DeepLiftChoice {
    if (DeepLiftChoice choice = rule(record)) return choice;
    return deep_lift_choice(record);
  };
}

}  // namespace lumen::rule
