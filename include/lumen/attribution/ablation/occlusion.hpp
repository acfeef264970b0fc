// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/ablation/detail/ablate.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/start.hpp>
#include <lumen/perturb/windows.hpp>

namespace lumen {

/// Occlusion: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901,
/// section 4.1.
///
///     a_i = mean over the windows w that cover i of F(x) - F(x with w replaced by x')
///
/// The model need not be differentiable. With windows of one element it is FeatureAblation. Cost: one forward pass for
/// each window, batched, and one more.
template <Baseline B = baseline::Zero>
struct Occlusion {
  B baseline{};  ///< x', what stands in an occluded window; a random one is drawn once for each sample
  /// The window's size along the last dimensions of each input, elements: {{5, 5}} on [N, C, H, W] covers all channels.
  /// One for all inputs, or one for each that is not held; windows of different inputs come one after the other.
  std::vector<perturb::Windows::Shape> window{};
  std::vector<perturb::Windows::Shape> stride{};  ///< steps along the same dimensions, elements; none: 1
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] Occlusion<Other> with_baseline(Other other) const {
    return {std::move(other), window, stride, run};
  }

  /// @param model   F, which need not be differentiable; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`; no completeness in general
  /// @throws Error  bad input or baseline; a window that does not fit, or a stride that leaves elements uncovered; a
  ///                score that is not finite
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) part = part.detach();
      engine::check_input(parts);
      const perturb::Windows windows(window, stride, engine::explained_of(parts));
      const engine::Start start = engine::start(function, parts, targets, run);
      const Tensors absent =
          detail::baselines(baseline, parts, detail::first_draws(run, parts.front().size(0)));
      detail::Ablated found = detail::ablate(function, perturb::recorder_of(model, function, parts), parts,
                                             absent, start, windows, run);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        std::size_t window_of = 0;
        for (std::size_t i = 0; i < parts.size(); ++i) {
          if (engine::explained(parts[i])) found.maps[t][i] /= windows.coverage(window_of++);
        }
        results.push_back(found.of<X>(t, start.scores[t], windows.count() + 1));
      }
      return results;
    });
  }
};

}  // namespace lumen
