// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include <lumen/map/check.hpp>

namespace lumen::map {

namespace detail {

/// Folds the channels of each pixel: `total = step(total, value)` from the first channel on, `total` starting
/// at 0.
template <Map E, class Step>
[[nodiscard]] Array<Value<E>> fold_channels(const E& map, const char* who, const Step& step) {
  const Flat<E> from(map);
  std::vector<std::size_t> shape = from.shape();
  require(shape.size() == 3 || shape.size() == 4, [&] {
    return text(who, ": shape ", shape_text(shape),
                " has no channel axis; expected [N, C, H, W] or [C, H, W]");
  });
  const std::size_t axis = shape.size() - 3;
  const std::size_t channels = shape[axis];
  require(channels > 0, [&] { return text(who, ": shape ", shape_text(shape), " has no channels"); });
  const std::size_t samples = axis == 0 ? 1 : shape[0];
  const std::size_t pixels = shape[axis + 1] * shape[axis + 2];
  shape[axis] = 1;
  auto to = filled(shape, Value<E>{0});
  for (std::size_t n = 0; n < samples; ++n)
    for (std::size_t c = 0; c < channels; ++c) {
      const Value<E>* in = from.values().data() + (n * channels + c) * pixels;
      Value<E>* out = to.data() + n * pixels;
      for (std::size_t i = 0; i < pixels; ++i) out[i] = step(out[i], in[i]);
    }
  return to;
}

}  // namespace detail

// Every reduction takes [N, C, H, W] or [C, H, W] and returns [N, 1, H, W] or [1, H, W]; a NaN in any channel
// makes the pixel NaN. @throws Error  another rank, or no channels.

/// The sum over channels: what a pixel contributes. Keeps completeness.
template <Map E>
[[nodiscard]] Array<Value<E>> sum_channels(const E& map) {
  return detail::fold_channels(map, "map::sum_channels", [](auto total, auto x) { return total + x; });
}

/// The mean over channels.
template <Map E>
[[nodiscard]] Array<Value<E>> mean_channels(const E& map) {
  auto out = detail::fold_channels(map, "map::mean_channels", [](auto total, auto x) { return total + x; });
  const auto channels = static_cast<Value<E>>(map.shape()[map.dimension() - 3]);
  for (auto& value : out) value /= channels;
  return out;
}

/// The value of largest magnitude, with its sign; of equal magnitudes the lowest channel.
template <Map E>
[[nodiscard]] Array<Value<E>> max_abs_channels(const E& map) {
  return detail::fold_channels(map, "map::max_abs_channels", [](auto best, auto x) {
    return !std::isnan(best) && !(std::abs(x) <= std::abs(best)) ? x : best;
  });
}

/// The Euclidean length over channels, >= 0.
template <Map E>
[[nodiscard]] Array<Value<E>> l2_channels(const E& map) {
  auto out = detail::fold_channels(map, "map::l2_channels", [](auto total, auto x) { return total + x * x; });
  for (auto& value : out) value = std::sqrt(value);
  return out;
}

}  // namespace lumen::map
