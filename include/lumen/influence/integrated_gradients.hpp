// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>

#include <lumen/baseline/constant.hpp>
#include <lumen/baseline/draw.hpp>
#include <lumen/engine/quadrature.hpp>
#include <lumen/influence/detail/average.hpp>
#include <lumen/influence/rows.hpp>

namespace lumen::influence {

/// Integrated gradients of every chosen output pixel: Sundararajan, Taly and Yan, ICML 2017, arXiv:1703.01365, equation
/// 1, each pixel's score on its own.
///
///     a = (x - x') * integral over t in [0, 1] of the gradient at x' + t (x - x')
///
/// Completeness: a row sums to F(x) - F(x') of its pixel up to the quadrature's error, `completeness_error` of its chunk.
/// Cost: `steps` times that of the rows, and a recorded pass for each step (for each block of rows that the memory
/// holds).
template <Baseline B = baseline::Zero, QuadratureRule Q = quadrature::GaussLegendre>
struct IntegratedGradients {
  B baseline{};                    ///< x', the input that carries no evidence; a random one is drawn once
  std::int64_t steps = 50;         ///< points on the path, at least 1
  Q rule{};                        ///< where on the path, and with what weights
  bool multiply_by_inputs = true;  ///< false leaves the factor (x - x') out: the averaged gradient
  Options options{};               ///< `way`: Columns is taken as Rows

  /// The arguments are those of `influence::rows`.
  /// @throws Error  as `rows`, and for bad options or a bad baseline
  template <class M>
    requires Model<M>
  Report operator()(M&& model, const Tensor& x, const Outputs& outputs, const Targets& scores,
                    const RowSink& sink) const {
    engine::check_count("IntegratedGradients", "steps", steps);
    require(static_cast<bool>(sink), "influence: no sink is given; pass a functor that takes each RowChunk");
    const engine::Function function = detail::asked_of(model, x, options);
    const Tensor origin =
        lumen::detail::baselines(baseline, {x}, lumen::detail::first_draws(options.run, 1)).front();
    const Quadrature q = rule(steps);
    const Tensor path = (x - origin).detach();
    detail::Points points{.count = static_cast<std::int64_t>(q.nodes.size()), .weights = q.weights};
    points.at = [&](std::int64_t k) { return origin + path * q.nodes[static_cast<std::size_t>(k)]; };
    const auto score_at = [&](const Tensor& at) {
      const at::NoGradGuard no_grad;
      return detail::ask(engine::run_model(function, {at.detach().clone()}), outputs, scores).scores;
    };
    const std::vector<Tensor> with = score_at(x), without = score_at(origin);
    const Tensor along = op_plane(path);
    const auto finish = [&](std::size_t t, const Tensor& which, detail::RowSum& rows,
                            detail::Evidence& evidence) {
      op::local::Patches product = rows.sum;
      product.owned = false;
      product = op::local::times_plane(std::move(product), along);
      const Tensor index = which.to(with[t].device());
      evidence.completeness_error = product.values.flatten(1).sum(1) -
                                    (with[t].index_select(0, index) - without[t].index_select(0, index));
      if (multiply_by_inputs) rows.sum = std::move(product);
    };
    Report report =
        detail::averaged_rows(function, x, outputs, scores, points, finish, detail::as_called(sink), options);
    report.forward_passes += 2;
    return report;
  }

 private:
  static Tensor op_plane(const Tensor& path) { return path.select(0, 0).permute({1, 2, 0}).contiguous(); }
};

}  // namespace lumen::influence
