// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/baseline/blur.hpp>
#include <lumen/engine/gradient.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/quadrature.hpp>

namespace lumen {

namespace detail {

/// The Gaussian blur of `x` along all dimensions after the channels, and its derivative in sigma.
inline std::pair<Tensor, Tensor> blur_and_derivative(const Tensor& x, double sigma, std::int64_t radius) {
  Tensor blurred = x, derivative = at::zeros_like(x);
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) {
    const GaussianMatrix matrix = gaussian_matrix(x.size(axis), sigma, radius);
    derivative = along(derivative, axis, matrix.blur) + along(blurred, axis, matrix.derivative);
    blurred = along(blurred, axis, matrix.blur);
  }
  return {blurred, derivative};
}

}  // namespace detail

/// Blur integrated gradients: Xu, Venugopalan and Sundararajan, "Attribution in Scale and Space", CVPR 2020,
/// arXiv:2004.03383, equation 3.
///
///     a = integral over s in [0, sigma] of dF/dx at blur(x, s) * (- d blur(x, s) / ds)
///
/// Completeness: a sums to F(x) - F(blur(x, sigma)) up to the quadrature's error, which is returned; the
/// derivative of the blur is exact. The path invents no structure that the image does not have. Input [N, C,
/// ...]. Cost: `steps` forward and backward passes and two forward passes.
template <QuadratureRule Q = quadrature::GaussLegendre>
struct BlurIntegratedGradients {
  double sigma = 50.0;      ///< the largest standard deviation, in pixels, > 0; borders mirrored
  std::int64_t steps = 50;  ///< points on the path, at least 1
  Q rule{};                 ///< which sigmas, and with what weights
  Run run{};

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, C, ...], or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in units of the score, `score`, `completeness_error`
  /// @throws Error  bad input or options; a score that is not finite or not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] auto operator()(M&& model, const X& x, const T& target) const {
    require(sigma > 0 && steps >= 1, [&] {
      return text("BlurIntegratedGradients: sigma is ", sigma, " and steps ", steps,
                  ", expected > 0 and at least 1");
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind<X>(model);
      Tensors parts = parts_of(x);
      for (Tensor& part : parts) {
        part = part.detach();
        require(part.dim() >= 3, [&] {
          return text("BlurIntegratedGradients needs an input [N, C, ...] with spatial dimensions, got ",
                      part.sizes());
        });
      }
      const engine::Start start = engine::start(function, parts, targets, run);
      const std::int64_t n = parts.front().size(0), radius = detail::gaussian_radius(sigma);
      Tensors blurriest;
      for (const Tensor& part : parts)
        blurriest.push_back(detail::blur_and_derivative(part, sigma, radius).first);
      const std::vector<Tensor> before = engine::scores_of(function, blurriest, start.targets, run);

      const Quadrature q = rule(steps);
      std::vector<Tensors> maps(targets.size());
      for (Tensors& map : maps) {
        for (const Tensor& part : parts) map.push_back(at::zeros_like(part));
      }
      Tensors direction;  // of the rows of the pass under way: weight * dx/dt
      engine::differentiate_rows(
          function, n, steps, start.targets, run, "blur integrated gradients",
          [&](std::int64_t first, const Tensor& samples) {
            const std::int64_t end = first + samples.size(0);
            Tensors points;
            direction.clear();
            for (const Tensor& part : parts) {
              Tensors blurred, moves;
              for (std::int64_t row = first; row < end;) {
                const std::int64_t step = row / n, from = row % n, count = std::min(n - from, end - row);
                const auto k = static_cast<std::size_t>(step);
                auto [point, slope] = detail::blur_and_derivative(part.narrow(0, from, count),
                                                                  sigma * (1.0 - q.nodes[k]), radius);
                blurred.push_back(point);
                moves.push_back(slope * (-sigma * q.weights[k]));
                row += count;
              }
              points.push_back(at::cat(blurred));
              direction.push_back(at::cat(moves));
            }
            return points;
          },
          [&](const engine::Derivatives& derivatives, std::int64_t, const Tensor& samples) {
            for (std::size_t t = 0; t < targets.size(); ++t) {
              for (std::size_t p = 0; p < parts.size(); ++p) {
                engine::add_rows(maps[t][p], samples, derivatives.gradients[t][p] * direction[p]);
              }
            }
          });

      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        results.push_back({.map = input_of<X>(maps[t]),
                           .score = start.scores[t],
                           .completeness_error = engine::sum_of(maps[t]) - (start.scores[t] - before[t]),
                           .forward_passes = steps + 2,
                           .backward_passes = steps});
      }
      return results;
    });
  }
};

}  // namespace lumen
