// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/block.hpp>
#include <lumen/op/local/map.hpp>
#include <lumen/op/local/pool.hpp>
#include <lumen/op/local/resample.hpp>
#include <lumen/op/windows.hpp>
#include <lumen/trace/apply.hpp>

/// Pools and interpolation at a recorded point, as maps of patches.
namespace lumen::op::local::detail {

/// [H, W, C] of a value [1, C, H, W].
inline Tensor places_first(const Tensor& value) { return value.select(0, 0).permute({1, 2, 0}).contiguous(); }

inline LocalMapPtr max_pool_of(const Plane& from, const Plane& to, const Sliding& s, const Tensor& value,
                               const Tensor& indices) {
  const auto options = value.options();
  if (s.kernel == s.stride && s.padding == std::array<std::int64_t, 2>{0, 0} &&
      s.dilation == std::array<std::int64_t, 2>{1, 1}) {
    const Tensor wins = at::zeros({from.channels, from.height * from.width}, options);
    wins.scatter_(1, indices.reshape({to.channels, -1}), 1.0);
    return LocalMapPtr(new BlockPoolMap(
        from, to, {s.kernel}, places_first(wins.view({1, from.channels, from.height, from.width}))));
  }
  const auto start = [&](std::size_t axis, std::int64_t size) {
    return at::arange(size, indices.options()) * s.stride[axis] - s.padding[axis];
  };
  const Tensor row = indices.div(from.width, "floor"), column = indices.remainder(from.width);
  const Tensor y = (row - start(0, to.height).unsqueeze(1)).div(s.dilation[0], "floor");
  const Tensor x = (column - start(1, to.width)).div(s.dilation[1], "floor");
  const Tensor winner = (y * s.kernel[1] + x + 1).to(value.scalar_type());
  return LocalMapPtr(new PoolMap(from, to, s, {}, places_first(winner)));
}

inline LocalMapPtr average_pool_of(const trace::Step& step, const Plane& from, const Plane& to,
                                   const Sliding& s, const Tensor& value) {
  const Tensor ones = at::ones({1, 1, from.height, from.width}, value.options());
  const Tensor mean = trace::apply(step, {ones}).front();
  const bool ceil = step.argument("ceil_mode").isBool() && step.argument("ceil_mode").toBool();
  const Tensor count = at::avg_pool2d(ones, s.kernel, s.stride, s.padding, ceil, true, 1);
  const Tensor weight = places_first(mean / count.clamp_min(1.0));  // what one of those read counts for
  return LocalMapPtr(new PoolMap(from, to, s, weight, {}));
}

/// What an operator does along one axis of an image that does not vary along the other: [size of the result, size].
inline Tensor matrix_of(const trace::Step& step, const Tensor& value, std::size_t axis, const Plane& to) {
  trace::Step along = step;
  const std::int64_t size = value.size(2 + static_cast<std::int64_t>(axis));
  const std::int64_t place = step.position("output_size");
  if (place >= 0 && step.argument("output_size").isIntList()) {
    along.arguments[static_cast<std::size_t>(place)] =
        axis == 0 ? std::vector<std::int64_t>{to.height, 1} : std::vector<std::int64_t>{1, to.width};
  }
  const Tensor unit = at::eye(size, value.options());
  const Tensor image = axis == 0 ? unit.view({1, size, size, 1}) : unit.view({1, size, 1, size});
  const Tensor result = trace::apply(along, {image}).front().select(0, 0);
  return result.select(axis == 0 ? 2 : 1, 0).t().cpu().contiguous();
}

inline LocalMapPtr resample_of(const trace::Step& step, const Plane& from, const Plane& to,
                               const Tensor& value) {
  const Tensor rows = matrix_of(step, value, 0, to), columns = matrix_of(step, value, 1, to);
  if (to.height % from.height == 0 && to.width % from.width == 0) {
    const std::int64_t down = to.height / from.height, right = to.width / from.width;
    const auto repeats = [](const Tensor& matrix, std::int64_t times) {
      return at::equal(matrix, at::eye(matrix.size(1), matrix.options()).repeat_interleave(times, 0));
    };
    if (repeats(rows, down) && repeats(columns, right)) {
      return LocalMapPtr(new RepeatMap(from, to, {{down, right}}));
    }
  }
  return LocalMapPtr(new ResampleMap(from, to, rows, columns));
}

inline LocalMapPtr pool_of(const trace::Step& step, std::size_t operand, const Tensors& operands,
                           std::size_t which, const Plane& from, const Plane& to) {
  const std::string& kind = step.kind;
  if (operand != 0 || which != 0 || from.channels != to.channels) return nullptr;
  const Tensor value = operands[0].detach();
  if (const std::optional<Windows> w = pool_windows(step); w && w->dims() == 2) {
    const Sliding s{{w->kernel[0], w->kernel[1]},
                    {w->stride[0], w->stride[1]},
                    {w->padding[0], w->padding[1]},
                    {w->dilation[0], w->dilation[1]}};
    if (kind.find("max") != std::string::npos) {
      const bool ceil = step.argument("ceil_mode").isBool() && step.argument("ceil_mode").toBool();
      const Tensor indices =
          std::get<1>(at::max_pool2d_with_indices(value, s.kernel, s.stride, s.padding, s.dilation, ceil));
      return max_pool_of(from, to, s, value, indices);
    }
    return kind == "avg_pool2d" ? average_pool_of(step, from, to, s, value) : nullptr;
  }
  if (kind == "adaptive_max_pool2d" && from.height % to.height == 0 && from.width % to.width == 0) {
    const Tensor indices =
        std::get<1>(at::adaptive_max_pool2d(value, std::array<std::int64_t, 2>{to.height, to.width}));
    const std::array<std::int64_t, 2> size{from.height / to.height, from.width / to.width};
    return max_pool_of(from, to, {.kernel = size, .stride = size}, value, indices);
  }
  if (kind == "adaptive_avg_pool2d" || kind == "_adaptive_avg_pool2d" || kind == "upsample_nearest2d" ||
      kind == "_upsample_nearest_exact2d" || kind == "upsample_bilinear2d" || kind == "upsample_bicubic2d" ||
      kind == "_upsample_bilinear2d_aa" || kind == "_upsample_bicubic2d_aa") {
    return resample_of(step, from, to, value);
  }
  return nullptr;
}

}  // namespace lumen::op::local::detail
