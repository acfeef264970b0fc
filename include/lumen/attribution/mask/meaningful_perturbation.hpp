// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/cam/upsample.hpp>
#include <lumen/attribution/mask/detail/descent.hpp>
#include <lumen/attribution/mask/detail/masked_input.hpp>
#include <lumen/baseline/blur.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// Meaningful perturbation: Fong and Vedaldi, "Interpretable Explanations of Black Boxes by Meaningful Perturbation", ICCV
/// 2017, arXiv:1704.03296, equation 6, without its jitter.
///
///     a = 1 - the mask m that minimises  F(m x + (1 - m) x') / |F(x) - F(x')|
///                                        + sparsity mean |1 - m| + smoothness mean |grad m|^beta
///
/// The least that must go for the score to fall. m is a grid of cells of `step` pixels, upsampled linearly; found by Adam
/// (arXiv:1412.6980) with projection to [0, 1] from m = 1. Deterministic.
/// Cost: one forward and one backward pass an iteration, and two forward.
template <Baseline B = baseline::Blur>
struct MeaningfulPerturbation {
  B baseline{};  ///< x', what is seen where the mask is 0; a random one is drawn once for each sample
  double sparsity = 1.0;
  double smoothness = 0.2;
  double beta = 3.0;  ///< exponent of the differences between neighbouring cells, at least 1
  std::int64_t iterations = 300;
  std::int64_t step =
      0;  ///< side of the grid's cells, pixels; 0: a 28th of the longer side (8 of 224), at least 1
  double rate = 0.1;  ///< of Adam
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] MeaningfulPerturbation<Other> with_baseline(Other other) const {
    return {std::move(other), sparsity, smoothness, beta, iterations, step, rate, run};
  }

  /// @param model   F, differentiable; its samples independent of each other
  /// @param x       floating point, [N, C, L] or [N, C, H, W], in a tuple beside held parts; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, each of which gets masks of its own
  /// @return 1 - m in [0, 1], the same for all channels, and `score`
  /// @throws Error  bad input, baseline or options; a score that is not finite; Stopped after an iteration
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    check();
    return engine::answer(target, [&](const Targets& targets) {
      const detail::MaskedInput input(engine::bind(model, x), parts_of(x), targets, baseline,
                                      "MeaningfulPerturbation", run);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back({.map = input_of<X>(input.map(1 - found(input, t, targets.size()))),
                           .score = input.score(t),
                           .forward_passes = iterations + 2,
                           .backward_passes = iterations});
      }
      return results;
    });
  }

 private:
  void check() const {
    const auto expect = [](bool holds, const char* name, double value, const char* expected) {
      require(holds,
              [&] { return text("MeaningfulPerturbation: ", name, " is ", value, ", expected ", expected); });
    };
    expect(sparsity >= 0 && std::isfinite(sparsity), "sparsity", sparsity, "at least 0");
    expect(smoothness >= 0 && std::isfinite(smoothness), "smoothness", smoothness, "at least 0");
    expect(beta >= 1 && std::isfinite(beta), "beta", beta, "at least 1");
    expect(iterations >= 1, "iterations", static_cast<double>(iterations), "at least 1");
    expect(step >= 0, "step", static_cast<double>(step), "a number of pixels, or 0 to choose it");
    expect(rate > 0 && std::isfinite(rate), "rate", rate, "more than 0");
  }

  /// Mean of the differences between neighbouring cells, to the power of beta, summed over samples.
  [[nodiscard]] Tensor roughness(const Tensor& grid) const {
    Tensor total = at::zeros({}, grid.options());
    for (const std::int64_t d : {2, 3}) {
      if (grid.size(d) < 2) continue;
      const Tensor change = grid.diff(1, d).abs();
      total = total + change.pow(beta).mean({1, 2, 3}).sum();
    }
    return total;
  }

  /// The mask of one target, [N, 1, H, W].
  Tensor found(const detail::MaskedInput& input, std::size_t target, std::size_t targets) const {
    const std::int64_t longer = std::max(input.height(), input.width());
    const std::int64_t side = step > 0 ? step : std::max<std::int64_t>(1, longer / 28);
    const auto cells = [&](std::int64_t size) { return (size + side - 1) / side; };
    const std::vector<std::int64_t> size{input.height(), input.width()};
    Tensor grid = at::ones({input.samples(), 1, cells(size[0]), cells(size[1])}, input.options());
    Tensor mean = at::zeros_like(grid), square = at::zeros_like(grid);
    const detail::Descent descent{"meaningful perturbation", iterations, targets, run};
    const auto loss = [&](const Tensor& leaf, std::int64_t) {
      const Tensor mask = upsampled(leaf, size, Upsample::Bilinear);
      const Tensor pull = input.pull(target, mask.detach());
      return (mask * pull).sum() + sparsity * (1 - leaf).mean({1, 2, 3}).sum() + smoothness * roughness(leaf);
    };
    const auto way = [&](const Tensor& slope, std::int64_t i) {
      mean = 0.9 * mean + 0.1 * slope;
      square = 0.999 * square + 0.001 * slope.square();
      const auto taken = static_cast<double>(i + 1);
      return rate *
             (mean / (1 - std::pow(0.9, taken)) / ((square / (1 - std::pow(0.999, taken))).sqrt() + 1e-8));
    };
    grid = descent(target, grid, loss, way);
    const at::NoGradGuard no_grad;
    return upsampled(grid, size, Upsample::Bilinear);
  }
};

}  // namespace lumen
