// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/mask/detail/descent.hpp>
#include <lumen/attribution/mask/detail/masked_input.hpp>
#include <lumen/attribution/mask/detail/smooth_mask.hpp>
#include <lumen/baseline/blur.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// What an extremal mask is to do.
enum class MaskGoal {
  Preserve,  ///< the score stays when only the mask is seen
  Remove,    ///< the score falls when the mask is taken away
  Both,      ///< the difference of the two
};

/// Extremal perturbations: Fong, Patrick and Vedaldi, "Understanding Deep Networks via Extremal Perturbations and Smooth
/// Masks", ICCV 2019, arXiv:1910.08485, equations 3 to 5 and 11.
///
///     a = the mask m of the given area that maximises  F(m x + (1 - m) x') / |F(x) - F(x')| - strength R(m),
///     R(m) = mean over pixels of (m in order - (0, ..., 0, 1, ..., 1 for a share `area`))^2
///
/// m is smooth: a maximum convolution of a grid of cells of `step` pixels. Found by gradient descent with momentum and
/// projection to [0, 1] from m = 1/2; the strength rises from 0 over the first quarter and doubles after one and two
/// thirds. The score is taken in units of what there is to explain, so that the options do not hang on its scale.
/// Deterministic. Cost: one forward and one backward pass an iteration (two with MaskGoal::Both), and two forward.
template <Baseline B = baseline::Blur>
struct ExtremalPerturbation {
  B baseline{};       ///< x', what is seen where the mask is 0; a random one is drawn once for each sample
  double area = 0.1;  ///< share of the image that the mask covers, in (0, 1)
  MaskGoal goal = MaskGoal::Preserve;
  std::int64_t iterations = 800;
  std::int64_t step =
      0;  ///< side of the grid's cells, pixels; 0: a 32nd of the longer side (7 of 224), at least 1
  double rate = 0.01;       ///< of descent
  double momentum = 0.9;    ///< in [0, 1)
  double strength = 300.0;  ///< of R
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] ExtremalPerturbation<Other> with_baseline(Other other) const {
    return {std::move(other), area, goal, iterations, step, rate, momentum, strength, run};
  }

  /// @param model   F, differentiable; its samples independent of each other
  /// @param x       floating point, [N, C, L] or [N, C, H, W], in a tuple beside held parts; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, each of which gets masks of its own
  /// @return m in [0, 1], the same for all channels, and `score`
  /// @throws Error  bad input, baseline or options; a score that is not finite; Stopped after an iteration
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    check();
    return engine::answer(target, [&](const Targets& targets) {
      const detail::MaskedInput input(engine::bind(model, x), parts_of(x), targets, baseline,
                                      "ExtremalPerturbation", run);
      const std::int64_t side =
          step > 0 ? step : std::max<std::int64_t>(1, std::max(input.height(), input.width()) / 32);
      const detail::SmoothMask smooth(input.height(), input.width(), side, input.options());
      const std::int64_t passes = iterations * (goal == MaskGoal::Both ? 2 : 1);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back({.map = input_of<X>(input.map(found(input, smooth, t, targets.size()))),
                           .score = input.score(t),
                           .forward_passes = passes + 2,
                           .backward_passes = passes});
      }
      return results;
    });
  }

 private:
  void check() const {
    const auto expect = [](bool holds, const char* name, double value, const char* expected) {
      require(holds,
              [&] { return text("ExtremalPerturbation: ", name, " is ", value, ", expected ", expected); });
    };
    expect(area > 0 && area < 1, "area", area, "a share of the image in (0, 1)");
    expect(iterations >= 1, "iterations", static_cast<double>(iterations), "at least 1");
    expect(step >= 0, "step", static_cast<double>(step), "a number of pixels, or 0 to choose it");
    expect(rate > 0 && std::isfinite(rate), "rate", rate, "more than 0");
    expect(momentum >= 0 && momentum < 1, "momentum", momentum, "a number in [0, 1)");
    expect(strength > 0 && std::isfinite(strength), "strength", strength, "more than 0");
  }

  /// The mask of one target, [N, 1, H, W].
  Tensor found(const detail::MaskedInput& input, const detail::SmoothMask& smooth, std::size_t target,
               std::size_t targets) const {
    const std::int64_t n = input.samples(), pixels = input.height() * input.width();
    const auto covered = std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::llround(area * static_cast<double>(pixels))), 1, pixels);
    Tensor order = at::zeros({pixels}, input.options());
    order.narrow(0, pixels - covered, covered).fill_(1);
    const std::vector<std::int64_t> cells = smooth.grid();
    Tensor grid = at::full({n, 1, cells[0], cells[1]}, 0.5, input.options());
    Tensor speed = at::zeros_like(grid);
    const detail::Descent descent{"extremal perturbation", iterations, targets, run};
    const auto loss = [&](const Tensor& leaf, std::int64_t i) {
      const Tensor mask = smooth(leaf), seen = mask.detach();
      Tensor pull = at::zeros_like(seen);
      if (goal != MaskGoal::Remove) pull = pull + input.pull(target, seen);
      if (goal != MaskGoal::Preserve) pull = pull + input.pull(target, 1 - seen);
      const Tensor sorted = std::get<0>(mask.reshape({n, pixels}).sort(1));
      return strength_at(i) * (sorted - order).square().mean(1).sum() - (mask * pull).sum();
    };
    const auto way = [&](const Tensor& slope, std::int64_t) {
      speed = momentum * speed + slope;
      return rate * speed;
    };
    grid = descent(target, grid, loss, way);
    const at::NoGradGuard no_grad;
    return smooth(grid);
  }

  [[nodiscard]] double strength_at(std::int64_t iteration) const {
    const double past = static_cast<double>(iteration) / static_cast<double>(iterations);
    return strength * std::min(1.0, 4 * past) * (past < 1.0 / 3 ? 1 : past < 2.0 / 3 ? 2 : 4);
  }
};

}  // namespace lumen
