// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <ATen/Dispatch.h>

#include <lumen/core/tensor.hpp>
#include <lumen/op/local/patches.hpp>

namespace lumen::op::local {

/// What a plane [H, W, C] holds in patches: [B, C, h, w], zero outside the plane.
inline Tensor crops_of(const Tensor& plane, const Patches& patches) {
  const std::int64_t height = plane.size(0), width = plane.size(1), channels = plane.size(2);
  const std::int64_t b = patches.size(), h = patches.height(), w = patches.width();
  const auto places = [](const std::vector<std::int64_t>& begin, std::int64_t extent) {
    return at::tensor(begin, at::kLong).unsqueeze(1) + at::arange(extent, at::kLong);
  };
  const Tensor rows = places(patches.rows, h), columns = places(patches.columns, w);
  const Tensor at =
      (rows.clamp(0, height - 1).unsqueeze(2) * width + columns.clamp(0, width - 1).unsqueeze(1));
  Tensor result = plane.reshape({height * width, channels})
                      .index_select(0, at.reshape({-1}).to(plane.device()))
                      .view({b, h, w, channels});
  const Tensor inside =
      (rows.ge(0) & rows.lt(height)).unsqueeze(2) & (columns.ge(0) & columns.lt(width)).unsqueeze(1);
  if (!inside.all().item<bool>()) {
    result.masked_fill_(inside.logical_not().unsqueeze(3).to(plane.device()), 0);
  }
  return result.permute({0, 3, 1, 2});
}

namespace detail {

/// out[i] = in[i] * factor[i]; the inner loop is of constant length, which every optimisation level vectorises.
template <class T>
void multiply(const T* in, const T* factor, T* out, std::int64_t count) {
  constexpr std::int64_t block = 16;
  std::int64_t i = 0;
  for (; i + block <= count; i += block) {
    T products[block];
    for (std::int64_t j = 0; j < block; ++j) products[j] = in[i + j] * factor[i + j];
    for (std::int64_t j = 0; j < block; ++j) out[i + j] = products[j];
  }
  for (; i < count; ++i) out[i] = in[i] * factor[i];
}

/// One window [h, w, C] of `values` times what the plane [H, W, C] holds there.
template <class T>
void multiply_window(const T* values, const T* plane, T* out, std::int64_t channels, std::int64_t row,
                     std::int64_t column, std::int64_t h, std::int64_t w, std::int64_t height,
                     std::int64_t width) {
  const std::int64_t left = std::clamp<std::int64_t>(-column, 0, w);
  const std::int64_t right = std::clamp<std::int64_t>(width - column, left, w);
  for (std::int64_t y = 0; y < h; ++y, values += w * channels, out += w * channels) {
    if (row + y < 0 || row + y >= height) {
      std::fill(out, out + w * channels, T(0));
      continue;
    }
    std::fill(out, out + left * channels, T(0));
    const T* factor = plane + ((row + y) * width + column + left) * channels;
    multiply(values + left * channels, factor, out + left * channels, (right - left) * channels);
    std::fill(out + right * channels, out + w * channels, T(0));
  }
}

}  // namespace detail

/// The patches times what a plane [H, W, C] holds there, zero outside it.
inline Patches times_plane(Patches patches, const Tensor& plane) {
  const auto type = patches.values.scalar_type();
  if (!patches.values.is_cpu() || (type != at::kFloat && type != at::kDouble) ||
      plane.scalar_type() != type) {
    patches.values = patches.values * crops_of(plane, patches);
  } else {
    const Tensor values = patches.values.permute({0, 2, 3, 1}).contiguous();  // [B, h, w, C]
    const bool reuse = patches.owned || !values.is_alias_of(patches.values);
    const Tensor out = reuse ? values : at::empty_like(values);
    const std::int64_t h = patches.height(), w = patches.width(), channels = values.size(3);
    AT_DISPATCH_FLOATING_TYPES(type, "times_plane", [&] {
      for (std::int64_t b = 0; b < values.size(0); ++b) {
        const auto i = static_cast<std::size_t>(b);
        detail::multiply_window(values.data_ptr<scalar_t>() + b * h * w * channels,
                                plane.data_ptr<scalar_t>(), out.data_ptr<scalar_t>() + b * h * w * channels,
                                channels, patches.rows[i], patches.columns[i], h, w, plane.size(0),
                                plane.size(1));
      }
    });
    patches.values = out.permute({0, 3, 1, 2});
  }
  patches.clean = true;
  patches.owned = true;
  return patches;
}

}  // namespace lumen::op::local
