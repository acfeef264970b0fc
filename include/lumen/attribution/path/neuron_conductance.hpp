// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <lumen/attribution/path/detail/layer_path.hpp>
#include <lumen/baseline/constant.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>
#include <lumen/target/element.hpp>

namespace lumen {

namespace detail {

/// For each target, the gradient at the points that flows through the units of a layer that `neuron` looks at: the sum
/// over units of (ds/dh_j) (dF/dh_j) (dh_j/dx), s the neuron's functor. The model may overwrite the points.
inline std::vector<Tensors> gradients_through(const engine::Function& model, const trace::Layer& layer,
                                              const Tensors& points, const Targets& targets,
                                              const AnyTarget& neuron) {
  const at::AutoGradMode enable(true);
  const engine::Differentiable input(points);
  Tensor held;
  trace::LayerListener listener({layer}, [&](std::size_t, const Tensor& value) {
    held = value.clone();
    return held.clone();
  });
  Tensor output;
  {
    const trace::Listening listening(listener);
    output = engine::run_model(model, input.given);
  }
  listener.check();
  const auto flows = [](const Tensor& to, const char* from) {
    require(to.defined(), [&] {
      return text(from,
                  " through differentiable operations; check the model for detach, argmax or NoGradGuard");
    });
  };
  require(held.requires_grad(),
          "the layer's value does not depend on the input through differentiable operations");
  const Tensor units = held.detach().requires_grad_(true);
  const Tensor chosen = neuron(units).sum();
  Tensor shares;
  if (chosen.requires_grad()) shares = torch::autograd::grad({chosen}, {units}, {}, false, false, true)[0];
  flows(shares, "the neuron's functor does not depend on the layer's value");
  std::vector<Tensors> results;
  for (std::size_t t = 0; t < targets.size(); ++t) {
    const Tensor score = targets[t](output).sum();
    Tensor at_layer;
    if (score.requires_grad()) at_layer = torch::autograd::grad({score}, {held}, {}, true, false, true)[0];
    flows(at_layer, "the score does not depend on the layer");
    results.push_back(input.for_parts(torch::autograd::grad({held}, input.origins, {shares * at_layer},
                                                            t + 1 < targets.size(), false, true)));
  }
  return results;
}

}  // namespace detail

/// Conductance of an inner neuron for each element of the input: Dhamdhere, Sundararajan and Yan, "How Important Is
/// a Neuron?", ICLR 2019, arXiv:1805.12233, equation 2.
///
///     a = (x - x') * integral over t in [0, 1] of dF/dh_j * dh_j/dx at x' + t (x - x')
///
/// It sums to the neuron's own conductance. Of a neuron that is a functor s of the layer's value, each unit counts
/// with the weight ds/dh_j: a slice's is the sum of its units'. Cost: `steps` forward and backward passes and two
/// forward passes.
template <Baseline B = baseline::Zero, QuadratureRule Q = quadrature::GaussLegendre>
struct NeuronConductance {
  trace::Layer layer{};  ///< layer::nth, layer::of, layer::tap; layer::input of these
  AnyTarget neuron =
      target::Output{};            ///< of the layer's value [N, ...]: target::Element, Slice, any functor
  B baseline{};                    ///< x'; a random one is drawn once for each sample
  std::int64_t steps = 50;         ///< points on the path, at least 1
  Q rule{};                        ///< where on the path, and with what weights
  bool multiply_by_inputs = true;  ///< false leaves the factor (x - x') out
  Run run{};

  /// The same with another baseline.
  template <Baseline Other>
  [[nodiscard]] NeuronConductance<Other, Q> with_baseline(Other other) const {
    return {layer, neuron, std::move(other), steps, rule, multiply_by_inputs, run};
  }

  /// @param model   F, differentiable in x; its samples independent of each other
  /// @param x       floating point, [N, ...], or a tuple of such; unchanged
  /// @param target  the model's output [N, ...] -> [N], or `Targets` for several, which share the forward passes
  /// @return a in the shape of the input, in units of the score; `score`
  /// @throws Error  bad input, options, layer or baseline; a score or neuron that is not differentiable
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<X, T> operator()(M&& model, const X& x, const T& target) const {
    engine::check_count("NeuronConductance", "steps", steps);
    return engine::answer(target, [&](const Targets& targets) {
      const detail::LayerPath path = detail::layer_path(model, layer, x, baseline, targets, run);
      const Quadrature q = rule(steps);
      const std::int64_t n = path.size();
      const Tensor weights = at::tensor(q.weights, at::kDouble).repeat_interleave(n);
      std::vector<Tensors> sums(targets.size());
      for (Tensors& sum : sums) {
        for (const Tensor& part : path.x) sum.push_back(at::zeros_like(part));
      }
      Targets all = path.start.targets;
      all.push_back(neuron);
      const auto chunk = [&](std::int64_t first, std::int64_t count) {
        const Tensor samples = engine::samples_of(first, count, n);
        const std::vector<Tensors> gradients = detail::gradients_through(
            path.model, path.layer, path.points(q.nodes, first, samples),
            engine::target_rows(path.start.targets, samples, n), neuron.rows(samples, n));
        for (std::size_t t = 0; t < targets.size(); ++t) {
          for (std::size_t i = 0; i < path.x.size(); ++i) {
            if (!engine::explained(path.x[i])) continue;
            const Tensor& gradient = gradients[t][i];
            const Tensor w = engine::per_row(weights.narrow(0, first, count), gradient);
            engine::add_rows(sums[t][i], samples, gradient * w.to(gradient.device(), gradient.scalar_type()));
          }
        }
      };
      sweep(static_cast<std::int64_t>(q.nodes.size()) * n, engine::granule(all, n), run, "neuron conductance",
            chunk, path.start.row_bytes, path.start.row_largest);
      std::vector<Attribution<X>> results;
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const Tensors away = path.line.away();
        for (std::size_t i = 0; multiply_by_inputs && i < path.x.size(); ++i) {
          sums[t][i] = engine::times(away[i], sums[t][i]);
        }
        results.push_back({.map = input_of<X>(sums[t]),
                           .score = path.start.scores[t],
                           .forward_passes = static_cast<std::int64_t>(q.nodes.size()) + 2,
                           .backward_passes = static_cast<std::int64_t>(q.nodes.size())});
      }
      return results;
    });
  }
};

}  // namespace lumen
