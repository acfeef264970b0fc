// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/attribution/place/detail/tail.hpp>
#include <lumen/baseline/set.hpp>
#include <lumen/engine/input.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// What the baseline of a method at a layer is given.
enum class BaselineOf {
  Input,  ///< the model's input: the layer's baseline is its value at that baseline
  Layer,  ///< the layer's own value
};

namespace detail {

/// The baseline of layers' values, for the rows of a tail.
template <Baseline B>
struct LayerBaseline {
  static constexpr bool random = is_random<B>();

  B baseline;
  BaselineOf of;
  const Tail* tail;
  Run run;
  std::vector<bool> held;  ///< which parts of the model's input are
  Tensors fixed;           ///< one for each sample of the batch, unless it is random
  std::int64_t* passes;    ///< where forward passes are counted that it takes itself

  [[nodiscard]] Tensors rows(const Tensors& values, const std::vector<std::int64_t>& sample,
                             const std::vector<std::int64_t>& draw) const {
    const Tensor index = tail->samples(values);
    if (!random) return engine::select_rows(fixed, index);
    const Draws draws{sample, draw};
    if (of == BaselineOf::Layer) return baselines(baseline, values, draws);
    *passes += values.front().size(0) / tail->x().front().size(0);
    return tail->values(baselines(baseline, engine::select_rows(tail->x(), index), draws, held), run);
  }

  /// Of a baseline that is a set of rows: what the layers make of each, once.
  [[nodiscard]] auto as_set() const {
    const auto inputs = static_cast<std::size_t>(std::count(held.begin(), held.end(), false));
    const auto set = set_of(baseline, Tensors(of == BaselineOf::Layer ? tail->layers() : inputs));
    using Set = LayerBaseline<typename std::decay_t<decltype(set)>::value_type>;
    return set ? std::optional(Set{*set, of, tail, run, held, {}, passes}) : std::nullopt;
  }
  [[nodiscard]] std::int64_t size() const
    requires requires(const B& set) { set.size(); }
  {
    return baseline.size();
  }
};

/// For `baselines`, which takes no marks to mean what floating point tells: at a layer ids have a baseline, too.
inline std::vector<bool> held_or_none(std::vector<bool> held, const Tensors& x) {
  held.resize(x.size(), false);
  return held;
}

/// `method` on the tail of a model behind `named`. Its own chunks hold whole batches, so that it is given parts of
/// the batch that fit the memory budget.
template <Input H, class A>
std::vector<Attribution<engine::MapOf<A, const Tail, H>>> attribute_at(
    const A& method, const std::vector<trace::Layer>& named, BaselineOf of, const engine::Function& model,
    Tensors x, const std::vector<bool>& held, const Targets& targets) {
  using Map = engine::MapOf<A, const Tail, H>;
  engine::check_input(x, engine::Types::Any);
  for (Tensor& part : x) part = part.detach();
  const std::vector<trace::Layer> layers = trace::resolved(named, model, x);
  const Run run = engine::run_of(method);
  const std::int64_t n = x.front().size(0);
  const std::vector<std::int64_t> numbers = sample_numbers(run, n);
  const Tensors values = layer_values(model, layers, x, run);
  Tensors fixed;
  visit_baseline(method, [&]<class B>(const B& baseline) {
    if constexpr (!is_random<B>()) {
      const bool of_layer = of == BaselineOf::Layer;
      fixed = of_layer ? baselines(baseline, values, first_draws(run, n))
                       : baselines(baseline, x, first_draws(run, n), held_or_none(held, x));
      if (!of_layer) fixed = layer_values(model, layers, fixed, run);
    }
  });
  std::int64_t passes = fixed.empty() || of == BaselineOf::Layer ? 1 : 2;

  std::vector<std::vector<Attribution<Map>>> pieces(targets.size());
  std::int64_t granule = engine::granule(targets, n);
  if constexpr (requires { requires A::whole_batch; }) granule = n;  // samples look at each other
  sweep(n, granule, run, "layer", [&](std::int64_t first, std::int64_t count) {
    const Tensor index = at::arange(first, first + count, at::kLong);
    engine::Function checked = model;
    if (first == 0 && count < n) {
      // a target that does not fit the batch must be told so, although it is asked in pieces
      checked = [&, once = true](const Tensors& rows) mutable {
        Tensor output = engine::run_model(model, rows);
        std::vector<std::int64_t> shape = output.sizes().vec();
        shape.front() = n;
        for (const AnyTarget& target : targets) {
          if (once) (void)target(output.detach().narrow(0, 0, 1).expand(shape));
        }
        once = false;
        return output;
      };
    }
    const Tail tail(checked, layers, engine::select_rows(x, index), count * rows_asked(method, values));
    Run inner{run};
    inner.samples.assign(numbers.begin() + first, numbers.begin() + first + count);
    if (count < n) inner.progress = {};
    std::int64_t drawn = 0;
    const auto placed = replace_baseline(engine::with_run(method, inner), [&]<class B>(const B& baseline) {
      return LayerBaseline<B>{baseline,
                              of,
                              &tail,
                              inner,
                              held_or_none(held, x),
                              fixed.empty() ? fixed : engine::select_rows(fixed, index),
                              &drawn};
    });
    Targets together;
    for (const AnyTarget& target : count == n ? targets : engine::target_rows(targets, index, n)) {
      together.emplace_back(Together{target});
    }
    const auto rows_of = [&](const auto& whole) {
      if constexpr (requires { whole.rows(index); }) {
        return whole.rows(index);
      } else {
        return whole;
      }
    };
    auto answers =
        engine::ask(rows_of(placed), tail, input_of<H>(engine::select_rows(values, index)), together);
    for (std::size_t t = 0; t < targets.size(); ++t) {
      if (count < n) engine::refuse_partial(answers[t]);
      answers[t].forward_passes += passes + drawn;
      pieces[t].push_back(std::move(answers[t]));
    }
  });
  std::vector<Attribution<Map>> results;
  for (const std::vector<Attribution<Map>>& each : pieces) results.push_back(joined(each));
  return results;
}

}  // namespace detail

/// Any method at an inner layer: the same method on the tail of the model, the part of it behind the layer, as a
/// function of the layer's value h, whatever bypasses the layer being held at what x makes it.
///
///     AtLayer{.method = InputXGradient{}, .layer = layer::nth("relu", -1)}   gradient x activation
///     AtLayer{.method = IntegratedGradients{}, .layer = layer::of(net->conv3)}
///
/// Completeness is that of the method: over a layer that all paths cross, the map sums to F(x) - F(x') if the
/// method is complete. Random draws, noise and standard errors are those of h. Nothing before the layer is
/// differentiated. Cost: that of the method, a forward pass up to the layer, and one more for the baseline of the
/// input if the method has one. Of many rows what comes before the layer runs once (trace::Program), where the model
/// is one and the method no rule; else passes of the tail also run what comes before the layer, without a graph.
template <Method A>
struct AtLayer {
  A method{};
  trace::Layer layer{};                        ///< layer::nth, layer::of, layer::tap; layer::input of these
  BaselineOf baseline_of = BaselineOf::Input;  ///< what the method's baseline, if it has one, is given

  [[nodiscard]] AtLayer with_run(const Run& run) const {
    return {engine::with_run(method, run), layer, baseline_of};
  }

  /// @param model   as the method wants it
  /// @param x       [N, ...], of any type if the model embeds it before the layer, or a tuple of such; unchanged
  /// @param target  [N, ...] -> [N], or `Targets` for several
  /// @return the map in the shape of the layer's value (or what the method makes of it), and what the method tells of it
  /// @throws Error  bad input; a layer that never comes; what the method throws
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<engine::MapOf<A, const detail::Tail, Tensor>, T> operator()(M&& model, const X& x,
                                                                                   const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      return detail::attribute_at<Tensor>(method, {layer}, baseline_of,
                                          engine::bind(model, x, engine::Types::Any), parts_of(x),
                                          held_parts(x), targets);
    });
  }
};

/// The same at several layers together, as one input of several parts: completeness holds for all maps together.
/// Of a layer in front of another one, the map tells what does not pass through that other.
template <class A>
  requires engine::Attributes<A, const detail::Tail, Tensors, AnyTarget>
struct AtLayers {
  A method{};
  std::vector<trace::Layer> layers{};
  BaselineOf baseline_of = BaselineOf::Input;  ///< what the method's baseline, if it has one, is given

  [[nodiscard]] AtLayers with_run(const Run& run) const {
    return {engine::with_run(method, run), layers, baseline_of};
  }

  /// As AtLayer. @return one map for each layer
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<engine::MapOf<A, const detail::Tail, Tensors>, T> operator()(M&& model, const X& x,
                                                                                    const T& target) const {
    return engine::answer(target, [&](const Targets& targets) {
      return detail::attribute_at<Tensors>(method, layers, baseline_of,
                                           engine::bind(model, x, engine::Types::Any), parts_of(x),
                                           held_parts(x), targets);
    });
  }
};

}  // namespace lumen
