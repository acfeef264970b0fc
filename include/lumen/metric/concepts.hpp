// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>

#include <lumen/map/concepts.hpp>

namespace lumen::metric {

/// How two masks agree: (mask, mask) -> number.
template <class F>
concept MaskMetric = std::regular_invocable<const F&, const map::Array<bool>&, const map::Array<bool>&> &&
                     requires(const F& metric, const map::Array<bool>& mask) {
                       { metric(mask, mask) } -> std::convertible_to<double>;
                     };

/// What one map is like: map -> number.
template <class F>
concept MapMetric = std::regular_invocable<const F&, const map::Array<float>&> &&
                    std::regular_invocable<const F&, const map::Array<double>&> &&
                    requires(const F& metric, const map::Array<float>& map) {
                      { metric(map) } -> std::convertible_to<double>;
                    };

/// Where a map lies: (map, mask) -> number.
template <class F>
concept LocalisationMetric =
    std::regular_invocable<const F&, const map::Array<float>&, const map::Array<bool>&> &&
    std::regular_invocable<const F&, const map::Array<double>&, const map::Array<bool>&> &&
    requires(const F& metric, const map::Array<float>& map, const map::Array<bool>& mask) {
      { metric(map, mask) } -> std::convertible_to<double>;
    };

}  // namespace lumen::metric
