// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <utility>
#include <vector>

#include <lumen/engine/gradients_at.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/rule/lrp/composite.hpp>
#include <lumen/rule/lrp/excitation.hpp>
#include <lumen/rule/pass.hpp>

namespace lumen {

/// Excitation backprop: Zhang, Lin, Brandt, Shen and Sclaroff, "Top-down Neural Attention by Excitation Backprop",
/// 2016, arXiv:1608.00507: the probability that a winner-take-all process which starts at the target's units and goes
/// down through excitatory connections comes to each element (rule::lrp::Excitation).
///
///     P at the model's output o:   dF/do   (1 at the unit that a class or pixel target names)
///
/// Activations and norms by the data's own statistics pass probabilities on.
/// Contrastive: less the same for units of the opposite weights in the last weighted operator; what is common to all
/// classes goes. Without contrast values are >= 0 and sum to at most what P starts with, less by what units that
/// nothing excites hold. The paper explains intermediate layers, whose values are >= 0:
/// `AtLayer{.method = ExcitationBackprop{}, ...}`; of a model's input only positive values win.
/// Cost: one forward pass, and for each target a backward pass of the arithmetic of two to three.
struct ExcitationBackprop {
  bool contrastive = false;
  Run run{};

  /// The composite that it follows.
  [[nodiscard]] rule::Composite composite() const {
    using rule::lrp::Excitation;
    rule::Composite result = rule::lrp::Parts{.convolution = Excitation{},
                                              .dense = Excitation{},
                                              .sum = Excitation{},
                                              .fixed_norm = rule::lrp::BatchNorm{.alone = Excitation{}},
                                              .adaptive_norm = rule::lrp::Pass{}};
    result.method = "ExcitationBackprop";
    if (contrastive) result.last = Excitation{.contrastive = true};
    return result;
  }

  /// @param model   F in its evaluation mode, its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], linear in the output, or `Targets` for several, which share the forward pass
  /// @return probabilities, of the input's shape, and `score`; no completeness
  /// @throws Error  bad input; an operator on the path that has no rule
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      rule::Pass pass(composite());
      const engine::GradientsAt found(pass.bind(engine::bind(model, x)), parts_of(x), targets, run);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        auto [scores, map] = found.of(t);
        results.push_back(
            {.map = input_of<X>(map), .score = scores, .forward_passes = 1, .backward_passes = 1});
      }
      return results;
    });
  }
};

}  // namespace lumen
