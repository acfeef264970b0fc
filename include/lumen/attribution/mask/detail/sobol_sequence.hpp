// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <tuple>

#include <lumen/core/error.hpp>
#include <lumen/core/seed.hpp>
#include <lumen/core/tensor.hpp>

namespace lumen::detail {

/// Dimensions that LibTorch's direction numbers (Joe and Kuo, 2008) cover.
inline constexpr std::int64_t most_sobol_dimensions = 21201;

/// The first `count` points of Sobol's sequence in [0, 1)^dimensions, moved around the unit cube by a random shift of
/// (seed, draw), so that the mean over shifts is unbiased: Cranley and Patterson, "Randomization of number theoretic
/// methods for multiple integration", SIAM J. Numerical Analysis 1976.
/// @return [count, dimensions], float64, on the processor
[[nodiscard]] inline Tensor sobol_points(std::int64_t count, std::int64_t dimensions, std::uint64_t seed,
                                         std::int64_t draw) {
  require(dimensions <= most_sobol_dimensions, [&] {
    return text("Sobol's sequence has at most ", most_sobol_dimensions, " dimensions, ", dimensions,
                " are needed, two a feature; make larger groups of elements");
  });
  Tensor state = at::zeros({dimensions, 30}, at::kLong);
  at::_sobol_engine_initialize_state_(state, dimensions);
  Tensor points = at::zeros({1, dimensions}, at::kDouble);
  if (count > 1) {
    const Tensor more = std::get<0>(at::_sobol_engine_draw(at::zeros({dimensions}, at::kLong), count - 1,
                                                           state, dimensions, 0, at::kDouble));
    points = at::cat({points, more});
  }
  Tensor shift = at::empty({dimensions}, at::kDouble);
  for (std::int64_t d = 0; d < dimensions; ++d) shift.data_ptr<double>()[d] = uniform(seed, draw, d);
  return (points + shift).frac();
}

}  // namespace lumen::detail
