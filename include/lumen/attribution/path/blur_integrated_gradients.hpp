// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <lumen/attribution/path/blur_path.hpp>
#include <lumen/attribution/path/detail/integral.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/engine/quadrature.hpp>
#include <lumen/engine/start.hpp>

namespace lumen {

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
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    engine::check_count("BlurIntegratedGradients", "steps", steps);
    require(sigma > 0 && sigma <= 1e5, [&] {
      return text("BlurIntegratedGradients: sigma is ", sigma, ", expected above 0, at most 1e5 pixels");
    });
    return engine::answer(target, [&](const Targets& targets) {
      const engine::Function function = engine::bind(model, x);
      const Tensors parts = engine::detached(parts_of(x));
      for (const Tensor& part : parts) {
        require(!engine::explained(part) || part.dim() >= 3, [&] {
          return text("BlurIntegratedGradients needs an input [N, C, ...] with spatial dimensions, got ",
                      part.sizes());
        });
      }
      const engine::Start start = engine::start(function, parts, targets, run);
      Quadrature q = rule(steps);
      const auto integrals = detail::path_integrals(function, path::Blur{parts, sigma}, parts, start, q, run,
                                                    "blur integrated gradients");
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensors& map = integrals[t].product;
        const Tensor difference = start.scores[t] - integrals[t].baseline_score;
        results.push_back({.map = input_of<X>(map),
                           .score = start.scores[t],
                           .completeness_error = engine::sum_of(map) - difference,
                           .forward_passes = static_cast<std::int64_t>(q.nodes.size()) + 1,
                           .backward_passes = steps});
      }
      return results;
    });
  }
};

}  // namespace lumen
