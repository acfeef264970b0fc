// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include <lumen/core/input.hpp>
#include <lumen/core/tensor.hpp>
#include <lumen/engine/input.hpp>

namespace lumen::path {

/// The parts of an input that are explained as one matrix [N, D], and back; held ones are those of `like`.
inline Tensor flat(const Tensors& parts) {
  Tensors rows;
  for (const Tensor& part : engine::explained_of(parts)) rows.push_back(part.reshape({part.size(0), -1}));
  return rows.size() == 1 ? rows.front() : at::cat(rows, 1);
}
inline Tensors unflat(const Tensor& rows, const Tensors& like) {
  Tensors parts;
  std::int64_t first = 0;
  for (const Tensor& part : like) {
    if (!engine::explained(part)) {
      parts.push_back(part);
      continue;
    }
    const std::int64_t size = part[0].numel();
    std::vector<std::int64_t> shape = part.sizes().vec();
    shape.front() = rows.size(0);
    parts.push_back(rows.narrow(1, first, size).reshape(shape));
    first += size;
  }
  return parts;
}

/// The path of guided integrated gradients, for each row from `origin` to `goal`, both [N, D]: made on the way, from the
/// gradients where it stands.
struct Guided {
  Tensor origin, goal;
  double fraction, max_distance;
  Tensor at = origin.clone();                          ///< where the path is, [N, D]
  Tensor map = at::zeros_like(origin);                 ///< attributions so far, [N, D]
  Tensor length = (goal - origin).abs().sum(1, true);  ///< L1 length of the path, [N, 1]

  [[nodiscard]] Tensor along(double t) const { return origin + (goal - origin) * t; }

  /// Walks on until a share `t` of the L1 distance is covered, the features of the smallest |gradient| first.
  /// @return rounds that it took; each exhausts `fraction` of the features of every row that is not there
  std::int64_t advance(const Tensor& gradient, double t) {
    const double infinity = std::numeric_limits<double>::infinity();
    const Tensor low = along(std::max(t - max_distance, 0.0)), high = along(std::min(t + max_distance, 1.0));
    const Tensor wanted = length * (1.0 - t), away = (goal - origin).abs();
    const auto rank = static_cast<std::int64_t>(fraction * static_cast<double>(origin.size(1) - 1)) + 1;
    Tensor before = at.clone();
    at = at::where((at - origin).abs() < (low - origin).abs(), low, at);  // no feature lags behind
    Tensor magnitude = gradient.abs();
    Tensor left = (goal - at).abs().sum(1, true);
    Tensor active = left > wanted;
    std::int64_t rounds = 0;
    for (; active.any().item<bool>(); ++rounds) {
      const Tensor full = (at == high).logical_or(away == 0);
      magnitude = magnitude.masked_fill(full, infinity);
      const Tensor threshold = std::get<0>(magnitude.kthvalue(rank, 1, true));
      const Tensor chosen = (magnitude <= threshold).logical_and(full.logical_not());
      const Tensor reach = (high - at).abs().mul(chosen).sum(1, true);
      // the whole way for the features chosen, or as much of it as is still wanted
      const Tensor share =
          at::where(reach > 0, ((left - wanted) / reach).clamp_max(1.0), at::zeros_like(reach));
      const Tensor moved = at::where(share >= 1.0, high, at + (high - at) * share);
      at = at::where(chosen.logical_and(active), moved, at);
      left = (goal - at).abs().sum(1, true);
      // A row that went a part of the way has arrived, whatever rounding says of what is left.
      active = active.logical_and(share >= 1.0).logical_and(left > wanted);
    }
    map += engine::times(at - before, gradient);
    return rounds;
  }
};

}  // namespace lumen::path
