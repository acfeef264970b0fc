// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>
#include <vector>

#include <lumen/attribution/relevance/conservation.hpp>
#include <lumen/engine/gradients_at.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/rule/lrp/composite.hpp>

namespace lumen {

/// Layer-wise relevance propagation: Bach, Binder, Montavon, Klauschen, Müller and Samek, "On Pixel-Wise Explanations
/// for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation", PLOS ONE 2015; Montavon, Binder,
/// Lapuschkin, Samek and Müller, "Layer-Wise Relevance Propagation: An Overview", 2019.
///
///     R at the model's output o:   o dF/do   (the score itself, where a class or pixel target points)
///     from there to the input:     by the rule that `composite` has for each operator that ran
///
/// Relevance is conserved but for what biases and stabilisers absorb: `completeness_error` is the sum of the map less
/// F(x), and `conservation` says where it went, operator by operator. For a target that is not linear in the output
/// (softmax, log-odds) the difference between the sum of o dF/do and F is part of it.
/// At a layer: `AtLayer{.method = Lrp{}, ...}`.
/// Cost: one forward pass, and for each target a backward pass of the arithmetic of two to six.
struct Lrp {
  rule::Composite composite = rule::lrp::EpsilonPlus{};
  Run run{};

  /// @param model   F in its evaluation mode, its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward pass
  /// @return relevance in units of the score, `score`, `completeness_error`
  /// @throws Error  bad input; an operator on the path that the composite has no rule for
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      rule::Pass pass(composite);
      const engine::Function relevance = detail::relevance_function(pass, engine::bind(model, x));
      const engine::GradientsAt found(relevance, parts_of(x), targets, run);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        auto [scores, map] = found.of(t);
        results.push_back({.map = input_of<X>(map),
                           .score = scores,
                           .completeness_error = engine::sum_of(map) - scores,
                           .forward_passes = 1,
                           .backward_passes = 1});
      }
      return results;
    });
  }

  /// Where the relevance went. One forward and one backward pass of the whole batch.
  template <Input X, Model<X> M, Target T>
  [[nodiscard]] Conservation conservation(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      return std::vector{detail::conservation(composite, engine::bind(model, x), parts_of(x), targets)};
    });
  }
};

}  // namespace lumen
