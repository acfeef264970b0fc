// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <concepts>
#include <cstddef>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

/// Curves from a baseline x' (t = 0) to the input x (t = 1), one for each sample of a batch.
namespace lumen::path {

/// Some of a path's points and its velocity there, dx/dt: rows of each part of the input. Held parts do not move.
struct Rows {
  Tensors points, velocities;
};

/// A path: `path.rows(t, samples)` gives, for row r, the point at t[r] of the path of sample samples[r].
template <class P>
concept Path = requires(const P& path, const std::vector<double>& t, const Tensor& samples) {
  { path.rows(t, samples) } -> std::same_as<Rows>;
};

/// The straight line of integrated gradients, x' + t (x - x'). The ends may be inputs, or values of inner layers.
struct Straight {
  Tensors from, to;  ///< x' and x, of one shape

  /// The velocity of each sample, the same at every t.
  [[nodiscard]] Tensors away() const {
    Tensors result;
    for (std::size_t i = 0; i < to.size(); ++i) {
      result.push_back(engine::explained(to[i]) ? to[i] - from[i] : at::zeros_like(to[i]));
    }
    return result;
  }

  [[nodiscard]] Tensors points(const std::vector<double>& t, const Tensor& samples) const {
    return along(from, to, away(), t, samples);
  }

  [[nodiscard]] Rows rows(const std::vector<double>& t, const Tensor& samples) const {
    const Tensors velocity = away();
    return {along(from, to, velocity, t, samples), engine::select_rows(velocity, samples)};
  }

  /// The points of rows, from ends that are known already. @param away  to - from
  [[nodiscard]] static Tensors along(const Tensors& from, const Tensors& to, const Tensors& away,
                                     const std::vector<double>& t, const Tensor& samples) {
    Tensors points;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const Tensor index = samples.to(to[i].device());
      const auto rows_of = [&](const Tensor& values) {
        return values.size(0) == 1 ? values : values.index_select(0, index);
      };
      if (!engine::explained(to[i])) {
        points.push_back(to[i].index_select(0, index));
        continue;
      }
      const Tensor where = engine::per_row(engine::numbers_like(t, to[i]), to[i]);
      points.push_back(at::addcmul(rows_of(from[i]), rows_of(away[i]), where));
    }
    return points;
  }
};

}  // namespace lumen::path
