// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include <lumen/core/attribution.hpp>
#include <lumen/core/error.hpp>
#include <lumen/engine/method.hpp>

namespace lumen {

/// What can follow a method: a functor from one map to another, [N, ...] -> [N, ...].
template <class S>
concept MapStep = std::is_class_v<S> && requires(const S& step, const Tensor& map) {
  { step(map) } -> std::convertible_to<Tensor>;
};

/// The sum over the channels, [N, C, ...] -> [N, 1, ...]: one value a pixel, completeness kept.
struct SumChannels {
  Tensor operator()(const Tensor& map) const {
    require(map.dim() >= 2, [&] { return text("SumChannels needs a map [N, C, ...], got ", map.sizes()); });
    return map.sum(1, true);
  }
};

/// The magnitude of each value.
struct Magnitude {
  Tensor operator()(const Tensor& map) const { return map.abs(); }
};

/// What speaks for the score: values below zero become zero.
struct PositivePart {
  Tensor operator()(const Tensor& map) const { return map.clamp_min(0); }
};

/// What speaks against it, as positive numbers.
struct NegativePart {
  Tensor operator()(const Tensor& map) const { return map.neg().clamp_min(0); }
};

/// A method and what is done to its map: a method again. Written `method | step | step`. What else is known
/// of the attribution (score, completeness error, passes) stays that of the method; the standard error is
/// left out.
template <Method A, MapStep S>
struct Piped {
  A method{};
  S step{};

  /// As the method. @throws Error  what the method or the step throws
  template <Input X, Model<X> M, TargetOrTargets T>
  [[nodiscard]] Answer<engine::MapOf<A, M, X>, T> operator()(M&& model, const X& x, const T& target) const {
    using Map = engine::MapOf<A, M, X>;
    return engine::answer(target, [&](const Targets& targets) {
      std::vector<Attribution<Map>> results = engine::ask(method, model, x, targets);
      for (Attribution<Map>& result : results) {
        Tensors maps = parts_of(result.map), known = parts_of(result.known);
        for (std::size_t i = 0; i < maps.size(); ++i) {
          if (!maps[i].defined()) continue;
          maps[i] = step(maps[i]);
          if (result.done < 1.0) known[i] = known_after(known[i], maps[i]);
        }
        if (result.done < 1.0) result.known = input_of<Map>(known);
        result.map = input_of<Map>(maps);
        result.standard_error = Map{};
      }
      return results;
    });
  }

  /// Of a method that was stopped, what is known of the step's map: a sum over channels is where all of them are.
  static Tensor known_after(const Tensor& known, const Tensor& map) {
    if (known.sizes() == map.sizes()) return known;
    const bool summed = known.dim() > 1 && map.dim() == known.dim() && map.size(1) == 1 &&
                        known.all(1, true).sizes() == map.sizes();
    if (!summed) throw Stopped("stopped by run.stop, and a step of the pipe has no result of half a map");
    return known.all(1, true);
  }

  [[nodiscard]] Piped with_run(const Run& run) const { return {engine::with_run(method, run), step}; }
};

template <Method A, MapStep S>
[[nodiscard]] Piped<A, S> operator|(A method, S step) {
  return {std::move(method), std::move(step)};
}

}  // namespace lumen
